"""What a visitor writes and what a model answers, checked: requests, tools, and calls against the tools' schemas."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, SchemaError
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

MAX_REQUEST_CHARACTERS = 4_000
MAX_TOOLS = 32
MAX_DEPTH = 24
"""Deepest nesting of tools and arguments; the template and the checks recurse over them."""
MAX_REASON_CHARACTERS = 240

# References could reach the network or loop; pattern properties are regular expressions that a visitor chooses, and
# one hostile expression stops the whole process. `pattern` is left unchecked for the same reason.
REFUSED = {"$ref", "$dynamicRef", "$recursiveRef", "patternProperties"}
UNCHECKED = "pattern"
NAMED_PARTS = {"properties", "$defs", "definitions", "dependentSchemas"}
VALUES = {"enum", "const", "default", "examples", "example"}

Tool = dict[str, Any]


class InputError(ValueError):
    """Something the visitor can mend. The message says what and how, in words for the page."""


def read_request(request: object) -> str:
    """The request, stripped.

    Raises:
        InputError: it is no text, empty, or longer than MAX_REQUEST_CHARACTERS.
    """
    if not isinstance(request, str):
        raise InputError("The request must be text.")
    if not request.strip():
        raise InputError("Write a request first, or pick an example.")
    if len(request) > MAX_REQUEST_CHARACTERS:
        raise InputError(f"The request has {len(request):,} characters; at most {MAX_REQUEST_CHARACTERS:,} are read.")
    return whole_text(request.strip())


def check_tools(items: list[Any]) -> list[Tool]:
    """OpenAI tools, or the bare functions inside them, as OpenAI tools.

    Raises:
        InputError: none or too many, or one that is no tool; the tool and the reason are named.
    """
    if not items:
        raise InputError("There are no tools: the list is empty. Pick a tool set or add a tool.")
    if len(items) > MAX_TOOLS:
        raise InputError(f"There are {len(items)} tools; at most {MAX_TOOLS} are read.")
    if problem := unportable(items):
        raise InputError(f"The tools hold {problem}.")
    tools = [_read_tool(item, f"Tool {number}") for number, item in enumerate(items, 1)]
    names = [tool["function"]["name"] for tool in tools]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two tools have the name “{name}”; each needs its own.")
    return tools


def _read_tool(item: Any, where: str) -> Tool:
    function = item.get("function", item) if isinstance(item, dict) else None
    if not isinstance(function, dict):
        raise InputError(f"{where} is not an object with a name, a description and parameters.")
    name, description = function.get("name"), function.get("description", "")
    if not isinstance(name, str) or not name.strip() or len(name) > 128:
        raise InputError(f"{where} needs a “name” of 1 to 128 characters.")
    if not isinstance(description, str):
        raise InputError(f"{where} (“{name}”): the description must be text.")
    parameters = function.get("parameters", {"type": "object", "properties": {}})
    _check_schema(parameters, f"{where} (“{name}”)")
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _check_schema(parameters: Any, where: str) -> None:
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise InputError(f"{where}: the parameters must be a JSON Schema of type object.")
    try:
        Draft202012Validator.check_schema(parameters, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        raise InputError(f"{where}: the parameters are no valid JSON Schema: {_reason(error)}.") from None
    if refused := REFUSED & schema_keywords(parameters):
        raise InputError(f"{where}: “{min(refused)}” is not supported here; write the schema out in full.")


def schema_keywords(schema: dict[str, Any]) -> set[str]:
    """Every keyword used in a schema and the schemas inside it; names of properties are none."""
    found: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            found.update(part)
            for key, value in part.items():
                if key in NAMED_PARTS and isinstance(value, dict):
                    waiting.extend(value.values())
                elif key not in VALUES:
                    waiting.append(value)
    return found


def check_call(name: str, arguments: dict[str, Any], tools: Sequence[Tool]) -> tuple[bool, str]:
    """Whether a call fits the tools offered, and why (not).

    An argument that the tool does not list is invalid, unless its schema sets `additionalProperties` itself.
    """
    functions = {tool["function"]["name"]: tool["function"] for tool in tools}
    if name not in functions:
        near = difflib.get_close_matches(name, functions, n=1)
        hint = f"did the model mean “{near[0]}”?" if near else f"offered: {', '.join(functions)}"
        return False, _shorten(f"there is no tool “{name}”; {hint}")
    if problem := unportable(arguments):
        return False, f"the arguments hold {problem}"
    schema = {"additionalProperties": False, **functions[name]["parameters"]}
    errors = list(_Validator(schema, registry=Registry()).iter_errors(arguments))
    if errors:
        return False, "; ".join(sorted(_reason(error) for error in errors)[:3])
    unchecked = " (text patterns are not checked)" if UNCHECKED in schema_keywords(schema) else ""
    return True, "the arguments fit the tool’s schema" + unchecked


def _skip(*_: Any) -> Iterator[ValidationError]:
    return iter(())


_Validator = extend(Draft202012Validator, {UNCHECKED: _skip})


def _reason(error: ValidationError | SchemaError) -> str:
    path = ".".join(map(str, error.absolute_path))
    return _shorten(f"{path}: {error.message}" if path else error.message)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_REASON_CHARACTERS else text[:MAX_REASON_CHARACTERS] + "…"


def unportable(value: Any) -> str | None:
    """What in a JSON value would not survive being sent on, in words; None when all does."""
    waiting = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"more than {MAX_DEPTH} levels of nesting"
        if isinstance(part, float) and not math.isfinite(part):
            return "a number that is not finite"
        if isinstance(part, int) and not -(2**63) <= part < 2**63:
            return "a whole number of more than 64 bits"
        if isinstance(part, str) and whole_text(part) != part:
            return "half of a surrogate pair"
        if isinstance(part, dict):
            waiting += [(key, depth) for key in part]
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        waiting += [(inner, depth + 1) for inner in parts]
    return None


def whole_text(text: str) -> str:
    """The text with each lone surrogate, which UTF-8 cannot carry, replaced by a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
