"""Numbers and dates as people say them, read back by word2number and dateutil."""

from __future__ import annotations

import random

import pytest
from word2number import w2n

from corpus.spoken_forms import date_forms, in_words, is_said, not_said, number_forms, number_words
from tests.corpus.heard import moment, numbers_in


@pytest.mark.parametrize("joined", [" ", " and "])
def test_numbers_in_words_are_read_back(joined: str) -> None:
    rng = random.Random(0)
    for number in [*range(1200), *(rng.randint(1000, 999_999) for _ in range(500)), 999_999]:
        # word2number is known to read "one hundred thousand" alone wrongly where a hundred follows; it reads these.
        assert w2n.word_to_num(number_words(number, joined)) == number


@pytest.mark.parametrize("number", [-1, 1_000_000])
def test_numbers_out_of_range_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="is not between"):
        number_words(number)


@pytest.mark.parametrize("number", [0.5, 2.5, 13.7, 499.9])
def test_decimals_in_words_are_read_back(number: float) -> None:
    spelt = [form for form in number_forms(number) if form[0].isalpha()]
    assert spelt and all(list(numbers_in(form)) == [number] for form in spelt)


@pytest.mark.parametrize("text", ["2024-02-29", "2025-11-02", "2026-03-13T00:15:00Z", "2021-12-01T15:30:00Z"])
def test_dates_are_read_back_and_no_form_is_ambiguous(text: str) -> None:
    forms = date_forms(text)
    assert forms[0] == text and len(forms) > 6 and len(set(forms)) == len(forms)
    for form in forms:
        assert moment(form) == moment(text), form
        assert is_said(text, f"Take it on {form}.")


def test_what_is_no_date_has_one_form() -> None:
    assert date_forms("2025-02-30") == ("2025-02-30",) and date_forms("blue") == ("blue",)


@pytest.mark.parametrize(
    ("value", "request_text", "said"),
    [
        (5, "take 5 of them", True), (5, "take 15 of them", False), (5, "take 0.5 of them", False), (5, "5.5 m", False),
        (5, "wait 5s, then go", True), (5, "at -5 degrees", False), (-5, "at -5 degrees", True), (5, "$5.", True),
        (1200, "1,200 boxes", True), (200, "1,200 boxes", False), (42, "forty-two boxes", True),
        (2, "forty-two boxes", False), (7, "seventeen", False), (412, "four hundred and twelve", True),
        (100.0, "100 litres", True), (True, "with it Enabled", True), (True, "the option", False),
        (False, "switched off", True), ("VERY_SLOW", "a very slow one", True), ("id", "a video", False),
        ("a b", "say 'a b'", True), (["x", 3], "x and three", True), ({"low": 1, "high": 9}, "from 1", False),
        ("2025-03-07", "on the 7th of March 2025", True), ("2025-03-07", "on the 17th of March 2025", False),
    ],
)  # fmt: skip
def test_whether_a_request_says_a_value(value: object, request_text: str, said: bool) -> None:
    assert is_said(value, request_text) is said


def test_what_is_not_said_is_named() -> None:
    assert not_said([["x", 4], True, "y"], "x and y") == [4, True]


def test_words_alone_are_told_from_figures() -> None:
    assert in_words(40, "forty boxes") and not in_words(40, "40 boxes") and not in_words(40, "boxes")
