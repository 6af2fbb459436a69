"""Tool definitions of public datasets in the OpenAI shape, and whether calls keep to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator, SchemaError

from corpus.foreign_calls import BadRow, json_or_literal
from corpus.openapi_schemas import JsonSchema, schema_of
from corpus.plain_text import shortened
from corpus.python_types import type_schema
from corpus.read_apis import MalformedDocument
from records.calls import Call, Tool

DEPTH = 4
LONGEST_DESCRIPTION = 1000
JSON_TYPES = frozenset("string integer number boolean object array null".split())


def tools_of(value: Any) -> list[Tool]:
    """The tools of a list of definitions, or of one; text is parsed. Raises BadRow: bad_tools, duplicate_tool."""
    if isinstance(value, str):
        value = json_or_literal(value) if value.strip() else []
    definitions = value if isinstance(value, list) else [value]
    tools = [tool_of(part) for part in definitions]
    names = [tool["function"]["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise BadRow("duplicate_tool")
    return tools


def tool_of(definition: Any) -> Tool:
    """One tool, bare or under `function`, its parameters a JSON Schema or a mapping of name to description and type.

    Raises:
        BadRow: bad_tools where there is no name or the parameters are none.
    """
    part = definition.get("function", definition) if isinstance(definition, dict) else None
    if not isinstance(part, dict) or not isinstance(part.get("name"), str) or not part["name"].strip():
        raise BadRow("bad_tools")
    description = part.get("description")
    words = shortened(description, LONGEST_DESCRIPTION) if isinstance(description, str) else ""
    function = {"name": part["name"].strip(), "description": words, "parameters": _parameters(part.get("parameters"))}
    return {"type": "function", "function": function}


def _parameters(value: Any) -> JsonSchema:
    value = {} if value is None else value
    if not isinstance(value, dict):
        raise BadRow("bad_tools")
    if not isinstance(value.get("properties"), dict) and value and value.get("type") not in ("object", "dict"):
        value = _of_mapping(value)
    try:
        schema = schema_of(value, with_json_types(value), DEPTH)
    except (MalformedDocument, TypeError, ValueError, RecursionError):
        raise BadRow("bad_tools") from None
    return {"type": "object", "properties": {}, **schema}


def _of_mapping(parts: dict[str, Any]) -> JsonSchema:
    """A schema from `{name: {type, description, default}}`: required is what is not optional and has no default."""
    if not all(isinstance(part, dict) for part in parts.values()):
        raise BadRow("bad_tools")
    optional = {name for name, part in parts.items() if "default" in part or "optional" in str(part.get("type"))}
    needed = [name for name in parts if name not in optional]
    return {"type": "object", "properties": parts, "required": needed}


def with_json_types(part: Any) -> Any:
    """A schema whose Python names of types (`str`, `dict`, `List[int]`) are those of JSON Schema; unknown ones go."""
    if isinstance(part, list):
        return [with_json_types(one) for one in part]
    if not isinstance(part, dict):
        return part
    found: dict[str, Any] = {}
    for name, one in part.items():
        if name == "type" and isinstance(one, str) and one not in JSON_TYPES:
            found.update(type_schema(one))
        else:
            found[name] = one if name == "enum" and isinstance(one, list) else with_json_types(one)
    return found


def check_calls(calls: Sequence[Call], tools: Sequence[Tool]) -> None:
    """See that every call names a tool and keeps to its parameters.

    Raises:
        BadRow: tool_not_declared, argument_not_in_schema, arguments_break_schema or bad_schema.
    """
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    for call in calls:
        if call.name not in schemas:
            raise BadRow("tool_not_declared")
        schema = schemas[call.name]
        if "additionalProperties" not in schema and set(call.arguments) - set(schema["properties"]):
            raise BadRow("argument_not_in_schema")
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError:
            raise BadRow("bad_schema") from None
        if not Draft202012Validator(schema).is_valid(call.arguments):
            raise BadRow("arguments_break_schema")
