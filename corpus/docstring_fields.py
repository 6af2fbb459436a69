"""Fields of Sphinx docstrings (`:param int size: how many`), as the generators of SDKs write them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FIELD = re.compile(r"^ *:(\w+)(?: +([^:\n]*?))?:(?= |$)", re.M)
PARAMETERS = frozenset(("param", "parameter", "arg", "ivar"))


@dataclass
class Fields:
    """What a docstring says; texts are as they stand."""

    text: str
    """Before the first field."""
    descriptions: dict[str, str] = field(default_factory=dict)
    """By parameter, in the order of the docstring."""
    types: dict[str, str] = field(default_factory=dict)
    returns: str = ""
    return_type: str = ""


def fields_of(docstring: str) -> Fields:
    """The text, parameters and result of a docstring; a field ends where the next begins."""
    starts = [*_FIELD.finditer(docstring)]
    ends = [*(found.start() for found in starts[1:]), len(docstring)]
    fields = Fields(docstring[: starts[0].start()].strip() if starts else docstring.strip())
    for start, end in zip(starts, ends, strict=False):
        kind, named, words = start[1], (start[2] or "").split(), docstring[start.end() : end].strip()
        if kind in PARAMETERS and named:
            fields.descriptions[named[-1]] = words
            if len(named) > 1:
                fields.types[named[-1]] = " ".join(named[:-1])
        elif kind == "type" and named:
            fields.types[named[-1]] = words
        elif kind in ("return", "returns"):
            fields.returns = words
        elif kind == "rtype":
            fields.return_type = words
    return fields
