"""One multi-turn conversation of BFCL: what is asked, what the simulated classes answer, and the verdict."""

from __future__ import annotations

import json
from typing import Any

from eval.multi_turn import Step
from eval.settled import calls_end
from eval.tasks.bfcl.multi_turn_entries import Entry
from eval.tasks.bfcl.multi_turn_execution import REFUSED, Environment, as_text, executor, forget, fresh_name
from eval.tasks.bfcl.scoring import CHECKER_ERRORS
from records.calls import Message, calls_message, parse_calls, render_chat

MOST_STEPS_A_TURN = 20
"""bfcl_eval/constants/default_prompts.py, MAXIMUM_STEP_LIMIT: beyond it a conversation has failed."""
NEW_FUNCTIONS = "I have updated some more functions you can choose from. What about now?"
"""What the user says when held-out functions appear (DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC)."""
MOST_ANSWER = 20_000
"""Characters of an answer that the transcript keeps; an answer that long holds no calls (`too_long`)."""


class BfclEpisode:
    """See `eval.multi_turn.Episode`. A turn ends with the first answer that holds no calls."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.environment: Environment | None = Environment(entry.raw, entry.long_context)
        self.messages: list[Message] = []
        self.turns: list[list[str]] = []
        self.results: list[list[list[str]]] = []
        self.reason: str | None = None
        self._next_turn()

    def _next_turn(self) -> None:
        turn = len(self.turns)
        if turn == len(self.entry.turns):
            self._close("ended")
            return
        said = self.entry.turns[turn] or [{"role": "user", "content": NEW_FUNCTIONS}]
        self.messages.extend(said)
        self.turns.append([])
        self.results.append([])

    def _close(self, reason: str) -> None:
        self.reason = reason
        if self.environment:
            self.environment.close()
            self.environment = None

    def step(self) -> Step | None:
        """See `Episode`."""
        if self.reason:
            return None
        tools = self.entry.tools(len(self.turns) - 1)
        prompt = render_chat(self.messages, tools, answer_next=True)
        return Step(prompt.encode(errors="replace").decode(), list(self.messages), tools, settles=True)

    def take(self, answer: str) -> str | None:
        """See `Episode`."""
        assert self.environment
        self.turns[-1].append(answer[: MOST_ANSWER + 1])
        parsed = parse_calls(answer)
        if not parsed.calls:
            self.results[-1].append([])
            self.messages.append({"role": "assistant", "content": answer[:MOST_ANSWER]})
            self._next_turn()
            return None
        calls = [as_text(call) for call in parsed.calls]
        results = self.environment.execute(calls)
        self.results[-1].append(results)
        refused = REFUSED in calls  # may hold what a template cannot write again
        written = {"role": "assistant", "content": answer[: calls_end(answer)]}
        self.messages.append(written if refused else calls_message(parsed.calls))
        self.messages.extend({"role": "tool", "content": result} for result in results)
        if len(self.turns[-1]) > MOST_STEPS_A_TURN:
            self._close("endless_turn")
        return json.dumps([len(self.turns), calls, results])

    def end(self, reason: str) -> None:
        """See `Episode`."""
        self._close(reason)

    def transcript(self) -> dict[str, Any]:
        """Answers and results by turn and step, and why it ended (`ended` is the regular end)."""
        return {"ended": self.reason, "turns": self.turns, "results": self.results}


def decoded(turns: list[list[str]]) -> list[list[list[str]]]:
    """The calls of each turn and step as the official checker wants them; steps without calls are left out."""
    return [
        [[as_text(call) for call in calls] for step in turn if (calls := parse_calls(step).calls)] for turn in turns
    ]


def judge_transcript(entry: Entry, transcript: dict[str, Any]) -> tuple[bool, str]:
    """Right or wrong with a named reason: why the runner ended it, or the official checker's `error_type`.

    One that did not reach its last turn has failed, as in bfcl_eval's runner (`multi_turn:force_terminated`).
    """
    if transcript["ended"] != "ended" or len(transcript["turns"]) != len(entry.gold):
        return False, f"multi_turn:{transcript['ended']}"
    calls = decoded(transcript["turns"])
    right, reason = check(entry, calls)
    if not right and any(REFUSED in step for turn in calls for step in turn):
        return False, f"{reason}, with refused calls"
    return right, reason


def check(entry: Entry, calls: list[list[list[str]]]) -> tuple[bool, str]:
    """The official verdict on decoded calls by turn and step: `right`, its error type, or what it raised."""
    executor()
    from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import (  # type: ignore[import-not-found]
        multi_turn_checker,
    )

    name = fresh_name()
    try:
        verdict = multi_turn_checker(calls, entry.gold, entry.raw, entry.category, name)
    except (*CHECKER_ERRORS, AssertionError) as error:
        return False, f"checker_raised:{type(error).__name__}"
    finally:
        forget(name)
    return (True, "right") if verdict["valid"] else (False, str(verdict["error_type"]))
