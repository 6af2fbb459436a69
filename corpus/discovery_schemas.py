"""Schemas of Google discovery documents (JSON Schema draft 3 with `$ref` by name) to JSON Schema of bounded depth."""

from __future__ import annotations

from typing import Any

from corpus.plain_text import plain_text, shortened

MOST_PARTS = 150
LONGEST_DESCRIPTION = 500
FORMATS = {"date-time": "date-time", "google-datetime": "date-time", "date": "date", "byte": "byte"}


def properties_of(schemas: dict[str, Any], name: str, depth: int, *, of_request: bool = True) -> dict[str, Any]:
    """JSON Schema of type object for the schema `name`; deeper than `depth` and in a cycle, objects are bare.

    `of_request` leaves out what only the server writes.

    Raises:
        KeyError: a `$ref` names a schema that the document does not define.
    """
    return _Converter(schemas, of_request).convert({"$ref": name}, depth, ())


class _Converter:
    def __init__(self, schemas: dict[str, Any], of_request: bool) -> None:
        self.schemas = schemas
        self.of_request = of_request
        self.parts_left = MOST_PARTS

    def convert(self, part: dict[str, Any], depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        words = part.get("description")
        if "$ref" in part:
            name = part["$ref"]
            target = self.schemas[name]
            words = words or (target.get("description") if above else None)
            schema = {"type": "object"} if name in above else self.body(target, depth, (*above, name))
        else:
            schema = self.body(part, depth, above)
        if part.get("repeated"):
            schema = {"type": "array", "items": schema}
        if words and (text := shortened(plain_text(words), LONGEST_DESCRIPTION)):
            schema["description"] = text
        return schema

    def body(self, part: dict[str, Any], depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        kind = part.get("type", "object" if "properties" in part else "any")
        if kind == "object":
            return self.object(part, depth, above)
        if kind == "array":
            return {"type": "array", "items": self.convert(part.get("items", {}), depth, above)}
        schema: dict[str, Any] = {} if kind == "any" else {"type": kind}
        if part.get("enum"):
            schema["enum"] = list(part["enum"])
        if part.get("format") in FORMATS:
            schema["format"] = FORMATS[part["format"]]
        for limit in ("minimum", "maximum"):
            if limit in part and kind == "integer":
                schema[limit] = int(part[limit])
        return schema

    def object(self, part: dict[str, Any], depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        if depth <= 0 or self.parts_left <= 0:
            return {"type": "object"}
        if "properties" not in part:
            extra = part.get("additionalProperties")
            return {
                "type": "object",
                **({"additionalProperties": self.convert(extra, depth - 1, above)} if extra else {}),
            }
        members = [(name, member) for name, member in part["properties"].items() if self.shown(member)]
        self.parts_left -= len(members)
        return {"type": "object", "properties": {name: self.convert(p, depth - 1, above) for name, p in members}}

    def shown(self, member: dict[str, Any]) -> bool:
        return not member.get("deprecated") and not (self.of_request and member.get("readOnly"))
