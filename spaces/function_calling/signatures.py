"""Python functions as tools. The text is parsed into a syntax tree and read; nothing of it is ever run."""

from __future__ import annotations

import ast
import re
from typing import Any

from validation import InputError

TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
TYPES |= {"list": "array", "List": "array", "Sequence": "array", "tuple": "array", "dict": "object", "Dict": "object"}


def is_python(text: str) -> bool:
    """Whether a text holds a function definition at the start of a line."""
    return re.search(r"^\s*(async\s+)?def\s+\w", text, re.M) is not None


def python_tools(text: str) -> list[dict[str, Any]]:
    """One function for each `def` at the top level; its docstring describes it.

    Raises:
        InputError: the text is no Python that can be parsed; the line is named.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise InputError(f"The Python text cannot be parsed: {error.msg} (line {error.lineno}).") from None
    except (ValueError, RecursionError, MemoryError):
        raise InputError("The Python text cannot be parsed: it is nested too deeply or holds a NUL.") from None
    found = [_function(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not found:
        raise InputError("The Python text has no function at its top level.")
    return found


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, Any]:
    about = ast.get_docstring(node) or ""
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    plain = plain[1:] if plain and plain[0].arg in ("self", "cls") else plain
    optional = {one.arg for one in plain[len(plain) - len(given.defaults) :]} if given.defaults else set()
    optional |= {one.arg for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is not None}
    every = [*plain, *given.kwonlyargs]
    said = _described(about)
    properties = {}
    for one in every:
        schema = _schema(one.annotation)
        properties[one.arg] = {**schema, **({"description": said[one.arg]} if one.arg in said else {})}
    required = [one.arg for one in every if one.arg not in optional]
    parameters = {"type": "object", "properties": properties, "required": required}
    return {"name": node.name, "description": about.split("\n\n")[0][:500], "parameters": parameters}


def _described(docstring: str) -> dict[str, str]:
    rows = re.findall(r"^[ \t]*(?::param )?(\w{1,64})(?: \([^)\n]{0,80}\))?: (.{1,300})$", docstring, re.M)
    return {name: words.strip() for name, words in rows}


def _schema(node: ast.expr | None, depth: int = 0) -> dict[str, Any]:
    if node is None or depth > 6:
        return {}
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {"type": TYPES[node.value]} if node.value in TYPES else {}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [side for side in (node.left, node.right) if not _is_none(side)]
        return _schema(sides[0], depth + 1) if len(sides) == 1 else {}
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else None
    if name is not None:
        return {"type": TYPES[name]} if name in TYPES else {}
    return _subscript(node, depth) if isinstance(node, ast.Subscript) else {}


def _subscript(node: ast.Subscript, depth: int) -> dict[str, Any]:
    outer = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if outer == "Literal":
        values = [part.value for part in inner if isinstance(part, ast.Constant)]
        values = [value for value in values if isinstance(value, str | int | float | bool)]
        return {"enum": values} if values else {}
    if outer in ("Optional", "Annotated") and inner:
        return _schema(inner[0], depth + 1)
    if TYPES.get(outer) == "array" and inner:
        return {"type": "array", "items": _schema(inner[0], depth + 1)}
    return {"type": TYPES[outer]} if outer in TYPES else {}


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
