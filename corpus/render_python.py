"""An API as the head of a Python function with a docstring."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import Any

from corpus.api import Api
from corpus.render_words import parameter_lines, result_lines

PYTHON_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict"}


def signature(api: Api, depth: int) -> str:
    """A Python signature with a docstring."""
    required = api.parameters.get("required", [])
    properties = api.parameters["properties"]
    names = dict(zip(properties, _identifiers(properties), strict=True))
    arguments = [f"{names[n]}: {_python_type(p)}" for n, p in properties.items() if n in required]
    arguments += [
        f"{names[n]}: {_python_type(p)} = {p.get('default')!r}" for n, p in properties.items() if n not in required
    ]
    result = _python_type(api.returns) if api.returns else "None"
    head = [f"def {identifier(api.name)}(", *(f"    {a}," for a in ["*", *arguments]), f") -> {result}:"]
    return "\n".join([*head, *_docstring(api, depth)]) + "\n"


def _docstring(api: Api, depth: int) -> list[str]:
    parts = [api.description, "\n".join(["Args:", *_indented(parameter_lines(api.parameters, depth))])]
    if lines := result_lines(api.returns, depth):
        parts.append("\n".join(["Returns:", *_indented(lines)]))
    if api.errors:
        parts.append("\n".join(["Raises:", *_indented(api.errors)]))
    text = "\n\n".join(parts).replace('"""', "'''")
    # A description may start or end in what would run into the quotes.
    text = f"{text}\n" if "\n" in text or not text.endswith(('"', "\\")) else f"{text} \n"
    opening = 'r"""' if "\\" in text else '"""'
    return _indented(f'{opening}{" " if text.startswith(chr(34)) else ""}{text}"""'.split("\n"))


def identifier(name: str) -> str:
    """A Python name like `name`: `class` → `class_`, `events.insert` → `events_insert`."""
    clean = re.sub(r"\W", "_", name, flags=re.ASCII)
    clean = f"_{clean}" if clean[:1].isdigit() or not clean else clean
    return f"{clean}_" if keyword.iskeyword(clean) else clean


def _identifiers(names: Iterable[str]) -> list[str]:
    """Different identifiers for different names: `a-b` and `a.b` would be one."""
    found: list[str] = []
    for name in names:
        own = identifier(name)
        while own in found:
            own += "_"
        found.append(own)
    return found


def _python_type(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list[{_python_type(schema.get('items', {}))}]"
    return PYTHON_TYPES.get(schema.get("type", ""), "object")


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]
