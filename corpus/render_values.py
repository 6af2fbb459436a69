"""Example arguments of an API that are valid against its schema."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

from corpus.api import Api
from corpus.call_values import WORDS, make_value
from corpus.result_shapes import JsonSchema, fits
from corpus.spoken_forms import words_of
from records.files import stable_hash

MOST_OPTIONAL = 2
"""Parameters given beyond those required."""
LONGEST = 1200
"""Characters of the arguments as JSON; with more, less of what is nested is given."""
TELLING = frozenset(
    (
        "address author city comment content country currency date description email endpoint file filename folder id "
        "identifier ip language link locale message owner path prefix query region subject text time timestamp title "
        "token uri url zone"
    ).split()
)
"""Last words of names that say which kind of text is meant."""
IDENTIFIERS = ("id", "identifier", "token")
LATER = frozenset("before end ends expiration expires less stop to until".split())
"""Words of names of times that come after another."""
COUNTS = (1, 2, 3, 5, 10, 20, 50, 100)
SHOWN = re.compile(
    r"(?:for example|e\.g\.|example|such as)\W{1,4}(?:is |of )?([`\"'])(?P<value>[^`\"'\s]{2,80})\1", re.I
)
"""A value that a description gives."""
NAMED = re.compile(r"(?<![\w/])(?P<value>(?:[a-zA-Z]\w*/\{\w+\}/?)+)")
"""The form of a resource name, as in `projects/{project}/topics/{topic}`."""
UNMEANT = re.compile(r"UNSPECIFIED|UNKNOWN|UNDEFINED|unknownFutureValue")
"""Values of enumerations that nobody passes."""
PLACEHOLDER = re.compile(r"\{\+?(\w[\w-]*)\}|<(\w[\w-]*)>|\[([A-Za-z]\w*)\]")
BY_FORMAT = {
    "date-time": "2026-03-01T09:30:00Z",
    "date": "2026-03-01",
    "time": "09:30:00Z",
    "duration": "PT5M",
    "uuid": "0b6e4a52-9f1c-4d7e-8a3b-5c2d1e0f9a87",
    "uri": "https://example.com/amber",
    "email": "amber.stone@example.com",
    "ipv4": "192.0.2.10",
    "ipv6": "2001:db8::10",
    "hostname": "amber.example.com",
    "byte": "ZXhhbXBsZQ==",
}
"""Values of string formats, from ranges kept for documentation (RFC 2606, 3849, 5737)."""

Untyped = Callable[[str], Any]


def example_arguments(api: Api, untyped: Untyped | None = None) -> dict[str, Any]:
    """Values for all required parameters and some others, the same for the same API.

    `untyped` makes the value, from its name, of a parameter whose type is not known; otherwise it is a string.
    """
    for depth in (3, 2, 1):
        rng = random.Random(stable_hash(f"example/{api.id}"))
        maker = _Maker(rng, api.service, untyped or _slug_of(rng))
        found = maker.object(api.parameters, depth)
        if len(json.dumps(found, default=str)) <= LONGEST:
            break
    return found


def _slug_of(rng: random.Random) -> Untyped:
    return lambda name: _slug(rng)


class _Maker:
    def __init__(self, rng: random.Random, service: str, untyped: Untyped) -> None:
        self.rng = rng
        self.service = service
        self.untyped = untyped

    def value(self, name: str, schema: JsonSchema, depth: int) -> Any:
        kind = schema.get("type")
        if choices := schema.get("enum"):
            return self.rng.choice([one for one in choices if not UNMEANT.search(str(one))] or choices)
        if kind == "array":
            return self.array(name, schema, depth)
        if kind == "object":
            return self.object(schema, depth)
        if kind == "string":
            return self.text(name, schema)
        if kind in ("integer", "number"):
            return self.number(name, schema)
        return self.rng.random() < 0.6 if kind == "boolean" else self.untyped(name)

    def object(self, schema: JsonSchema, depth: int) -> dict[str, Any]:
        """The required properties, and others while `depth` is left."""
        parts, required = schema.get("properties", {}), schema.get("required", [])
        if isinstance(schema.get("additionalProperties"), dict) and not parts:
            return {self.rng.choice(WORDS): self.value("value", schema["additionalProperties"], depth - 1)}
        others = {name: part for name, part in parts.items() if name not in required}
        # Headers such as `X-Amz-Date` are for the protocol.
        optional = [name for name, part in others.items() if _is_telling(part) and not name.lower().startswith("x-")]
        count = 0 if depth <= 0 else 1 if required else MOST_OPTIONAL
        kept = {*required, *self.rng.sample(optional, min(count, len(optional)))}
        return {name: self.value(name, part, depth - 1) for name, part in parts.items() if name in kept}

    def array(self, name: str, schema: JsonSchema, depth: int) -> list[Any]:
        least, most = schema.get("minItems", 1), schema.get("maxItems", 2)
        count = max(least, min(most, self.rng.choice((1, 2))))
        singular = name.removesuffix("s")
        made = [self.value(singular, schema.get("items", {}), depth) for _ in range(min(count, 20))]
        different = [one for number, one in enumerate(made) if one not in made[:number]]
        return different if len(different) >= least else made

    def number(self, name: str, schema: JsonSchema) -> float:
        lowest, highest = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
        plain = schema.get("type") == "integer" and "year" not in words_of(name).split()
        made = self.rng.choice(COUNTS) if plain else make_value(name, schema, self.rng).json
        return made if lowest <= made <= highest else lowest if lowest > float("-inf") else highest

    def text(self, name: str, schema: JsonSchema) -> str:
        """What the description shows, else what the format or the name asks for, within the lengths allowed."""
        tries = [self.shown(schema.get("description", "")), self.by_kind(name, schema), _slug(self.rng)]
        fitting = next((one for one in tries if one and fits(one, schema)), None)
        return fitting or _of_length(tries[-1] or "", schema.get("minLength", 0), schema.get("maxLength"))

    def shown(self, description: str) -> str:
        found = SHOWN.search(description) or NAMED.search(description)
        text = PLACEHOLDER.sub(lambda hole: self.rng.choice(WORDS), found["value"]).strip("/") if found else ""
        # A placeholder that is left is no value.
        return "" if re.search(r"[{}<>\[\]*^$…]|\.\.\.|\b[xX]{2,}", text) else text

    def by_kind(self, name: str, schema: JsonSchema) -> str:
        words = words_of(name).split()
        if known := BY_FORMAT.get(schema.get("format", "")):
            return known.replace("03-01", "03-31") if LATER.intersection(words) else known
        if words[-1:] == ["arn"]:
            return f"arn:aws:{self.service}:us-east-1:123456789012:{_slug(self.rng)}"
        if schema.get("contentEncoding") == "base64":
            return BY_FORMAT["byte"]
        text = str(make_value(name, schema, self.rng).json) if TELLING.intersection(words[-1:]) else ""
        # `userId` would be a person's full name.
        return _slug(self.rng) if not text or (" " in text and words[-1] in IDENTIFIERS) else text


def _is_telling(schema: JsonSchema) -> bool:
    """Whether a value of an optional parameter would show something: a bare object and an unknown type would not."""
    return bool(schema.get("enum") or schema.get("properties") or schema.get("additionalProperties")) or schema.get(
        "type"
    ) in ("string", "integer", "number", "boolean", "array")


def _slug(rng: random.Random) -> str:
    return f"{rng.choice(WORDS)}-{rng.choice(WORDS)}"


def _of_length(text: str, least: int, most: int | None) -> str:
    text = (text + "-" + "0123456789abcdef" * (least // 16 + 1))[: max(least, len(text))]
    return text if most is None else text[:most].rstrip("-").ljust(min(least, most), "0")
