"""From an answer to right or wrong, with a named reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from eval.tasks.bfcl.official import check
from eval.tasks.bfcl.questions import Question, by_id
from records.calls import Call, parse_calls

CHECKER_ERRORS = (
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the official checker's code raises on values it did not foresee. Its own runner would stop there; here the
answer is wrong."""

MOST_SHOWN = 60
"""Levels of nesting that a sample shows."""


@dataclass(frozen=True)
class Verdict:
    """What scoring says of one answer."""

    right: bool
    reason: str
    """`right`, a problem of `records.calls.parse_calls`, the official checker's `error_type`,
    `checker_raised:<exception>`, `irrelevance_error:called` or `relevance_error:not_called`."""
    calls: tuple[Call, ...]


def judge(question: Question, answer: str) -> Verdict:
    """Score one answer as BFCL does; never raises on what a model writes, and evaluates none of it."""
    parsed = parse_calls(answer)
    if question.category.endswith("irrelevance"):
        return Verdict(not parsed.calls, "irrelevance_error:called" if parsed.calls else "right", parsed.calls)
    if question.category.endswith("relevance"):
        return Verdict(bool(parsed.calls), "right" if parsed.calls else "relevance_error:not_called", parsed.calls)
    if parsed.problem:
        return Verdict(False, parsed.problem, ())
    decoded = [{call.name: call.arguments} for call in parsed.calls]
    try:
        verdict = check(question.functions, decoded, question.gold, question.category)
    except CHECKER_ERRORS as error:
        return Verdict(False, f"checker_raised:{type(error).__name__}", parsed.calls)
    if verdict["valid"]:
        return Verdict(True, "right", parsed.calls)
    return Verdict(False, str(verdict["error_type"]), parsed.calls)


def describe_answer(category: str, question_id: str, answer: str) -> dict[str, Any]:
    """What a sample says beside right or wrong: the calls that were read."""
    verdict = judge(by_id(category)[question_id], answer)
    return {"calls": [{"name": call.name, "arguments": _finite(call.arguments)} for call in verdict.calls]}


def _finite(value: Any, depth: int = 0) -> Any:
    """JSON has no infinity, yet 1e999 reads as one; what is nested beyond any use is left out."""
    if depth > MOST_SHOWN:
        return "…"
    if isinstance(value, dict):
        return {key: _finite(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part, depth + 1) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
