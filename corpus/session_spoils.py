"""Arguments that break their schema in ways that people and models get them wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from corpus.families import Family
from corpus.result_shapes import JsonSchema
from corpus.spoken_forms import words_of

MOST_CHOICES = 12
"""Most values of an enum that an error message lists."""


@dataclass(frozen=True)
class Spoil:
    """An argument that breaks the schema, and the one that mends it."""

    name: str
    wrong: Any
    """Absent where `kind` is `missing`."""
    right: Any
    spoken: str
    """How the request says it."""
    kind: str
    """`type`, `enum`, `bound` or `missing`."""


def spoil(family: Family, role: str, arguments: dict[str, Any], rng: random.Random) -> Spoil | None:
    """A way to get one of the arguments wrong that the error message helps to mend; None where there is none."""
    found = []
    for name, value in arguments.items():
        part = family.properties(role)[name]
        if name in family.scope or name in family.identifiers.values() or name == family.origin.parameter:
            continue
        found += _spoils(name, value, part)
        if name in family.operations[role].parameters.get("required", []):
            found.append(Spoil(name, None, value, "", "missing"))
    return rng.choice(found) if found else None


def _spoils(name: str, value: Any, part: JsonSchema) -> list[Spoil]:
    if choices := part.get("enum"):
        wrong = words_of(str(value)).replace(" ", _joint(str(value)))
        return (
            [Spoil(name, wrong, value, wrong, "enum")] if wrong not in choices and len(choices) <= MOST_CHOICES else []
        )
    found = []
    if isinstance(value, bool):
        found.append(Spoil(name, "yes" if value else "no", value, "true" if value else "false", "type"))
    elif isinstance(value, int | float):
        found.append(Spoil(name, str(value), value, str(value), "type"))
        most, least = part.get("maximum"), part.get("minimum")
        if isinstance(most, int) and most < 1_000_000:
            found.append(Spoil(name, most * 2 + 1, most, str(most * 2 + 1), "bound"))
        if isinstance(least, int) and least > 1:
            found.append(Spoil(name, least - 1, least, str(least - 1), "bound"))
    elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        found.append(Spoil(name, value[0], value, value[0], "type"))
    return found


def _joint(value: str) -> str:
    """What joins the words of a wrong enum value: people write `on-demand` or `on demand` for ON_DEMAND."""
    return "-" if len(value) % 2 else " "
