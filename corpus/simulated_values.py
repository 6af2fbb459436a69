"""What a service writes itself: identifiers, times, states, and whatever else a result must hold."""

from __future__ import annotations

import datetime
import re
from typing import Any

from corpus.families import Family
from corpus.result_shapes import JsonSchema, fits, normal
from corpus.spoken_forms import words_of
from records.files import sha256_json, stable_hash

ACCOUNT = "123456789012"
"""The account number that AWS uses in its examples."""
SETTLED = ("ACTIVE", "AVAILABLE", "READY", "RUNNING", "ENABLED", "SUCCEEDED", "COMPLETED", "CREATED", "OK")
"""States of a resource with which nothing is going on, the likeliest first."""


def time_text(seconds: int) -> str:
    """A Unix time as RFC 3339."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_identifier(family: Family, seed: str) -> str | None:
    """An identifier that the service assigns, valid for every operation that takes it; None where no form fits."""
    letters = "".join(word[0] for word in family.noun.split())
    digest = sha256_json(seed)
    number = str(stable_hash(seed))[:12]
    uuid = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"
    forms = [f"{letters}-{digest[:17]}", uuid, digest[:8], digest[:26], digest[:32], number]
    if family.provider == "google":
        forms = [number, uuid, digest[:8]]
    if normal(family.identifiers["delete"]).endswith("arn"):
        forms = [arn(family, form) for form in forms]
    return next((form for form in forms if fits_everywhere(family, form)), None)


def arn(family: Family, own: str) -> str:
    """An Amazon Resource Name for a resource of the family."""
    return f"arn:aws:{family.service}:us-east-1:{ACCOUNT}:{family.noun.replace(' ', '-')}/{own}"


def fits_everywhere(family: Family, identifier: str) -> bool:
    """Whether get, update and delete take the value as the resource's name."""
    for role, parameter in family.identifiers.items():
        if role in family.operations:
            part = family.properties(role)[parameter]
            if not fits([identifier] if part.get("type") == "array" else identifier, part):
                return False
    return True


def written_by_service(family: Family, known: dict[str, Any], own: str, now: int) -> dict[str, Any]:
    """Values by normal name for what the results show beside what the caller gave: times, state, ARN, etag."""
    found: dict[str, Any] = {}
    for place in family.places.values():
        for name, part in place.record.get("properties", {}).items():
            key = normal(name)
            if key not in known and key not in found:
                value = _written(family, words_of(name), part, own, now)
                if value is not None and fits(value, part):
                    found[key] = value
    return found


def changed_by_service(values: dict[str, Any], now: int) -> dict[str, Any]:
    """What the service writes anew when a resource with these values is changed."""
    stamps = {
        key: time_text(now) for key in values if re.search(r"(updat|modif|lastchange)", key) and _is_time(values[key])
    }
    tags = {key: etag(f"{values[key]}/{now}") for key in values if key == "etag"}
    return {**stamps, **tags}


def etag(seed: str) -> str:
    """A short opaque text."""
    return sha256_json(seed)[:12]


def complete(schema: JsonSchema, value: dict[str, Any], seed: str) -> dict[str, Any]:
    """The object with what its schema requires and it lacks."""
    parts = schema.get("properties", {})
    rest = [name for name in schema.get("required", []) if name not in value and name in parts]
    return {**value, **{name: _required(name, parts[name], f"{seed}/{name}") for name in rest}}


def _written(family: Family, words: str, part: JsonSchema, own: str, now: int) -> Any:
    last = words.split()[-1] if words else ""
    if part.get("format") == "date-time":
        return time_text(now) if re.search(r"\b(creat|updat|modif|last change)", words) else None
    if last in ("status", "state") and part.get("enum"):
        return next((one for one in SETTLED if one in part["enum"]), None)
    if family.provider == "aws" and words in ("arn", f"{family.noun} arn"):
        return arn(family, own)
    return etag(f"{own}/{now}") if words == "etag" else None


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]+Z", value) is not None


def _required(name: str, part: JsonSchema, seed: str) -> Any:
    kind = part.get("type")
    if part.get("enum"):
        return next((one for one in SETTLED if one in part["enum"]), part["enum"][0])
    if kind == "object":
        return complete(part, {}, seed)
    if kind == "array":
        return [_required(name, part.get("items", {}), seed)] * int(part.get("minItems", 0))
    if kind in ("integer", "number"):
        return min(max(int(part.get("minimum", 0)), 0), int(part.get("maximum", 1 << 31)))
    if kind == "boolean":
        return False
    if part.get("format") == "date-time":
        return time_text(1_700_000_000 + stable_hash(seed) % 50_000_000)
    digest = sha256_json(seed)
    text = f"{words_of(name).replace(' ', '-')}-{digest[:6]}"
    least, most = int(part.get("minLength", 0)), int(part.get("maxLength", 1 << 20))
    return text if least <= len(text) <= most else (digest * (least // 64 + 1))[: max(least, min(most, 12))]
