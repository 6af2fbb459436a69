"""How people say a value: numbers in words, dates in several forms; and whether a request says a value."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MONTHS = "January February March April May June July August September October November December".split()
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
LARGEST_IN_WORDS = 999_999
YES, NO = ("enabled", "true", "on", "yes"), ("disabled", "false", "off", "no", "without")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):00Z)?")
_WORD = "|".join([*ONES, *TENS[1:], "hundred", "thousand", "point"])
_RUN = re.compile(
    rf"(?<![\w-])(?:{_WORD})(?:(?:[ -]|(?<=hundred) and |(?<=thousand) and )(?:{_WORD})\b)*(?: and a half)?(?![\w-])"
)
"""Number words that belong together."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\-.\s]+")


def words_of(name: str) -> str:
    """`MaxResults`, `max_results` and `maxResults` all give `max results`."""
    return " ".join(_CAMEL.sub(" ", name).split()).lower()


def number_words(number: int, joined: str = " ") -> str:
    """English cardinal: `two hundred forty-two`; `joined=" and "` gives `two hundred and forty-two`.

    Raises:
        ValueError: the number is not between 0 and LARGEST_IN_WORDS.
    """
    if not 0 <= number <= LARGEST_IN_WORDS:
        raise ValueError(f"{number} is not between 0 and {LARGEST_IN_WORDS}")
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    unit, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    rest = number % unit
    link = " " if rest > 99 else joined
    return f"{number_words(number // unit, joined)} {name}" + (f"{link}{number_words(rest, joined)}" if rest else "")


def number_forms(number: float) -> tuple[str, ...]:
    """Figures with and without thousands set apart, and words where there are any, the most common first."""
    figures = [str(number), f"{number:g}", f"{number:,}"]
    if isinstance(number, int) and 0 <= number <= LARGEST_IN_WORDS:
        figures += [number_words(number), number_words(number, " and ")]
    elif isinstance(number, float) and 0 <= number <= LARGEST_IN_WORDS and f"{number:.1f}" == str(number):
        whole, tenth = str(number).split(".")
        figures += [f"{number_words(int(whole))} point {ONES[int(tenth)]}"]
        figures += [f"{number_words(int(whole))} and a half"] if tenth == "5" and int(whole) else []
    return tuple(dict.fromkeys(figures))


def date_forms(text: str) -> tuple[str, ...]:
    """Ways to say an ISO 8601 date, or a date and time in UTC, itself first; none is ambiguous. Other text: itself."""
    found = _DATE.fullmatch(text)
    try:
        year, month, day = (int(part) for part in found.groups()[:3]) if found else (0, 0, 0)
        datetime.date(year, month, day)
    except ValueError:
        return (text,)
    assert found is not None
    name = MONTHS[month - 1]
    dates = [
        f"{name} {day}, {year}", f"{day} {name} {year}", f"{name} {_ordinal(day)}, {year}",
        f"the {_ordinal(day)} of {name} {year}", f"{name[:3]} {day}, {year}", f"{day} {name[:3]} {year}",
        f"{year}/{month:02d}/{day:02d}",
    ]  # fmt: skip
    if found[4] is None:
        return (text, *dates)
    hour, minute = int(found[4]), int(found[5])
    twelve = f"{hour % 12 or 12}:{minute:02d} {'am' if hour < 12 else 'pm'} UTC"
    times = (f"{hour:02d}:{minute:02d} UTC", twelve)
    return (text, *(form.format(date=date, time=time) for date in dates for time in times for form in _MOMENTS))


_MOMENTS = ("{date} at {time}", "{date}, {time}", "{time} on {date}")


def _ordinal(day: int) -> str:
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def is_said(value: Any, request: str) -> bool:
    """Whether a request says a JSON value: every leaf of it, as it stands or in a form that people use.

    A number must stand alone (5 is not said by 15 or 0.5), a switch by a word such as `enabled` or `off`.
    """
    return all(_leaf_is_said(leaf, request) for leaf in leaves(value))


def not_said(arguments: Iterable[Any], request: str) -> list[Any]:
    """The leaves of arguments that a request does not say."""
    return [leaf for value in arguments for leaf in leaves(value) if not _leaf_is_said(leaf, request)]


def leaves(value: Any) -> Iterator[Any]:
    """What a JSON value holds below its lists and objects."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def in_words(number: float, request: str) -> bool:
    """Whether a request says a number, and says it in words alone."""
    return is_said(number, request) and not any(_has_figures(form, request) for form in _figures(number))


def _leaf_is_said(leaf: Any, request: str) -> bool:
    if leaf is None or leaf == "":
        return True
    if isinstance(leaf, bool):
        return any(_has_words(word, request.lower()) for word in (YES if leaf else NO))
    if isinstance(leaf, int | float):
        if any(_has_figures(form, request) for form in _figures(leaf)):
            return True
        spelt = set(_RUN.findall(request.lower()))
        return any(form in spelt for form in number_forms(leaf) if form[0].isalpha())
    if _has_words(leaf, request) or _has_words(words_of(leaf), words_of(request)):
        return True
    return any(_has_words(form.lower(), request.lower()) for form in date_forms(leaf)[1:])


def _figures(number: float) -> list[str]:
    return [form for form in number_forms(number) if not form[0].isalpha()]


def _has_figures(figures: str, request: str) -> bool:
    # A unit may follow at once (30s, 5GB), a digit or the rest of a decimal may not.
    for start in _places(figures, request):
        before, after = request[start - 1 : start], request[start + len(figures) :][:2]
        goes_on = after[:1].isdigit() or (after[:1] in (".", ",") and after[1:].isdigit())
        if not (before.isalnum() or before in tuple("_.,-")) and not goes_on:
            return True
    return False


def _has_words(words: str, request: str) -> bool:
    return any(
        not (_joins(request[start - 1 : start]) and _joins(words[:1]))
        and not (_joins(request[start + len(words) :][:1]) and _joins(words[-1:]))
        for start in _places(words, request)
    )


def _joins(character: str) -> bool:
    return character.isalnum() or character == "_"


def _places(part: str, text: str) -> Iterator[int]:
    start = text.find(part) if part else -1
    while start >= 0:
        yield start
        start = text.find(part, start + 1)
