"""Answers checked, as the endpoint's JSON and as cards. All that a model or visitor wrote is escaped by `text`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from calls import parse_calls
from model import Answer
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
        "prompt": answer.prompt,
        "tokens": answer.tokens,
        "seconds": round(answer.seconds, 3),
        "tokens_per_second": round(answer.tokens_per_second, 2),
        "seconds_to_first_token": round(answer.first_seconds, 3),
    }


def error_json(message: str) -> dict[str, Any]:
    """The result of the `/call` endpoint where nothing was asked of the model."""
    empty: dict[str, Any] = as_json(CheckedAnswer(()), Answer(""))
    return {**empty, "error": message}


def card(number: int, call: CheckedCall) -> str:
    """One call with its verdict."""
    state, verdict = ("valid", "✓ valid") if call.valid else ("invalid", "✗ invalid")
    rows = "".join(_row(name, value) for name, value in call.arguments.items())
    arguments = f"<dl>{rows}</dl>" if rows else '<p class="none">no arguments</p>'
    return (
        f'<article class="call {state}" aria-label="Call {number}">'
        f'<header><code class="name">{text(call.name)}</code><span class="verdict">{verdict}</span></header>'
        f'{arguments}<p class="reason">{text(call.reason)}</p></article>'
    )


def _row(name: str, value: Any) -> str:
    shown = "(nested too deeply to show)" if unportable(value) else json.dumps(value, ensure_ascii=False)
    return f"<dt>{text(name)}</dt><dd><code>{text(shown)}</code></dd>"


def text(words: str) -> str:
    """Text as HTML shows it, whatever it holds."""
    return escape(whole_text(words))
