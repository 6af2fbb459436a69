"""Whether a text says a value, worked out with word2number and dateutil and not with the code that wrote the text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

from dateutil import parser
from word2number import w2n

WORDS = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|"
    r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|point)"
)
RUN = re.compile(rf"\b{WORDS}(?:(?:[ -]|(?<=hundred) and |(?<=thousand) and ){WORDS}\b)*\b(?P<half> and a half)?", re.I)
WINDOW = 11
"""Most words of a date with its time."""


def leaves(value: Any) -> list[Any]:
    """What a JSON value holds below its lists and objects."""
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in leaves(part)]
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, list) else [value]


def is_heard(value: Any, text: str) -> bool:
    """Whether a text says one leaf of a JSON value."""
    if isinstance(value, bool):
        return re.search(r"\b(enabled|true|on)\b" if value else r"\b(disabled|false|off)\b", text) is not None
    if isinstance(value, int | float):
        return any(form in text for form in (f"{value:g}", str(value), f"{value:,}")) or value in set(numbers_in(text))
    if re.fullmatch(r"\d{4}-\d\d-\d\d(T[\d:]+Z)?", value) and value not in text:
        return moment(value) in set(moments_in(text))
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-.\s]+", " ", value).lower()
    return value in text or plain in text


def numbers_in(text: str) -> Iterator[float]:
    """Numbers that a text spells."""
    for found in RUN.finditer(text):
        half = 0.5 if found["half"] else 0
        spelt = found[0].removesuffix(found["half"] or "")
        try:
            yield w2n.word_to_num(spelt.lower()) + half
        except ValueError:
            continue


def moments_in(text: str) -> Iterator[datetime.datetime]:
    """Dates and times that stretches of a text are, as dateutil reads them."""
    words = text.split()
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + WINDOW) + 1):
            stretch = " ".join(words[start:end]).strip("'\".,;:?()[]")
            if re.search(r"\d{4}", stretch):
                try:
                    yield moment(stretch)
                except (ValueError, OverflowError):
                    continue


def moment(text: str) -> datetime.datetime:
    """A date, or a date and a time of UTC; midnight where none is said."""
    read = parser.parse(text.replace("the ", ""), default=datetime.datetime(1, 1, 1))
    return read.replace(tzinfo=datetime.UTC)
