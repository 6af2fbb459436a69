"""Type expressions of SDKs, and the classes they name, to JSON Schema of bounded depth and size."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from corpus.plain_text import shortened

JsonSchema = dict[str, Any]

MOST_PARTS = 150
"""Most properties in one schema; the rest of a larger one is left as bare objects."""
LONGEST_DESCRIPTION = 500
MOST_CHOICES = 100
TEXT, DATE_TIME = {"type": "string"}, {"type": "string", "format": "date-time"}
WHOLE, NUMBER, TRUTH = {"type": "integer"}, {"type": "number"}, {"type": "boolean"}
BYTES, OBJECT, LIST = (
    {"type": "string", "contentEncoding": "base64"},
    {"type": "object"},
    {"type": "array", "items": {}},
)
SIMPLE: dict[str, JsonSchema] = {
    name: schema
    for names, schema in (
        ("str string StrictStr unicode", TEXT),
        ("int integer StrictInt long", WHOLE),
        ("float double number StrictFloat Decimal", NUMBER),
        ("bool boolean StrictBool", TRUTH),
        ("datetime DateTime", DATE_TIME),
        ("date", {"type": "string", "format": "date"}),
        ("time", {"type": "string", "format": "time"}),
        ("timedelta", {"type": "string", "format": "duration"}),
        ("UUID", {"type": "string", "format": "uuid"}),
        ("bytes file BinaryIO StrictBytes", BYTES),
        ("dict Dict Mapping", OBJECT),
        ("list List", LIST),
        ("object obj Any UntypedNode", {}),
    )
    for name in names.split()
}
TRANSPARENT = frozenset(("Optional", "NotRequired", "Required", "Annotated", "Union", "ClassVar"))
LISTS = frozenset(("list", "List", "Sequence", "Iterable", "Tuple", "tuple", "Set", "set"))
MAPS = frozenset(("dict", "Dict", "Mapping", "MutableMapping"))
NOTHING = frozenset(("None", "none_type", "UnsetType", "NoneType"))
_CLASS = re.compile(r":class:`~?([^`]*)`")
_LIST_OF = re.compile(r"\blist of +((?!list of)[\w.\[\]]+)")


@dataclass(frozen=True)
class Member:
    """A property of a class, or a parameter."""

    type: str
    """Python type expression, `list of X`, or a Sphinx `:class:` reference."""
    description: str = ""
    """Plain text."""
    required: bool = False
    hidden: bool = False
    """Whether only the server writes it."""
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Model:
    """A class that a type names: members, or the values of an enumeration."""

    members: Mapping[str, Member] = field(default_factory=dict)
    choices: tuple[Any, ...] = ()


class SdkSchemas:
    """JSON Schemas over the classes that `find` knows; unknown ones, and a class inside itself, are bare objects."""

    def __init__(self, find: Callable[[str], Model | None]) -> None:
        """`find`: the class of a name with its last dotted part, None where there is no such class."""
        self.find = find

    def of_members(self, members: Mapping[str, Member], depth: int, *, of_request: bool = True) -> JsonSchema:
        """JSON Schema of type object. `of_request` leaves out what only the server writes."""
        return _Converter(self.find, of_request).object(members, depth, ())

    def of_type(self, expression: str, depth: int, *, of_request: bool = True) -> JsonSchema:
        """JSON Schema of a type expression, empty where it does not parse or says nothing."""
        return _Converter(self.find, of_request).expression(expression, depth, ())


class _Converter:
    def __init__(self, find: Callable[[str], Model | None], of_request: bool) -> None:
        self.find = find
        self.of_request = of_request
        self.parts_left = MOST_PARTS

    def object(self, members: Mapping[str, Member], depth: int, above: tuple[str, ...]) -> JsonSchema:
        shown = {name: member for name, member in members.items() if not (self.of_request and member.hidden)}
        self.parts_left -= len(shown)
        properties = {name: self.member(member, depth - 1, above) for name, member in shown.items()}
        required = [name for name, member in shown.items() if member.required]
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}

    def member(self, member: Member, depth: int, above: tuple[str, ...]) -> JsonSchema:
        schema = self.expression(member.type, depth, above)
        if member.choices and len(member.choices) <= MOST_CHOICES:
            if schema.get("type") == "array":
                schema = {**schema, "items": {**schema.get("items", {}), "enum": list(member.choices)}}
            elif schema.get("type") == "string":
                schema = {**schema, "enum": list(member.choices)}
        if member.description:
            schema = {**schema, "description": shortened(member.description, LONGEST_DESCRIPTION)}
        return schema

    def expression(self, text: str, depth: int, above: tuple[str, ...]) -> JsonSchema:
        node = type_tree(text)
        return self.node(node, depth, above) if node is not None else {}

    def node(self, node: ast.expr, depth: int, above: tuple[str, ...]) -> JsonSchema:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self.expression(node.value, depth, above)
        if isinstance(node, ast.Name | ast.Attribute):
            return self.named(_name(node), depth, above)
        if isinstance(node, ast.BinOp):
            return self.first([node.left, node.right], depth, above)
        if isinstance(node, ast.List | ast.Tuple):
            inner = self.first(node.elts, depth, above)
            return {"type": "array", "items": inner} if isinstance(node, ast.List) else inner
        if isinstance(node, ast.Call):  # dict(str, int)
            return self.generic(_name(node.func), node.args, depth, above)
        if isinstance(node, ast.Subscript):
            inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return self.generic(_name(node.value), inside, depth, above)
        return {}

    def generic(self, name: str, inside: list[ast.expr], depth: int, above: tuple[str, ...]) -> JsonSchema:
        if name == "Literal":
            values = [part.value for part in inside if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            return {"type": "string", "enum": values} if values else {}
        if name in TRANSPARENT:
            return self.first(inside[:1] if name == "Annotated" else inside, depth, above)
        if name in LISTS:
            return {"type": "array", "items": self.node(inside[0], depth, above) if inside else {}}
        if name in MAPS:
            value = self.node(inside[1], depth, above) if len(inside) > 1 else {}
            return {"type": "object", **({"additionalProperties": value} if value else {})}
        return self.named(name, depth, above)

    def first(self, nodes: list[ast.expr], depth: int, above: tuple[str, ...]) -> JsonSchema:
        """Of several types the first that says something: every value it allows is right."""
        for node in nodes:
            none = isinstance(node, ast.Constant) and node.value is None
            if not none and not (isinstance(node, ast.Name | ast.Attribute) and _name(node) in NOTHING):
                return self.node(node, depth, above)
        return {}

    def named(self, name: str, depth: int, above: tuple[str, ...]) -> JsonSchema:
        if name in SIMPLE:
            return dict(SIMPLE[name])
        bare = name in above or depth <= 0 or self.parts_left <= 0
        model = self.find(name)
        if model is not None and model.choices:
            return (
                {"type": "string", "enum": list(model.choices)}
                if len(model.choices) <= MOST_CHOICES
                else {"type": "string"}
            )
        return {"type": "object"} if bare or model is None else self.object(model.members, depth, (*above, name))


@lru_cache(maxsize=20_000)
def type_tree(text: str) -> ast.expr | None:
    """A type expression as a syntax tree, None where it is none. `list of X` and `:class:` are understood."""
    text = _with_lists(_CLASS.sub(r"\1", text)).strip().removeprefix("~")
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _with_lists(text: str) -> str:
    """`list of list of int` → `list[list[int]]`, from the inside."""
    inner = _LIST_OF.sub(r"list[\1]", text)
    return inner if inner == text else _with_lists(inner)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
