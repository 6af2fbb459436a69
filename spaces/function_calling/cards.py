"""Answers as HTML: one card a call. Everything a model or a visitor wrote is escaped here and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from calls import parse_calls
from model import MAX_NEW_TOKENS, Answer
from validation import Tool, check_call, unportable, whole_text

PROBLEMS = {
    "empty": "The model answered with nothing.",
    "too_long": "The answer is too long to read as calls.",
    "bad_json": "The answer holds a bracket where calls would start, and no valid JSON after it.",
    "not_calls": "The answer holds JSON, and it is no list of calls with a name and arguments.",
}


@dataclass(frozen=True)
class CheckedCall:
    """A call of the model, checked against the tools it was offered."""

    name: str
    arguments: dict[str, Any]
    valid: bool
    reason: str


@dataclass(frozen=True)
class CheckedAnswer:
    """What an answer holds: calls, or words, or a problem."""

    calls: tuple[CheckedCall, ...]
    words: str | None = None
    """The answer, where the model called nothing."""
    problem: str | None = None
    """Why the answer holds no calls, where it was meant to."""


def check_answer(answer: Answer, tools: Sequence[Tool]) -> CheckedAnswer:
    """Read the calls in a whole answer and check each against its schema."""
    parsed = parse_calls(answer.text)
    if parsed.problem == "words":
        return CheckedAnswer((), words=answer.text.strip())
    if parsed.problem:
        return CheckedAnswer((), problem=PROBLEMS[parsed.problem])
    checked = []
    for call in parsed.calls:
        valid, reason = check_call(call.name, call.arguments, tools)
        checked.append(CheckedCall(call.name, call.arguments, valid, reason))
    return CheckedAnswer(tuple(checked))


def as_json(checked: CheckedAnswer, answer: Answer) -> dict[str, Any]:
    """The result of the `/call` endpoint. Arguments that JSON cannot carry are left out; their reason says so."""
    calls = [
        {
            "name": whole_text(call.name),
            "arguments": {} if unportable(call.arguments) else call.arguments,
            "valid": call.valid,
            "reason": whole_text(call.reason),
        }
        for call in checked.calls
    ]
    return {
        "calls": calls,
        "words": checked.words,
        "problem": checked.problem,
        "error": None,
        "output": answer.text,
        "cut": answer.cut,
        "tokens": answer.tokens,
        "seconds": round(answer.seconds, 3),
        "tokens_per_second": round(answer.tokens_per_second, 2),
    }


def error_json(message: str) -> dict[str, Any]:
    """The result of the `/call` endpoint where nothing was asked of the model."""
    empty: dict[str, Any] = as_json(CheckedAnswer(()), Answer(""))
    return {**empty, "error": message}


def empty_page() -> str:
    """What the answer side shows before the first request."""
    return _note("empty", "No answer yet", "Write a request or click an example. The model’s calls appear here.")


def error_page(message: str) -> str:
    """An input error, said where the answer would be."""
    return _note("error", "This cannot be asked", message, role="alert")


def stopped_page() -> str:
    """The state after the visitor stopped the model."""
    return _note("empty", "Stopped", "The model was stopped before its answer was whole.")


def writing_page(answer: Answer) -> str:
    """The answer so far, as it streams in."""
    head = "Reading the tools…" if not answer.tokens else f"Writing… {answer.tokens} tokens"
    return f'<div class="note writing"><h3>{head}</h3><pre>{_text(answer.text)}</pre></div>'


def answer_page(checked: CheckedAnswer, answer: Answer) -> str:
    """The whole answer: cards, words or a problem, and how long it took."""
    parts = [_card(number, call) for number, call in enumerate(checked.calls, 1)]
    if checked.words is not None:
        parts.append(_note("words", "No call: the model answered in words", checked.words))
    if checked.problem is not None:
        cut = f" It was cut off after {MAX_NEW_TOKENS} tokens." if answer.cut else ""
        parts.append(_note("problem", "No readable call", checked.problem + cut, answer.text))
    return "".join(parts) + _speed(checked, answer)


def _speed(checked: CheckedAnswer, answer: Answer) -> str:
    count = len(checked.calls)
    valid = sum(call.valid for call in checked.calls)
    calls = f"{count} {'call' if count == 1 else 'calls'}, {valid} valid · " if count else ""
    cut = f" · cut off at {MAX_NEW_TOKENS} tokens" if answer.cut else ""
    speed = f"{answer.seconds:.1f} s · {answer.tokens} tokens · {answer.tokens_per_second:.1f} tokens/s"
    return f'<p class="speed">{calls}{speed}{cut}</p>'


def _card(number: int, call: CheckedCall) -> str:
    state, verdict = ("valid", "✓ valid") if call.valid else ("invalid", "✗ invalid")
    rows = "".join(_row(name, value) for name, value in call.arguments.items())
    arguments = f"<dl>{rows}</dl>" if rows else '<p class="none">no arguments</p>'
    return (
        f'<article class="call {state}" aria-label="Call {number}">'
        f'<header><code class="name">{_text(call.name)}</code><span class="verdict">{verdict}</span></header>'
        f'{arguments}<p class="reason">{_text(call.reason)}</p></article>'
    )


def _row(name: str, value: Any) -> str:
    shown = "(nested too deeply to show)" if unportable(value) else json.dumps(value, ensure_ascii=False)
    return f"<dt>{_text(name)}</dt><dd><code>{_text(shown)}</code></dd>"


def _note(kind: str, head: str, words: str, raw: str = "", role: str = "status") -> str:
    shown = f"<pre>{_text(raw)}</pre>" if raw.strip() else ""
    return f'<div class="note {kind}" role="{role}"><h3>{_text(head)}</h3><p>{_text(words)}</p>{shown}</div>'


def _text(text: str) -> str:
    return escape(whole_text(text))
