"""Operations of an OpenAPI document: parameters merged into one schema, result, errors, examples, description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from corpus.openapi_schemas import JsonSchema, resolved, schema_of
from corpus.plain_text import plain_text, shortened
from corpus.rows import ordered_json

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SET_BY_CLIENTS = frozenset(("accept", "content-type", "authorization"))
"""Headers that the specification says are no parameters."""
LONGEST_DESCRIPTION, LONGEST_PARAMETER, LONGEST_ERROR = 2000, 500, 120
LONGEST_EXAMPLE = 2000
"""Characters of an example as JSON; longer ones are left out."""
MOST_ERRORS = 12


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Yield `(method, path, path item, operation)`; what is no object is passed over."""
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        for method in METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                yield method, str(path), item, item[method]


def description_of(operation: dict[str, Any]) -> str:
    """Summary and description as plain text, the summary once."""
    texts = [_words(operation.get(key)) for key in ("summary", "description")]
    summary, body = texts
    if summary and body and not body.lower().startswith(summary.lower().rstrip(".")):
        body = f"{summary}\n{body}"
    return shortened(body or summary, LONGEST_DESCRIPTION)


def parameters_of(document: dict[str, Any], item: dict[str, Any], operation: dict[str, Any]) -> JsonSchema:
    """JSON Schema of type object: parameters of path, query, header and form, then the properties of the body.

    A body that is not an object is the property `body`. Of equal names the first is kept.

    Raises:
        MalformedDocument: unresolved_reference or reference_cycle.
    """
    properties: dict[str, JsonSchema] = {}
    required: list[str] = []
    bodies: list[tuple[Any, bool, str]] = []
    for parameter in _parameters(document, item, operation):
        name, place = str(parameter.get("name") or ""), parameter.get("in")
        if place == "body":
            bodies.append(
                (parameter.get("schema"), parameter.get("required") is True, _words(parameter.get("description")))
            )
        elif name and name not in properties and place in ("path", "query", "header", "formData"):
            if place == "header" and name.lower() in SET_BY_CLIENTS:
                continue
            properties[name] = _parameter_schema(document, parameter)
            if place == "path" or parameter.get("required") is True:
                required.append(name)
    request = resolved(document, operation.get("requestBody"))
    if request:
        content = _content_schema(document, request.get("content"))
        bodies.append((content, request.get("required") is True, _words(request.get("description"))))
    for content, needed, words in bodies[:1]:
        body = schema_of(document, content, 4)
        if "properties" not in body:
            words = words or body.get("description", "")
            body = {"properties": {"body": _described(body, words)}, "required": ["body"] if needed else []}
        properties = {
            **properties,
            **{name: part for name, part in body["properties"].items() if name not in properties},
        }
        required += [name for name in body.get("required", []) if name not in required]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _parameters(document: dict[str, Any], item: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the operation in place of equal ones of its path."""
    found = {}
    for owner in (item, operation):
        for part in owner["parameters"] if isinstance(owner.get("parameters"), list) else ():
            parameter = resolved(document, part)
            found[str(parameter.get("name")), str(parameter.get("in"))] = parameter
    return list(found.values())


def _parameter_schema(document: dict[str, Any], parameter: dict[str, Any]) -> JsonSchema:
    part = parameter.get("schema")
    if part is None and "content" in parameter:
        part = _content_schema(document, parameter["content"])
    if part is None:  # version 2.0 writes the schema into the parameter
        part = {key: value for key, value in parameter.items() if key not in ("description", "required", "in", "name")}
    return _described(schema_of(document, part, 3), _words(parameter.get("description")))


def _described(schema: JsonSchema, words: str) -> JsonSchema:
    return {**schema, "description": shortened(words, LONGEST_PARAMETER)} if words else schema


def _content_schema(document: dict[str, Any], content: Any) -> Any:
    kinds = {str(kind): part for kind, part in content.items()} if isinstance(content, dict) else {}
    ordered = sorted(kinds, key=lambda kind: ("json" not in kind, "form" not in kind))
    return resolved(document, kinds[ordered[0]]).get("schema") if ordered else None


def returns_of(document: dict[str, Any], operation: dict[str, Any]) -> JsonSchema:
    """JSON Schema of the first result that is a success, empty where none has content."""
    for code, answer in _answers(document, operation):
        if code.startswith("2") or code == "default":
            content = answer.get("content")
            part = _content_schema(document, content) if content else answer.get("schema")
            return schema_of(document, part, 2, of_request=False) if part else {}
    return {}


def errors_of(document: dict[str, Any], operation: dict[str, Any]) -> tuple[str, ...]:
    """`<status> <description>` of every answer that is no success."""
    found = []
    for code, answer in _answers(document, operation):
        if code[:1] in ("4", "5"):
            words = shortened(" ".join(_words(answer.get("description")).split()), LONGEST_ERROR)
            found.append(f"{code} {words}".strip())
    return tuple(found[:MOST_ERRORS])


def _answers(document: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    answers = operation.get("responses")
    pairs = sorted(answers.items()) if isinstance(answers, dict) else []
    return [(str(code), resolved(document, answer)) for code, answer in pairs]


def examples_of(document: dict[str, Any], operation: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """One `{"request": …, "response": …}` with the parts that the document gives, or none."""
    found = {}
    request = resolved(document, operation.get("requestBody"))
    if (value := _example(document, request.get("content"))) is not None:
        found["request"] = value
    for code, answer in _answers(document, operation):
        if code.startswith("2"):
            old = answer.get("examples")  # version 2.0: by media type
            value = _example(document, answer.get("content"))
            if value is None and isinstance(old, dict):
                value = next(iter(old.values()), None)
            if value is not None:
                found["response"] = value
            break
    found = {key: value for key, value in found.items() if len(ordered_json(value)) <= LONGEST_EXAMPLE}
    return (found,) if found else ()


def _example(document: dict[str, Any], content: Any) -> Any:
    for part in content.values() if isinstance(content, dict) else ():
        media = resolved(document, part)
        if "example" in media:
            return media["example"]
        named = media.get("examples")
        for example in named.values() if isinstance(named, dict) else ():
            if (value := resolved(document, example).get("value")) is not None:
                return value
    return None


def _words(value: Any) -> str:
    """Markdown with HTML in it, as most documents have, to text that keeps its lines."""
    if not isinstance(value, str):
        return ""
    if re.search(r"<(?:p|br|ul|ol|li|div|h\d|table)\b", value, re.I):
        return plain_text(value)
    lines = (
        plain_text(line) if "<" in line or "&" in line else line.strip()
        for line in value.replace("\x00", "").split("\n")
    )
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
