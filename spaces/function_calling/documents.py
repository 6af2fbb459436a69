"""What a visitor pastes or uploads as tools: JSON functions, OpenAPI, MCP tool lists or Python, told apart and read."""

from __future__ import annotations

import json
from typing import Any

import yaml
from openapi import is_openapi, openapi_tools
from signatures import is_python, python_tools
from validation import MAX_DEPTH, InputError, Tool, check_tools, unportable

MAX_DOCUMENT_CHARACTERS = 300_000
MAX_TOOLS_CHARACTERS = 40_000
"""Of the functions that a document becomes, as JSON."""
MAX_YAML_NODES = 60_000


def read_tools(text: object) -> list[Tool]:
    """Tools from any of the forms: a JSON list of functions (bare or OpenAI's), MCP `tools/list`, OpenAPI 2 or 3 in
    JSON or YAML, Python functions.

    Returns:
        Tools of the shape `{"type": "function", "function": {"name", "description", "parameters"}}`.

    Raises:
        InputError: none of these, or a tool that is not one; place and reason are named.
    """
    if not isinstance(text, str):
        raise InputError("The tools must be text.")
    if not text.strip():
        raise InputError("There are no tools: pick a tool set, or write functions.")
    if len(text) > MAX_DOCUMENT_CHARACTERS:
        raise InputError(f"The tools have {len(text):,} characters; at most {MAX_DOCUMENT_CHARACTERS:,} are read.")
    tools = check_tools(_functions(text))
    length = len(json.dumps(tools))
    if length > MAX_TOOLS_CHARACTERS:
        raise InputError(f"The tools make {length:,} characters of JSON; at most {MAX_TOOLS_CHARACTERS:,} are read.")
    return tools


def as_editor_text(tools: list[Tool]) -> str:
    """The bare functions as the editor shows them."""
    return json.dumps([tool["function"] for tool in tools], indent=1, ensure_ascii=False)


def _functions(text: str) -> list[Any]:
    if text.lstrip()[0] in "[{":
        return _from_value(_json(text))
    if is_python(text):
        return python_tools(text)
    return _from_value(_yaml(text))


def _from_value(value: Any) -> list[Any]:
    if problem := unportable(value):
        raise InputError(f"The tools hold {problem}.")
    if is_openapi(value):
        return openapi_tools(value)
    if isinstance(value, dict) and isinstance(value.get("result"), dict):
        value = value["result"]  # the reply of an MCP server as it comes over the wire
    if isinstance(value, dict) and "tools" in value:
        value = value["tools"]
    elif isinstance(value, dict) and "name" in value:
        value = [value]
    if not isinstance(value, list):
        raise InputError("The tools must be a list of functions, an OpenAPI document or an MCP tool list.")
    return [_from_mcp(item) for item in value]


def _from_mcp(item: Any) -> Any:
    if not isinstance(item, dict) or "inputSchema" not in item:
        return item
    about = item.get("description") or item.get("title") or ""
    return {"name": item.get("name"), "description": about, "parameters": item["inputSchema"]}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"The tools are not valid JSON: {error.msg} ({where}).") from None
    except (ValueError, RecursionError):
        raise InputError("The tools are not JSON that can be read: a number or the nesting is too large.") from None


def _yaml(text: str) -> Any:
    try:
        _bound_yaml(text)
        return _with_text_keys(yaml.load(text, Loader=_PlainLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise InputError(f"The tools are neither JSON, Python nor valid YAML{where}.") from None
    except InputError:
        raise
    except (ValueError, RecursionError, OverflowError):
        raise InputError("The YAML holds a value that cannot be read.") from None


class _PlainLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, with dates left as text: JSON has none."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in _PlainLoader.yaml_implicit_resolvers.items()
}


def _bound_yaml(text: str) -> None:
    """Aliases make a small text a huge value, so they are refused before anything is built."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_PlainLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise InputError("The YAML uses aliases (*name); write the parts out in full.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH or count > MAX_YAML_NODES:
            raise InputError(
                f"The YAML is too large: at most {MAX_DEPTH} levels and {MAX_YAML_NODES:,} parts are read."
            )


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(part) for key, part in value.items()}
    return [_with_text_keys(part) for part in value] if isinstance(value, list) else value
