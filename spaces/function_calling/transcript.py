"""The chat as HTML: requests, a column for each lane, calls as cards, results, time, and the states around them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cards import card, text
from chat import Step, Turn
from model import Answer
from validation import unportable


@dataclass(frozen=True)
class Exchange:
    """A request and what each lane made of it."""

    request: str
    turns: tuple[Turn, ...]


def transcript(exchanges: Sequence[Exchange], ended: str = "") -> str:
    """The whole chat; `ended` is a note below it."""
    if not exchanges and not ended:
        return note("empty", "No answer yet", "Write a request or click an example. The model’s calls appear here.")
    return "".join(_exchange(one) for one in exchanges) + ended


def error_note(message: str) -> str:
    """An input error, said where the answer would be."""
    return note("error", "This cannot be asked", message, role="alert")


def stopped_note() -> str:
    """Below an answer that the visitor stopped."""
    return note("stopped", "Stopped", "The model was stopped before its answer was whole.")


def _exchange(one: Exchange) -> str:
    lanes = "".join(_turn(turn, len(one.turns) > 1) for turn in one.turns)
    return f'<p class="request" dir="auto">{text(one.request)}</p><div class="lanes">{lanes}</div>'


def _turn(turn: Turn, named: bool) -> str:
    head = f"<h3>{text(turn.label)}</h3>" if named else ""
    steps = "".join(_step(number, step) for number, step in enumerate(turn.steps, 1))
    last = f'<p class="ended">{text(turn.note)}</p>' if turn.note else ""
    return f'<section class="lane" aria-label="{text(turn.label)}">{head}{steps or _waiting()}{last}</section>'


def _waiting() -> str:
    return '<div class="note writing"><h4>Waiting for its turn…</h4></div>'


def _step(number: int, step: Step) -> str:
    checked, answer = step.checked, step.answer
    if checked is None:
        head = "Reading the tools…" if not answer.tokens else f"Writing… {answer.tokens} tokens"
        return f'<div class="note writing"><h4>{head}</h4><pre>{text(answer.text)}</pre></div>'
    parts = [f'<h4 class="step">Step {number}</h4>'] if number > 1 else []
    parts += [card(place, call) for place, call in enumerate(checked.calls, 1)]
    if checked.words is not None:
        parts.append(note("words", "No call: the model answered in words", checked.words))
    if checked.problem is not None:
        cut = f" It was cut off after {answer.tokens} tokens." if answer.cut else ""
        parts.append(note("problem", "No readable call", checked.problem + cut, answer.text))
    parts.append(_speed(step))
    parts += [f'<p class="result"><span>result</span> <code>{_json(result)}</code></p>' for result in step.results]
    return "".join(parts)


def _speed(step: Step) -> str:
    calls = step.checked.calls if step.checked else ()
    valid, answer = sum(call.valid for call in calls), step.answer
    said = f"{len(calls)} {'call' if len(calls) == 1 else 'calls'}, {valid} valid · " if calls else ""
    cut = " · cut off" if answer.cut else ""
    speed = f"{answer.seconds:.1f} s · {answer.tokens} tokens · {answer.tokens_per_second:.1f} tokens/s"
    return f'<p class="speed">{said}{speed}{cut}</p>'


def _json(value: object) -> str:
    return text("(too deep to show)" if unportable(value) else json.dumps(value, ensure_ascii=False))


def note(kind: str, head: str, words: str, raw: str = "", role: str = "status") -> str:
    """A short message in a box."""
    shown = f"<pre>{text(raw)}</pre>" if raw.strip() else ""
    return f'<div class="note {kind}" role="{role}"><h4>{text(head)}</h4><p>{text(words)}</p>{shown}</div>'


def raw_views(exchanges: Sequence[Exchange]) -> tuple[str, str]:
    """Prompts and outputs of the last exchange, each answer under its lane and step."""
    rows: list[tuple[str, Answer]] = []
    for turn in exchanges[-1].turns if exchanges else ():
        rows += [(f"{turn.label}, step {number}", step.answer) for number, step in enumerate(turn.steps, 1)]
    if len(rows) == 1:
        return rows[0][1].prompt, rows[0][1].text
    return tuple("\n\n".join(f"── {head} ──\n{get(one)}" for head, one in rows) for get in (_prompt, _output))  # type: ignore[return-value]


def _prompt(answer: Answer) -> str:
    return answer.prompt


def _output(answer: Answer) -> str:
    return answer.text
