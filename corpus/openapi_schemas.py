"""Schema objects of OpenAPI 2.0, 3.0 and 3.1 to JSON Schema of bounded depth and size, with `$ref` resolved."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import unquote

from corpus.plain_text import plain_text, shortened
from corpus.read_apis import MalformedDocument

JsonSchema = dict[str, Any]

MOST_PARTS = 150
"""Most properties in one schema; the rest of a larger one is left as bare objects."""
MOST_NESTING = 40
"""Most schemas inside one another, arrays and alternatives included."""
LONGEST_DESCRIPTION = 500
MOST_CHOICES = 100
FORMATS = frozenset("date-time date time email uuid uri ipv4 ipv6 hostname byte binary".split())
PYTHON_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
LIMITS = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
}
MISSPELT = {"int": "integer", "int32": "integer", "long": "integer", "float": "number", "bool": "boolean"}


def target_of(document: Any, reference: Any) -> Any:
    """What a `$ref` within the document names (RFC 6901). Raises MalformedDocument: unresolved_reference."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise MalformedDocument("unresolved_reference")
    part = document
    for step in unquote(reference[1:]).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(part, dict) and key in part:
            part = part[key]
        elif isinstance(part, list) and key.isdecimal() and int(key) < len(part):
            part = part[int(key)]
        else:
            raise MalformedDocument("unresolved_reference")
    return part


def resolved(document: Any, part: Any) -> dict[str, Any]:
    """The object that a part is or refers to. Raises MalformedDocument: unresolved_reference or reference_cycle."""
    chain = set()
    while isinstance(part, dict) and "$ref" in part:
        reference = str(part["$ref"])
        if reference in chain:
            raise MalformedDocument("reference_cycle")
        chain.add(reference)
        part = target_of(document, reference)
    return part if isinstance(part, dict) else {}


def schema_of(document: Any, part: Any, depth: int, *, of_request: bool = True) -> JsonSchema:
    """JSON Schema of a schema object; deeper than `depth` and in a cycle, objects are bare.

    Of alternatives (oneOf, anyOf, several types) the first is taken: all it allows is right. `of_request` leaves out
    what only the server writes, its opposite what only the caller does.

    Raises:
        MalformedDocument: unresolved_reference; reference_cycle where references lead to nothing but themselves.
    """
    return _Converter(document, of_request).convert(part, depth, (), 0)


class _Converter:
    def __init__(self, document: Any, of_request: bool) -> None:
        self.document = document
        self.hidden = "readOnly" if of_request else "writeOnly"
        self.parts_left = MOST_PARTS

    def convert(self, part: Any, depth: int, above: tuple[str, ...], level: int) -> JsonSchema:
        words = part.get("description") if isinstance(part, dict) else None
        if isinstance(part, dict) and "$ref" in part:
            reference = str(part["$ref"])
            part = resolved(self.document, part)
            words = words or (part.get("description") if level else None)
            schema = {"type": "object"} if reference in above else self.body(part, depth, (*above, reference), level)
        else:
            schema = self.body(part, depth, above, level)
        # The text of an alternative says less than that of the whole.
        if isinstance(words, str) and (text := shortened(plain_text(words), LONGEST_DESCRIPTION)):
            schema = {**schema, "description": text}
        return schema

    def body(self, part: Any, depth: int, above: tuple[str, ...], level: int) -> JsonSchema:
        if not isinstance(part, dict) or level > MOST_NESTING:
            return {}
        pieces = [piece for piece in _list(part.get("allOf"))[:MOST_PARTS] if isinstance(piece, dict)]
        choices = [c for key in ("oneOf", "anyOf") for c in _list(part.get(key)) if not _is_null(c)][:1]
        schema = self.own(part, depth, above, level)
        for piece in [*pieces, *choices]:
            schema = _merged(schema, self.convert(piece, depth, above, level + 1))
        if pieces and (named := [name for name in _list(part.get("required")) if name in schema.get("properties", {})]):
            schema = {**schema, "required": list(dict.fromkeys([*schema.get("required", []), *named]))}
        return schema

    def own(self, part: dict[str, Any], depth: int, above: tuple[str, ...], level: int) -> JsonSchema:
        kind = _kind(part)
        if kind == "object":
            return self.object(part, depth, above, level)
        if kind == "array":
            schema: JsonSchema = {"type": "array", "items": self.convert(part.get("items"), depth, above, level + 1)}
        elif kind == "file":
            return {"type": "string", "format": "binary"}
        else:
            schema = {"type": kind} if kind else {}
            choices = [value for value in _list(part.get("enum")) if _fits(value, kind)]
            if choices and len(choices) <= MOST_CHOICES:
                schema["enum"] = list(dict.fromkeys(choices))
            if kind == "string" and part.get("format") in FORMATS:
                schema["format"] = part["format"]
        for limit in LIMITS.get(kind, ()):
            value: Any = part.get(limit)
            if _fits(value, "number") and math.isfinite(value) and (kind == "number" or value == int(value)):
                schema[limit] = value if kind == "number" else int(value)
        return schema

    def object(self, part: dict[str, Any], depth: int, above: tuple[str, ...], level: int) -> JsonSchema:
        if depth <= 0 or self.parts_left <= 0:
            return {"type": "object"}
        members = part.get("properties")
        extra = part.get("additionalProperties")
        if not isinstance(members, dict) or not members:
            inner = self.convert(extra, depth - 1, above, level + 1) if isinstance(extra, dict) and extra else {}
            return {"type": "object", **({"additionalProperties": inner} if inner else {})}
        shown = [(str(name), member) for name, member in members.items() if self.shown(member)]
        self.parts_left -= len(shown)
        properties = {name: self.convert(member, depth - 1, above, level + 1) for name, member in shown}
        required = [name for name in _list(part.get("required")) if isinstance(name, str) and name in properties]
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}

    def shown(self, member: Any) -> bool:
        return not (isinstance(member, dict) and (member.get("deprecated") is True or member.get(self.hidden) is True))


def _merged(one: JsonSchema, other: JsonSchema) -> JsonSchema:
    if not one:
        return other
    whole = {**other, **one}
    if one.get("type") == other.get("type", one.get("type")):
        for key in ("properties", "required"):
            if key in one and key in other:
                both = {**dict.fromkeys(other[key]), **dict.fromkeys(one[key])}
                whole[key] = {**other[key], **one[key]} if key == "properties" else list(both)
        return whole
    return one


def _kind(part: dict[str, Any]) -> str:
    kind = part.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    kind = MISSPELT.get(kind, kind) if isinstance(kind, str) else None
    if kind in ("object", "array", "file", *PYTHON_TYPES):
        return str(kind)
    if isinstance(part.get("properties"), dict) or isinstance(part.get("additionalProperties"), dict):
        return "object"
    if isinstance(part.get("items"), dict):
        return "array"
    choices = _list(part.get("enum"))
    return "string" if choices and all(isinstance(choice, str) for choice in choices) else ""


def _fits(value: Any, kind: str) -> bool:
    if kind in PYTHON_TYPES:
        # A bool is an int in Python and none in JSON.
        return isinstance(value, PYTHON_TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)
    return isinstance(value, str | int | float)


def _is_null(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "null"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
