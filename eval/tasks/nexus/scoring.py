"""Exact match of a call: same function, and the same arguments once positions and defaults are resolved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from eval.tasks.nexus.definitions import REQUIRED, Definition
from eval.tasks.nexus.questions import Question, called, whole
from records.calls import MAX_ANSWER_CHARACTERS, parse_calls

NO_CALL = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError, TypeError)
"""What reading a text as one literal call may raise."""


@dataclass(frozen=True)
class Verdict:
    """What scoring says of one answer."""

    right: bool
    reason: str
    """`right`, `empty`, `too_long`, `no_call`, `more_calls`, `unknown_function`, `bad_arguments`, `wrong_function` or
    `wrong_arguments`."""


def judge(question: Question, answer: str) -> Verdict:
    """Score one answer; never raises on what a model writes, and evaluates none of it."""
    if not answer.strip():
        return Verdict(False, "empty")
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return Verdict(False, "too_long")
    written = read_answer(answer)
    if isinstance(written, str):
        return Verdict(False, written)
    name, positional, named = written
    if name not in question.functions:
        return Verdict(False, "unknown_function")
    arguments = bind(question.functions[name], positional, named)
    if arguments is None:
        return Verdict(False, "bad_arguments")
    gold_name, gold_positional, gold_named = called(question.reference)
    if name != gold_name:
        return Verdict(False, "wrong_function")
    same = arguments == bind(question.functions[gold_name], gold_positional, gold_named)
    return Verdict(same, "right" if same else "wrong_arguments")


def read_answer(answer: str) -> tuple[str, list[Any], dict[str, Any]] | str:
    """The call of an answer, JSON or Python, or the named reason why there is none."""
    parsed = parse_calls(answer)
    if parsed.calls:
        if len(parsed.calls) > 1:
            return "more_calls"
        call = parsed.calls[0]
        try:
            return call.name, [], {name: whole(value) for name, value in call.arguments.items()}
        except NO_CALL:
            return "no_call"
    try:
        return called(python_text(answer))
    except NO_CALL:
        return "no_call"


def python_text(answer: str) -> str:
    """The part of an answer that may be a Python call: the authors' `Initial Answer:`, a code fence, or all of it."""
    if "Initial Answer:" in answer:
        return answer.split("Initial Answer:", 1)[1].strip().split("\n")[0]
    fenced = re.search(r"```(?:python)?\n(.*?)\n?```", answer, re.DOTALL)
    return (fenced.group(1) if fenced else answer).strip()


def bind(function: Definition, positional: list[Any], named: dict[str, Any]) -> dict[str, Any] | None:
    """All parameters with their values, defaults filled in; None where Python would refuse the call."""
    names = [name for name, _, _ in function.parameters]
    if len(positional) > len(names) or not set(named) <= set(names[len(positional) :]):
        return None
    values = {name: default for name, _, default in function.parameters}
    values |= dict(zip(names, positional, strict=False)) | named
    return None if any(value is REQUIRED for value in values.values()) else values
