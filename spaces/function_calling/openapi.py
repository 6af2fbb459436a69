"""OpenAPI 2 and 3 documents as tools: one function an operation. Nothing is fetched; references stay inside it."""

from __future__ import annotations

import re
from typing import Any

from validation import MAX_TOOLS, InputError

METHODS = ("get", "put", "post", "delete", "patch")
MAX_REFERENCES = 2_000
MAX_SCHEMA_DEPTH = 8


def is_openapi(value: Any) -> bool:
    """Whether a parsed document says that it is OpenAPI or Swagger."""
    return isinstance(value, dict) and ("openapi" in value or "swagger" in value)


def openapi_tools(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The first MAX_TOOLS operations of a document as functions.

    Raises:
        InputError: no operation, or references that lead nowhere or too far.
    """
    paths = document.get("paths")
    if not isinstance(paths, dict):
        raise InputError("The OpenAPI document has no “paths”.")
    reader, found = _Reader(document), list[dict[str, Any]]()
    for path, item in paths.items():
        for method in METHODS if isinstance(item, dict) else ():
            if isinstance(item.get(method), dict) and len(found) < MAX_TOOLS:
                found.append(_function(reader, str(path), method, item))
    if not found:
        raise InputError("The OpenAPI document has no operation under “paths”.")
    return found


def _function(reader: _Reader, path: str, method: str, item: dict[str, Any]) -> dict[str, Any]:
    operation = item[method]
    named = operation.get("operationId")
    name = named if isinstance(named, str) and named.strip() else f"{method}{path}"
    about = next((str(operation[key]) for key in ("summary", "description") if operation.get(key)), f"{method} {path}")
    properties: dict[str, Any] = {}
    required: list[str] = []
    for given in [*_list(item.get("parameters")), *_list(operation.get("parameters"))]:
        given = reader.resolved(given)
        key = given.get("name")
        if isinstance(key, str) and given.get("in") in ("path", "query", "body", "formData", None):
            _add(properties, required, key, reader.plain(given.get("schema", given)), given)
    _add_body(reader, operation, properties, required)
    parameters = {"type": "object", "properties": properties, "required": required}
    return {"name": _identifier(name), "description": about[:500], "parameters": parameters}


def _add(
    properties: dict[str, Any], required: list[str], name: str, schema: dict[str, Any], given: dict[str, Any]
) -> None:
    if isinstance(given.get("description"), str):
        schema = {**schema, "description": given["description"][:300]}
    properties[name] = schema
    if given.get("required") is True and name not in required:
        required.append(name)


def _add_body(reader: _Reader, operation: dict[str, Any], properties: dict[str, Any], required: list[str]) -> None:
    body = reader.resolved(operation.get("requestBody"))
    contents = body.get("content")
    content = next(iter(contents.values()), None) if isinstance(contents, dict) else None
    if not isinstance(content, dict):
        return
    schema = reader.plain(content.get("schema"))
    inner = schema.get("properties")
    if isinstance(inner, dict) and inner:
        properties |= {name: part for name, part in inner.items() if name not in properties}
        wanted = [name for name in _list(schema.get("required")) if name in inner]
        required += [name for name in wanted if name not in required]
    elif schema:
        properties["body"] = schema


class _Reader:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document, self.followed = document, 0

    def resolved(self, value: Any) -> dict[str, Any]:
        """The object that a value is or refers to; {} for anything else."""
        for _ in range(MAX_SCHEMA_DEPTH):
            if not isinstance(value, dict):
                return {}
            if "$ref" not in value:
                return value
            self.followed += 1
            if self.followed > MAX_REFERENCES:
                raise InputError(f"The OpenAPI document follows more than {MAX_REFERENCES:,} references.")
            value = self._at(value["$ref"])
        return {}

    def _at(self, reference: Any) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise InputError("The OpenAPI document refers outside itself; only references that begin with #/ are read.")
        part: Any = self.document
        for key in reference[2:].split("/"):
            part = part.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(part, dict) else None
        return part

    def plain(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """A JSON Schema without references, and without what OpenAPI adds to it."""
        schema = self.resolved(schema)
        if depth > MAX_SCHEMA_DEPTH or not schema:
            return {}
        plain = {key: schema[key] for key in ("type", "enum", "minimum", "maximum", "maxLength") if key in schema}
        if isinstance(schema.get("description"), str):
            plain["description"] = schema["description"][:300]
        if isinstance(schema.get("properties"), dict):
            named = {str(name): self.plain(part, depth + 1) for name, part in schema["properties"].items()}
            plain |= {"type": "object", "properties": named}
            plain["required"] = [name for name in _list(schema.get("required")) if name in named]
        for part in _list(schema.get("allOf")):
            inner = self.plain(part, depth + 1)
            merged = {**plain.get("properties", {}), **inner.get("properties", {})}
            wanted = list(dict.fromkeys([*plain.get("required", []), *inner.get("required", [])]))
            plain = {**inner, **plain, **({"properties": merged, "required": wanted} if merged else {})}
        if "items" in schema:
            plain["items"] = self.plain(schema["items"], depth + 1)
        return plain


def _identifier(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")[:128] or "operation"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
