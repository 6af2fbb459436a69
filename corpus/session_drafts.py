"""Arguments that a person would give for a family's operations, with the words that say them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from corpus.call_requests import Said
from corpus.call_values import REGIONS, WORDS, Value, make_value
from corpus.families import Family
from corpus.result_shapes import JsonSchema, fits, normal
from corpus.simulated_values import ACCOUNT, fits_everywhere
from corpus.spoken_forms import words_of

ATTEMPTS = 8
MOST_OPTIONAL = 3
"""Most optional parameters of one request."""
UNMEANT = ("UNSPECIFIED", "UNKNOWN", "DELET", "FAIL", "DEPRECATED")
"""Parts of enum values that nobody asks for."""


class NoSession(Exception):
    """A family and seed of which no session can be made; the message is the named reason."""


@dataclass(frozen=True)
class Draft:
    """A resource that somebody wants: the arguments of create, and how a request says them."""

    arguments: dict[str, Any]
    own: str | None
    """The name the caller gives it; None where the service does."""
    where: tuple[Said, ...]
    """The scope."""
    said: tuple[Said, ...]
    """The content."""


def draft(family: Family, scope: dict[str, str], rng: random.Random) -> Draft:
    """A resource within a scope. Raises NoSession: no_value or no_name."""
    properties = family.properties("create")
    needed = [one for one in family.content if one in family.operations["create"].parameters.get("required", [])]
    optional = [one for one in family.content if one not in needed]
    rng.shuffle(optional)
    # What can be changed later comes first: sessions are about it.
    optional.sort(key=lambda one: one not in family.changeable)
    wanted = [*needed, *optional[: rng.randint(1 if not needed else 0, MOST_OPTIONAL)]]
    values: dict[str, Value] = {}
    for one in wanted:
        value = value_of(one, properties[one], rng)
        if value is None and one in needed:
            raise NoSession("no_value")
        if value is not None:
            values[one] = value
    own = _own_name(family, rng) if family.origin.parameter else None
    arguments: dict[str, Any] = dict(scope)
    if own is not None and family.origin.parameter:
        arguments[family.origin.parameter] = own
    arguments |= {one: value.json for one, value in values.items()}
    where = tuple(Said(one, value, "scope") for one, value in scope.items())
    return Draft(arguments, own, where, tuple(said(one, properties[one], value) for one, value in values.items()))


def with_value(wanted: Draft, name: str, value: Any, spoken: str) -> Draft:
    """The same resource with another value of one parameter."""
    said = tuple(replace(one, spoken=spoken) if one.name == name else one for one in wanted.said)
    return replace(wanted, arguments={**wanted.arguments, name: value}, said=said)


def change(family: Family, current: dict[str, Any], rng: random.Random) -> tuple[str, Value]:
    """A parameter of update and its new value, which a get will show. Raises NoSession: no_change."""
    shown = {normal(name): part for name, part in family.places["get"].record.get("properties", {}).items()}
    fields = list(family.changeable)
    rng.shuffle(fields)
    fields.sort(key=lambda one: one not in current)
    for one in fields:
        for _ in range(ATTEMPTS):
            value = value_of(one, family.properties("update")[one], rng)
            if value is not None and value.json != current.get(one) and fits(value.json, shown[normal(one)]):
                return one, value
    raise NoSession("no_change")


def said(name: str, part: JsonSchema, value: Value) -> Said:
    """A value as a request says it."""
    return Said(name, value.spoken, "enum" if "enum" in part else str(part.get("type")))


def value_of(name: str, part: JsonSchema, rng: random.Random) -> Value | None:
    """A value that fits a schema, or None."""
    for _ in range(ATTEMPTS):
        value = make_value(name, _meant(part), rng)
        if fits(value.json, part):
            return value
    for text in _slugs(rng):
        if part.get("type") == "string" and "enum" not in part and fits(text, part):
            return Value(text, text)
    return None


def scope_of(family: Family, rng: random.Random) -> dict[str, str]:
    """Values for the scope. Raises NoSession: no_scope."""
    found = {}
    for name in family.scope:
        parts = [family.properties(role)[name] for role in family.operations if name in family.properties(role)]
        value = next((one for one in _places(family, name, rng) if all(fits(one, part) for part in parts)), None)
        if value is None:
            raise NoSession("no_scope")
        found[name] = value
    return found


def _meant(part: JsonSchema) -> JsonSchema:
    if "enum" in part:
        meant = [one for one in part["enum"] if not any(word in str(one).upper() for word in UNMEANT)]
        return {**part, "enum": meant or part["enum"]}
    return part


def _own_name(family: Family, rng: random.Random) -> str:
    part = family.properties("create")[family.origin.parameter or ""]
    for text in _slugs(rng):
        if fits(text, part) and (family.origin.composed or fits_everywhere(family, text)):
            return text
    raise NoSession("no_name")


def _slugs(rng: random.Random) -> list[str]:
    one, two = rng.sample(WORDS, 2)
    forms = [
        f"{one}-{two}",
        f"{one}-{rng.randint(1, 99)}",
        f"{two}_{one}",
        f"{one}{rng.randint(10, 99)}",
        f"{one}-{two}-v2",
    ]
    rng.shuffle(forms)
    digits = str(rng.randint(10**11, 10**12 - 1))
    return [
        *forms,
        one,
        one[:4],
        one[:2],
        digits,
        f"{one}-{two}-{digits}-{digits}",
        f"arn:aws:iam::{digits}:{one}/{two}",
    ]


def _places(family: Family, name: str, rng: random.Random) -> list[str]:
    words = words_of(name).split()
    if name == "parent" and family.origin.composed:
        return [_parent(family.collections[:-1], rng)]
    if "zone" in words:
        return [rng.choice(("us-central1-a", "europe-west1-b", "asia-east1-c", "us-east4-b")), *_slugs(rng)]
    if words[-1] in ("region", "location"):
        return [rng.choice(REGIONS if family.provider == "aws" else GOOGLE_REGIONS), *_slugs(rng)]
    if "account" in words:
        return [ACCOUNT, *_slugs(rng)]
    return _slugs(rng)


GOOGLE_REGIONS = ("us-central1", "europe-west1", "asia-east1", "us-east4", "europe-north1")


def _parent(collections: tuple[str, ...], rng: random.Random) -> str:
    if not collections:
        return f"organizations/{rng.randint(10**9, 10**12)}"
    made = []
    for collection in collections:
        one, two = rng.sample(WORDS, 2)
        own = f"{one}-{two}" if rng.random() < 0.6 else f"{one}-{rng.randint(10, 99)}"
        if collection == "locations":
            own = rng.choice(GOOGLE_REGIONS)
        elif collection in ("organizations", "folders", "billingAccounts", "accounts", "customers"):
            own = str(rng.randint(10**9, 10**12))
        made.append(f"{collection}/{own}")
    return "/".join(made)
