"""botocore shapes to JSON Schema. Shapes refer to themselves and to hundreds of others: depth and size are bounded."""

from __future__ import annotations

from typing import Any

from corpus.plain_text import plain_text, shortened

MOST_PARTS = 150
"""Most properties in one schema; the rest of a larger one is left as bare objects."""
LONGEST_DESCRIPTION = 500
SIMPLE = {
    "string": {"type": "string"},
    "character": {"type": "string"},
    "integer": {"type": "integer"},
    "long": {"type": "integer"},
    "short": {"type": "integer"},
    "bigInteger": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "bigDecimal": {"type": "number"},
    "boolean": {"type": "boolean"},
    "timestamp": {"type": "string", "format": "date-time"},
    "blob": {"type": "string", "contentEncoding": "base64"},
    "document": {"type": "object"},
}
LIMITS = {
    "string": (("min", "minLength"), ("max", "maxLength")),
    "integer": (("min", "minimum"), ("max", "maximum")),
    "long": (("min", "minimum"), ("max", "maximum")),
    "float": (("min", "minimum"), ("max", "maximum")),
    "double": (("min", "minimum"), ("max", "maximum")),
    "list": (("min", "minItems"), ("max", "maxItems")),
}


def schema_of(shapes: dict[str, Any], name: str, depth: int) -> dict[str, Any]:
    """JSON Schema of the shape `name`.

    Structures deeper than `depth`, and a structure inside itself, become `{"type": "object"}` without properties.

    Raises:
        KeyError: a shape is referred to that the model does not define.
    """
    return _Converter(shapes).convert({"shape": name}, depth, ())


class _Converter:
    def __init__(self, shapes: dict[str, Any]) -> None:
        self.shapes = shapes
        self.parts_left = MOST_PARTS

    def convert(self, reference: dict[str, Any], depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        name = reference["shape"]
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            schema = self.structure(shape, name, depth, above)
        elif kind == "list":
            schema = {"type": "array", "items": self.convert(shape["member"], depth, above)}
        elif kind == "map":
            schema = {"type": "object", "additionalProperties": self.convert(shape["value"], depth, above)}
        else:
            schema = dict(SIMPLE[kind])
            if shape.get("enum"):
                schema["enum"] = list(shape["enum"])
        schema |= {ours: shape[theirs] for theirs, ours in LIMITS.get(kind, ()) if theirs in shape}
        words = reference.get("documentation") or (shape.get("documentation") if above else None)
        if words and (text := shortened(plain_text(words), LONGEST_DESCRIPTION)):
            schema["description"] = text
        return schema

    def structure(self, shape: dict[str, Any], name: str, depth: int, above: tuple[str, ...]) -> dict[str, Any]:
        if depth <= 0 or name in above or self.parts_left <= 0:
            return {"type": "object"}
        members = list(shape.get("members", {}).items())
        self.parts_left -= len(members)
        properties = {member: self.convert(part, depth - 1, (*above, name)) for member, part in members}
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        if required := [member for member in shape.get("required", []) if member in properties]:
            schema["required"] = required
        return schema
