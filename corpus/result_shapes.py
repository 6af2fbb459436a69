"""Results in the shape an API documents: where a record lies in them, and filling them from stored values."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from corpus.spoken_forms import words_of

JsonSchema = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a result holds records."""

    path: tuple[str, ...]
    """Property names from the top; empty where the result is the record."""
    record: JsonSchema
    """Schema of one record; of type string where only identifiers are listed."""
    many: bool
    """Whether the path ends in a list of records."""


@cache
def normal(name: str) -> str:
    """`JobQueueName`, `job_queue_name` and `jobQueueName` all give `jobqueuename`."""
    return words_of(name).replace(" ", "")


def place_of(returns: JsonSchema, names: set[str], role: str) -> Place | None:
    """The part of a result that shows most of `names` (normal forms), outer parts first; None where none does.

    A list holds many records, any other role one.
    """
    best, most = None, 0
    for place in _places(returns):
        if place.many != (role == "list"):
            continue
        shown = {normal(one) for one in place.record.get("properties", {})}
        score = 1 if place.record.get("type") == "string" else 2 * len(shown & names)
        if score > most:
            best, most = place, score
    return best


def find_text(returns: JsonSchema, names: set[str]) -> bool:
    """Whether a result holds a text property of one of these normal names, at the top or one level deeper."""
    parts = returns.get("properties", {})
    inner = [part for part in parts.values() if part.get("type") == "object"]
    found = [item for one in (returns, *inner) for item in one.get("properties", {}).items()]
    return any(normal(name) in names and part.get("type") == "string" for name, part in found)


def is_long_running(returns: JsonSchema) -> bool:
    """Whether a result is Google's long-running operation, whose `response` is the resource (AIP-151)."""
    return {"done", "response"} <= set(returns.get("properties", {}))


def fill(schema: JsonSchema, values: dict[str, Any], noun: str) -> dict[str, Any]:
    """The properties of an object schema that `values` (by normal name, with or without the noun) fit."""
    own, filled = normal(noun), {}
    for name, part in schema.get("properties", {}).items():
        key = normal(name)
        for one in (key, key.removeprefix(own), own + key):
            if one in values and fits(values[one], part):
                filled[name] = values[one]
                break
    return filled


def fits(value: Any, schema: JsonSchema) -> bool:
    """Whether a value is valid against a schema."""
    return Draft202012Validator(schema).is_valid(value)


def put(path: tuple[str, ...], value: Any) -> Any:
    """`put(("a", "b"), 1)` is `{"a": {"b": 1}}`."""
    for name in reversed(path):
        value = {name: value}
    return value


def _places(returns: JsonSchema) -> list[Place]:
    found = [Place((), returns, many=False)]
    for name, part in returns.get("properties", {}).items():
        found += _inner(name, part)
    return found


def _inner(name: str, part: JsonSchema) -> list[Place]:
    if part.get("type") == "object" and "properties" in part:
        # AWS sometimes wraps a list once more, as CloudFront's DistributionList.Items.
        lists = [
            Place((name, inner), body.get("items", {}), many=True)
            for inner, body in part["properties"].items()
            if body.get("type") == "array" and body.get("items", {}).get("properties")
        ]
        return [Place((name,), part, many=False), *lists]
    if part.get("type") == "array" and part.get("items", {}).get("type") in ("object", "string"):
        return [Place((name,), part["items"], many=True)]
    return []
