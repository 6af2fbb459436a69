"""Scores of API-Bank: calls against the gold call's parameters, responses by ROUGE-L.

The call is read by the patterns of the authors' `api_call_extraction.py`. Nothing a model writes is evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from eval.tasks.api_bank.samples import Sample, call_text

MAX_ANSWER_CHARACTERS = 8_000
"""Longer answers are wrong unread: the patterns take time that grows with the square of the length."""
MAX_WORDS = 800
"""ROUGE-L of more words would exceed Python's recursion limit inside the package `rouge`."""

_CALL = re.compile(r"\[(\w+)\((.*)\)\]")
_PARAMETER = re.compile(r"(\w+)\s*=\s*['\"](.+?)['\"]|(\w+)\s*=\s*(\[.*\])|(\w+)\s*=\s*(\w+)")


@dataclass(frozen=True)
class Verdict:
    """What scoring says of one answer."""

    score: float
    """1 or 0 for a call, ROUGE-L (0 to 1) for a response."""
    reason: str
    """`right`, `scored`, or what is wrong: `empty`, `too_long`, `no_call`, `wrong_api`, `missing_parameter`,
    `unknown_parameter`, `wrong_value`, `no_words`, `rouge_raised:<exception>`."""


def read_call(text: str) -> tuple[str, dict[str, str]] | None:
    """`(name, {parameter: value as text})` of the first `[Name(…)]`, or None."""
    found = _CALL.search(text)
    if found is None:
        return None
    values: dict[str, str] = {}
    for match in _PARAMETER.finditer(found.group(2)):
        groups = match.groups()
        place = next(n for n in (0, 2, 4) if groups[n])
        values[groups[place]] = groups[place + 1]
    return found.group(1), values


def judge_call(sample: Sample, answer: str) -> Verdict:
    """A call is right when name and parameters are those of the gold call read by the same patterns."""
    if not answer.strip():
        return Verdict(0.0, "empty")
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return Verdict(0.0, "too_long")
    call = read_call(answer)
    if call is None:
        return Verdict(0.0, "no_call")
    gold = read_call(call_text(sample.truth))
    assert gold is not None
    return _compare(call, gold)


def _compare(call: tuple[str, dict[str, str]], gold: tuple[str, dict[str, str]]) -> Verdict:
    if call[0] != gold[0]:
        return Verdict(0.0, "wrong_api")
    if gold[1].keys() - call[1].keys():
        return Verdict(0.0, "missing_parameter")
    if call[1].keys() - gold[1].keys():
        return Verdict(0.0, "unknown_parameter")
    same = all(_plain(call[1][name]) == _plain(value) for name, value in gold[1].items())
    return Verdict(1.0, "right") if same else Verdict(0.0, "wrong_value")


def _plain(value: Any) -> str:
    """Lists may be quoted either way: the authors turn `'` into `"` before they read them."""
    return str(value).replace("'", '"').replace('", "', '","')


def judge_response(sample: Sample, answer: str) -> Verdict:
    """ROUGE-L F1 of package `rouge` 1.0.1, rounded to four places, as `calculate_rouge_l_score` gives it."""
    if not answer.strip():
        return Verdict(0.0, "empty")
    if len(answer) > MAX_ANSWER_CHARACTERS or len(answer.split()) > MAX_WORDS:
        return Verdict(0.0, "too_long")
    if not any(part.split() for part in answer.split(".")):
        return Verdict(0.0, "no_words")
    from rouge import Rouge

    try:
        score = Rouge().get_scores(answer, sample.truth["text"])[0]["rouge-l"]["f"]
    except (ValueError, RecursionError) as error:
        return Verdict(0.0, f"rouge_raised:{type(error).__name__}")
    return Verdict(round(float(score), 4), "scored")
