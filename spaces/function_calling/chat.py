"""One turn of the chat: the model answers, its calls are run in a small world, results go back, until it says words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from cards import CheckedAnswer, check_answer
from model import Answer, Answers, Message
from simulation import Result, World
from validation import Tool, unportable

MAX_STEPS = 4


@dataclass(frozen=True)
class Lane:
    """One column of a comparison."""

    label: str
    model: Answers
    constrained: bool = False


@dataclass(frozen=True)
class Step:
    """One answer of the model and what its calls gave."""

    answer: Answer
    checked: CheckedAnswer | None = None
    """None while the answer is being written."""
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Turn:
    """What one lane made of a request."""

    label: str
    steps: tuple[Step, ...] = ()
    note: str = ""
    """Why it ended, where that is not plain from the last step."""
    messages: tuple[Message, ...] = field(default=())
    """What to add to the conversation."""


def take_turn(lane: Lane, history: Sequence[Message], tools: Sequence[Tool], run_tools: bool) -> Iterator[Turn]:
    """Yield the turn as it grows; the last one is whole. The history ends with the visitor's request.

    Raises:
        InputError: the prompt is too long, or the tools make no grammar.
    """
    turn, world, added = Turn(lane.label), World(), list[Message]()
    for _ in range(MAX_STEPS if run_tools else 1):
        # Once there are results, a forced call could never end: only the first step is constrained.
        answer = Answer("")
        for answer in lane.model.stream([*history, *added], tools, lane.constrained and not added):
            yield replace(turn, steps=(*turn.steps, Step(answer)))
        checked = check_answer(answer, tools)
        added.append(_said(checked, answer))
        repeated = any(step.checked and step.checked.calls == checked.calls for step in turn.steps)
        results = _run(world, checked) if run_tools and checked.calls and not repeated else ()
        added += [{"role": "tool", "content": result} for result in results]
        turn = replace(turn, steps=(*turn.steps, Step(answer, checked, results)), messages=tuple(added))
        if not results:
            note = "The model made the same calls again, so the run ends here." if repeated and checked.calls else ""
            yield replace(turn, note=note)
            return
        yield turn
    yield replace(turn, note=f"Ended after {MAX_STEPS} steps.")


def _run(world: World, checked: CheckedAnswer) -> tuple[Result, ...]:
    return tuple(
        world.run(call.name, call.arguments) if call.valid else {"error": f"not run: {call.reason[:160]}"}
        for call in checked.calls
    )


def _said(checked: CheckedAnswer, answer: Answer) -> Message:
    if not checked.calls or any(unportable(call.arguments) for call in checked.calls):
        return {"role": "assistant", "content": answer.text}
    calls = [{"type": "function", "function": {"name": c.name, "arguments": c.arguments}} for c in checked.calls]
    return {"role": "assistant", "tool_calls": calls}
