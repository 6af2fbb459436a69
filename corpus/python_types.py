"""Types of Python parameters, from annotations and from the words of docstrings, as JSON Schema.

What is not certain gets no type. Where several types are allowed and JSON can write one of them, that one is taken:
every value it lets through is right.
"""

from __future__ import annotations

import ast
import re
from typing import Any

Schema = dict[str, Any]

NAMES = {
    "integer": "int integer int32 int64 index",
    "number": "float double number numeric scalar real float64 int_or_float supportsfloat",
    "boolean": "bool boolean bool_",
    "string": "str string unicode text",
    "array": "list tuple sequence iterable list-like collection",
    "object": "dict mapping dictionary",
}
"""Python's and docstrings' names of the types of JSON Schema."""
SIMPLE: dict[str, Schema] = {name: {"type": kind} for kind, names in NAMES.items() for name in names.split()}
NUMBERS: Schema = {"type": "array", "items": {"type": "number"}}
ARRAYS = frozenset(("array", "ndarray", "array_like", "array-like", "arraylike", "vector", "matrix"))
LISTS = frozenset(("list", "tuple", "sequence", "iterable", "collection", "pair", "triple", "set", "iterator"))
LISTS_OF = ARRAYS | LISTS
_MARKUP = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`|[`*]")
_NAMESPACE = re.compile(r"\b(?:typing|typing_extensions|collections|abc|np|numpy|npt|numbers|t|builtins)\.")
_QUALIFIER = re.compile(
    r"(?:optional|required|keyword.only|positional.only|(?:by )?default\b.*|defaults? to\b.*|dtype\b.*"
    r"|(?:of |with )?shape\b.*|(?:of )?length\b.*|ndim\b.*|size\b.*)",
    re.I,
)
_SHAPE = re.compile(r"\(([\w\s,.*+/'-]*,[\w\s,.*+/'-]*)\)")
_SIGN = re.compile(r"\b(non-?negative|positive)\b")
_FILLER = re.compile(
    r"\b(?:a|an|the|single|non-?negative|strictly|positive|finite|python|numpy|(?:one|[1n])-?d(?:imensional)?"
    r"|(?:length-?)?\d-(?=tuple))\b[- ]?|-?like object$| (?:values?|instance|object)$",
    re.I,
)
_TWO_DIMENSIONS = re.compile(r"\b(?:2-?d|two-dimensional)\b ?|\bmatrix\b", re.I)
_ANY_MATRIX = re.compile(r"\{(?:array-like|ndarray)(?:, [a-z ]+)*\}", re.I)
_GENERIC = re.compile(r"([\w.]+)(?:\[(.*)\]|\((.*)\))", re.S)


def type_schema(text: str) -> Schema:
    """The JSON Schema of a type such as `int`, `list of float`, `{'a', 'b'}` or `Optional[Sequence[int]]`, or `{}`."""
    text = _NAMESPACE.sub("", " ".join(_MARKUP.sub(lambda found: found[1] or "", text).split()))
    text = _ANY_MATRIX.sub("array-like", text.replace(" - ", "-").strip(" .,"))
    pieces = [piece for piece in _alternatives(text) if piece]
    shape = next((found for found in map(_SHAPE.search, [text]) if found and "shape" in text), None)
    found = [_single(piece) for piece in pieces if not _QUALIFIER.fullmatch(piece)]
    schema = _united([part for part in found if part])
    return _nested(schema, shape[1]) if shape and schema == NUMBERS else schema


def _alternatives(text: str) -> list[str]:
    """The text cut at `|`, `or` and commas outside brackets and quotes."""
    parts, depth, quote, start, place = [], 0, "", 0, 0
    while place < len(text):
        letter = text[place]
        if quote or letter in "'\"":
            quote = "" if letter == quote else quote or letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif depth <= 0 and (cut := re.match(r"\s*\|\s*|,?\s+or\s+|,\s*(?:or\s+)?", text[place:])):
            parts.append(text[start:place].strip())
            place += len(cut[0])
            start = place
            continue
        place += 1
    return [*parts, text[start:].strip()]


def _united(found: list[Schema]) -> Schema:
    """One schema for alternatives: equal ones, choices together, a number for int or float, one before many of it."""
    different = [schema for number, schema in enumerate(found) if schema not in found[:number]]
    if len(different) > 1 and all("enum" in schema for schema in different):
        return _choices([choice for schema in different for choice in schema["enum"]])
    chosen = [schema for schema in different if "enum" in schema and schema.get("type") == "string"]
    if len(different) == 2 and chosen and {"type": "string"} in different:
        return chosen[0]
    kinds = {schema.get("type") for schema in different}
    if kinds == {"integer", "number"} and not any("enum" in schema for schema in different):
        return {"type": "number"}
    many = [schema for schema in different if schema.get("type") == "array"]
    one = [schema for schema in different if schema.get("type") != "array"]
    if many and one and (scalar := _united(one)).get("type") and "enum" not in scalar:
        numeric = {"integer", "number"}
        inner = [schema.get("items", {}).get("type", scalar["type"]) for schema in many]
        same = all(kind == scalar["type"] or {kind, scalar["type"]} <= numeric for kind in inner)
        return scalar if same else {}
    return different[0] if len(different) == 1 else {}


