"""What a simulated service answers: a stored resource in the shape that the API's documentation gives its results."""

from __future__ import annotations

from typing import Any

from corpus.families import Family
from corpus.result_shapes import JsonSchema, Place, fill, fits, is_long_running, normal, put
from corpus.simulated_values import complete, time_text
from corpus.spoken_forms import words_of

IDENTIFIER = "\0"
"""Key of a stored resource under which its identifier lies; no property has this name."""
LEAVING = ("DELETING", "DELETED", "Deleting", "deleting", "DELETE_IN_PROGRESS")


def answer_of(family: Family, role: str, values: dict[str, Any], number: int, now: int) -> dict[str, Any]:
    """The result of a role's operation on a resource.

    `values` are its properties by normal name; `number` names the operation where it is a long-running one, and `now`
    is the Unix time.
    """
    api, place = family.operations[role], family.places.get(role)
    if is_long_running(api.returns):
        shown = {} if role == "delete" else record_at(family.places["get"], values, family.noun)
        return {"name": f"operations/{role}-{number:x}", "done": True, "response": shown}
    parts = api.returns.get("properties", {})
    if {"operationType", "status"} <= set(parts):
        return _compute_operation(parts, api.name.rsplit("_", 1)[-1], number, now)
    beside = {name: part for name, part in parts.items() if part.get("type") not in ("object", "array")}
    answer = fill({"properties": beside}, values, family.noun) if place is None or place.path else {}
    if place is not None:
        shown = {**values, **(_leaving(place.record) if role == "delete" else {})}
        record = record_at(place, shown, family.noun)
        answer |= put(place.path, [record] if place.many else record)
    return complete(api.returns, answer, str(values[IDENTIFIER]))


def record_at(place: Place, values: dict[str, Any], noun: str) -> Any:
    """The record that a place of a result shows of a resource."""
    if place.record.get("type") == "string":
        return values[IDENTIFIER]
    return complete(place.record, fill(place.record, values, noun), values[IDENTIFIER])


def _leaving(record: JsonSchema) -> dict[str, Any]:
    """The state of a resource that has just been deleted, where the result can tell it."""
    found: dict[str, Any] = {}
    for name, part in record.get("properties", {}).items():
        if words_of(name).split()[-1:] in (["status"], ["state"]):
            found |= {normal(name): one for one in LEAVING[::-1] if one in part.get("enum", ())}
    return found


def _compute_operation(parts: dict[str, Any], verb: str, number: int, now: int) -> dict[str, Any]:
    """Compute Engine's own form of an operation."""
    answer: dict[str, Any] = {"kind": "compute#operation", "id": str(number), "operationType": verb, "status": "DONE"}
    answer |= {"progress": 100, "insertTime": time_text(now), "endTime": time_text(now)}
    return {name: value for name, value in answer.items() if name in parts and fits(value, parts[name])}
