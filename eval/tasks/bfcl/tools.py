"""BFCL's function descriptions as OpenAI tools.

BFCL names types in the words of Python, Java and JavaScript; tools have JSON Schema. Java and JavaScript arguments are
written as strings in that language's own notation, because the checker reads them so; the hints that say this are
the ones bfcl_eval itself adds (bfcl_eval/utils.py).
"""

from __future__ import annotations

import json
from typing import Any

from records.calls import Tool

JSON_TYPES = {"dict": "object", "float": "number", "tuple": "array"}
"""BFCL's names that differ from JSON Schema's. `any` has no type at all."""

LANGUAGES = {"simple_java": "Java", "simple_javascript": "JavaScript"}
LISTS = ("Array", "ArrayList", "array")


def tool(function: dict[str, Any], category: str) -> Tool:
    """One function of a question as an OpenAI tool; names keep their dots."""
    language = LANGUAGES.get(category)
    parameters = dict(function["parameters"])
    parameters["properties"] = {
        name: _as_text(schema, language) if language else _as_json_schema(schema)
        for name, schema in parameters["properties"].items()
    }
    parameters["type"] = "object"
    named = {"name": function["name"], "description": function["description"], "parameters": parameters}
    return {"type": "function", "function": named}


def _as_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    adapted = dict(schema)
    kind = adapted.pop("type", None)
    if isinstance(kind, str) and kind.lower() != "any":
        adapted["type"] = JSON_TYPES.get(kind, kind)
    if isinstance(adapted.get("properties"), dict):
        adapted["properties"] = {name: _as_json_schema(part) for name, part in adapted["properties"].items()}
    if isinstance(adapted.get("items"), dict):
        adapted["items"] = _as_json_schema(adapted["items"])
    return adapted


def _as_text(schema: dict[str, Any], language: str) -> dict[str, Any]:
    adapted = dict(schema)
    kind = adapted["type"]
    if kind == "any":
        hint = f" This parameter can be of any type of {language} object in string representation."
    else:
        hint = f" This is {language} {kind} type parameter in string representation."
    if kind in LISTS:
        element = adapted.pop("items")["type"]
        hint += f" The list elements are of type {element}; they are not in string representation."
    if kind == "dict" and "properties" in adapted:
        entries = json.dumps(adapted.pop("properties"))
        hint += f" The dictionary entries have the following schema; they are not in string representation. {entries}"
    return {**adapted, "type": "string", "description": adapted["description"] + hint}