def _single(text: str) -> Schema:
    if text.startswith("{") or text[:1] in "'\"":
        return _literal(text.strip("{}"))
    if generic := _GENERIC.fullmatch(text):
        return _generic(generic[1].rsplit(".", 1)[-1].lower(), generic[2] or generic[3] or "")
    if "{" in text and text.endswith("}") and text.split("{")[0].strip(" :").lower() in ("str", "string", "string in"):
        return _literal(text.split("{", 1)[1].strip("{}"))
    sign = _SIGN.search(text.lower())
    flat = bool(_TWO_DIMENSIONS.search(text))
    words = " ".join(_FILLER.sub("", _TWO_DIMENSIONS.sub("array " if "matrix" in text else "", text)).lower().split())
    schema = _words(words)
    if sign and schema == {"type": "integer"}:
        return {**schema, "minimum": 1 if sign[1] == "positive" else 0}
    return {"type": "array", "items": NUMBERS} if flat and schema == NUMBERS else schema


def _words(words: str) -> Schema:
    """Words without adjectives: `int`, `list of ints`, `(n, m) array_like`, `bool array`, `tuple of (int, int)`."""
    if words in SIMPLE:
        return dict(SIMPLE[words])
    if words in ARRAYS:
        return NUMBERS
    if shaped := re.fullmatch(r"\(([\w\s,.*+-]*,[\w\s,.*+-]*)\)[ -]([\w-]+(?: of \w+)?)", words):
        schema = _words(shaped[2])
        return _nested(schema, shaped[1]) if shaped[2].split()[0] in ARRAYS else schema
    if shaped := re.fullmatch(r"(array[_-]?like|ndarray|array) ?\(([\w\s,.*+-]*,[\w\s,.*+-]*)\)", words):
        return _nested(NUMBERS, shaped[2])
    if pair := re.fullmatch(r"(?:tuple(?: of)? ?)?\((.+)\)", words):
        inner = [_single(part) for part in _alternatives(pair[1])]
        return {"type": "array", "items": inner[0]} if inner[0] and all(part == inner[0] for part in inner) else {}
    if listed := re.fullmatch(r"([\w-]+?)e?s? of (?:\d+ )?(.+)", words):
        container = listed[1] if listed[1] in LISTS_OF else words.split(" of ")[0]
        return _list_of(container, listed[2])
    before, _, last = words.rpartition(" ")
    if before and last in LISTS_OF:
        return _list_of(last, before) if before.rstrip("s") in SIMPLE else {}
    return {}


def _list_of(container: str, element: str) -> Schema:
    if container not in LISTS_OF:
        return {"type": "object"} if container in ("dict", "dictionary", "mapping") else {}
    if element.startswith(("shape", "size", "length", "dtype")):
        return NUMBERS if container in ARRAYS else {"type": "array"}
    one = re.sub(r"^(\w+?)s( of .+)?$", r"\1\2", element)
    inner = _words(one if one.split(" of ")[0] in SIMPLE.keys() | LISTS_OF else element)
    inner = inner or (_united(parts) if all(parts := [_single(part) for part in _alternatives(element)]) else {})
    return {"type": "array", "items": inner} if inner else {"type": "array"}


def _generic(name: str, inside: str) -> Schema:
    parts = _alternatives(inside)
    if name == "literal":
        return _literal(inside)
    if name in ("union", "optional"):
        return _united([part for part in map(_single, parts) if part])
    if name in ("annotated", "final"):
        return _single(parts[0])
    if name == "ndarray":
        return NUMBERS
    if name in ("dict", "mapping", "mutablemapping", "ordereddict", "defaultdict"):
        value = _single(parts[1]) if len(parts) == 2 else {}
        return {"type": "object", **({"additionalProperties": value} if value else {})}
    if name in LISTS | {"frozenset", "mutablesequence", "abstractset"}:
        inner = [_single(part) for part in parts if part != "..."]
        element = inner[0] if inner and all(part == inner[0] for part in inner) else {}
        return {"type": "array", **({"items": element} if element else {})}
    return {}


def _literal(inside: str) -> Schema:
    try:
        values = ast.literal_eval(f"[{inside}]")
    except (SyntaxError, ValueError):
        return {}
    return _choices([value for value in values if value is not None])


def _choices(values: list[Any]) -> Schema:
    if not values or not all(isinstance(value, str | int | float) for value in values):
        return {}
    if all(isinstance(value, bool) for value in values):
        return {"type": "boolean"}
    kinds = {type(value) for value in values}
    name = {frozenset({str}): "string", frozenset({int}): "integer", frozenset({float, int}): "number"}
    kind = name.get(frozenset(kinds))
    return {**({"type": kind} if kind else {}), "enum": list(dict.fromkeys(values))}


def _nested(schema: Schema, shape: str) -> Schema:
    """An array for every axis that a shape names."""
    axes = len([axis for axis in shape.split(",") if axis.strip()])
    for _ in range(max(axes, 1) - 1 if "." not in shape else 0):
        schema = {"type": "array", "items": schema}
    return schema
