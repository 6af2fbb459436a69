"""Documented functions of a Python source file, parsed and never run, with their parameters as JSON Schema.

Only the outline of a module is parsed, the heads and docstrings of its own functions: that takes an eighth of the time.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import griffe

from corpus.plain_text import plain_restructured_text, shortened
from corpus.python_types import Schema, type_schema

LONGEST_DESCRIPTION, LONGEST_PARAMETER = 2000, 500
"""Characters of a function's description and of a parameter's."""
LONGEST_DEFAULT = 200
STYLES = (
    ("numpy", re.compile(r"^(?:Parameters|Returns|Yields)\n---+ *$", re.M)),
    ("sphinx", re.compile(r"^:(?:param|parameter|arg|type|returns?|rtype)\b", re.M)),
    ("google", re.compile(r"^(?:Args|Arguments|Parameters|Params|Returns|Yields): *$", re.M)),
)
NOT_SAID = (griffe.ParameterKind.var_positional, griffe.ParameterKind.var_keyword)
DEPRECATED = re.compile(r"deprecat", re.I)
DEPRECATED_TEXT = re.compile(
    r"\W*deprecated\b|[\s\S]*^\.\. deprecated::|\W*this (?:function|method) is deprecated", re.I | re.M
)
TEMPLATE = re.compile(r"%\(\w+\)s|\{\w+\}|\$\{?\w+\}?")
_RULE = re.compile(r"^([A-Z][\w ]+)\n[=~]{3,} *$", re.M)
_EPYTEXT = re.compile(r"^@(param|type|returns?|rtype)\b", re.M)
_SHARED = re.compile(r"^[:@](param|type) (\w+(?:, ?\w+)+):(.*)$", re.M)
_TYPED = {
    "numpy": re.compile(r"^(\*{0,2}\w+(?:, ?\*{0,2}\w+)*) ?: ?(?=\S)", re.M),
    "sphinx": re.compile(r"^(:(?:type \*{0,2}\w+|rtype):) *(?=\S)", re.M),
    "google": re.compile(r"^( +\*{0,2}\w+ ?\()(?=[^()\n]+(?:\([^()\n]*\)[^()\n]*)*\) ?:)", re.M),
}
_OUTLINE = re.compile(
    r"""
    ^__all__[^\n=]*=\s*[\[(](?:\s|["'][\w.]+["']|,|\#[^\n]*)*[\])][ \t]*$
    | ^(?:@[^\n]*\n(?:[ \t)][^\n]*\n)*)*                   # decorators
      (?:async[ ])?def[ ][a-zA-Z]\w*\((?:[^\n]|\n(?=[ \t)\n]))*?\)[^\n]*:[ \t]*(?:\#[^\n]*)?\n
      \s+[rRuU]?(?P<quotes>\"\"\"|\'\'\')(?:(?!(?P=quotes))(?:\\.|[^\\]))*(?P=quotes)
    """,
    re.M | re.X | re.S,
)
TYPING = "import typing, typing as t\nfrom typing import Literal, Optional, Union\n"
VERBATIM = "?"
"""Stands before the words of a type, so that griffe keeps them: it would take `{'a', 'b'}` for Python names."""


@dataclass(frozen=True)
class Function:
    """A function as its source documents it."""

    name: str
    description: str
    parameters: Schema
    returns: Schema


def functions_of(source: str, module: str, file: Path) -> Iterator[tuple[str, Function | str]]:
    """Yield `(name, function)` for every public function of a module, or `(name, why not)`.

    Raises:
        SyntaxError, ValueError, RecursionError: the source does not parse.
    """
    outline = [found[0] for found in _OUTLINE.finditer(source)]
    if not any("def " in part for part in outline):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = griffe.visit(module, file, TYPING + "\n".join(outline), extensions=griffe.Extensions())
    for name, member in tree.members.items():
        if not isinstance(member, griffe.Function):
            continue
        if tree.exports is not None and name not in {str(export) for export in tree.exports}:
            yield name, "not_exported"
            continue
        try:
            yield name, documented(member)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            yield name, "malformed_function"


def documented(function: griffe.Function) -> Function | str:
    """A function, or why it says too little."""
    text = function.docstring.value if function.docstring else ""
    if DEPRECATED_TEXT.match(text) or any(DEPRECATED.search(str(item.value)) for item in function.decorators):
        return "deprecated"
    if TEMPLATE.search(text.split("\n", 1)[0]):
        return "template"
    sections = _sections(text, function)
    opening = sections[0].value if sections and sections[0].kind is griffe.DocstringSectionKind.text else ""
    description = shortened(plain_restructured_text(opening), LONGEST_DESCRIPTION)
    if len(description.split()) < 3:
        return "no_description"
    parameters = _parameters(function, sections)
    if not parameters["properties"]:
        return "no_parameters"
    if not any(part.keys() - {"default"} for part in parameters["properties"].values()):
        return "undocumented_parameters"
    return Function(function.name, description, parameters, _returns(function, sections))


def _sections(text: str, function: griffe.Function) -> list[Any]:
    text = _SHARED.sub(_each, text)
    text = _EPYTEXT.sub(r":\1", _RULE.sub(lambda found: f"{found[1]}\n{'-' * len(found[1])}", text))
    style = next(((name, found) for name, pattern in STYLES if (found := pattern.search(text))), None)
    if style is None:
        return [griffe.DocstringSectionText(text)]
    name, start = style[0], style[1].start()
    separator = r"\1 : ?" if name == "numpy" else r"\1 ?" if name == "sphinx" else r"\1?"
    docstring = griffe.Docstring(text[:start] + _TYPED[name].sub(separator, text[start:]), parent=function)
    if name == "numpy":
        return griffe.parse_numpy(docstring, warnings=False)
    if name == "sphinx":
        return griffe.parse_sphinx(docstring, warnings=False)
    return griffe.parse_google(docstring, warnings=False, returns_named_value=False, returns_multiple_items=False)


def _each(shared: re.Match[str]) -> str:
    """One line for each parameter of `:param a, b: words`."""
    return "\n".join(f":{shared[1]} {name.strip()}:{shared[3]}" for name in shared[2].split(","))


def _parameters(function: griffe.Function, sections: list[Any]) -> Schema:
    kinds = (griffe.DocstringSectionKind.parameters, griffe.DocstringSectionKind.other_parameters)
    documented = {item.name: item for section in sections if section.kind in kinds for item in section.value}
    properties, required = {}, []
    for parameter in function.parameters:
        name = parameter.name
        if parameter.kind in NOT_SAID or name in ("self", "cls") or name.startswith("_"):
            continue
        properties[name] = _property(parameter, documented.get(name))
        if parameter.required:
            required.append(name)
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _property(parameter: griffe.Parameter, documented: Any) -> Schema:
    schema = _typed(documented.annotation) if documented else {}
    schema = schema or _typed(parameter.annotation)
    if documented and (text := plain_restructured_text(documented.description or "")):
        schema = {**schema, "description": shortened(text, LONGEST_PARAMETER)}
    if not parameter.required:
        value = _literal(str(parameter.default))
        if value is not None and _fits(schema, value):
            schema = {**schema, "default": value}
    return schema


def _returns(function: griffe.Function, sections: list[Any]) -> Schema:
    items = [item for s in sections if s.kind is griffe.DocstringSectionKind.returns for item in s.value]
    if len(items) != 1:
        words = "; ".join(plain_restructured_text(f"{item.name}: {item.description}") for item in items)
        whole = {"type": "array", "description": shortened(words, LONGEST_PARAMETER)} if words else {}
        return whole or _typed(function.returns)
    schema = _typed(items[0].annotation) or _typed(function.returns)
    text = shortened(plain_restructured_text(items[0].description or ""), LONGEST_PARAMETER)
    return {**schema, **({"description": text} if text else {})}


def _typed(annotation: Any) -> Schema:
    return type_schema(str(annotation).lstrip(VERBATIM)) if annotation is not None else {}


def _literal(text: str) -> Any:
    """The JSON value of a plain literal, None where there is none."""
    if len(text) > LONGEST_DEFAULT:
        return None
    try:
        value = ast.literal_eval(text)
        return json.loads(json.dumps(value, allow_nan=False))
    except (SyntaxError, ValueError, TypeError):
        return None


def _fits(schema: Schema, value: Any) -> bool:
    """Whether a default has the type that is documented."""
    if "enum" in schema:
        return value in schema["enum"]
    kinds: dict[str, Any] = {"integer": int, "number": (int, float), "string": str, "array": list, "object": dict}
    kind = schema.get("type")
    if kind is None or kind == "boolean" or isinstance(value, bool):
        return kind is None or (kind == "boolean" and isinstance(value, bool))
    return isinstance(value, kinds[kind])
