"""Words that the forms of documentation share: who offers an API, and its parameters, types and results in lines."""

from __future__ import annotations

import json
from typing import Any

from corpus.api import Api

PROVIDERS = {
    "aws": "AWS",
    "azure": "Azure CLI",
    "cloudflare": "Cloudflare",
    "datadog": "Datadog",
    "github": "GitHub",
    "google": "Google",
    "kubernetes": "Kubernetes",
    "microsoft": "Microsoft Graph",
    "openai": "OpenAI",
    "oracle": "Oracle Cloud",
    "slack": "Slack",
    "stripe": "Stripe",
    "tencentcloud": "Tencent Cloud",
    "twilio": "Twilio",
}
"""Platforms that a reader is written for, as text names them."""
MOST_CHOICES = 12
"""Values of an enumeration that a type names; more are left out."""


def is_python(api: Api) -> bool:
    """Whether an API is a function of a Python distribution: that is its source and its provider in one."""
    return api.provider == api.source and api.provider not in PROVIDERS


def is_tool(api: Api) -> bool:
    """Whether an API is a tool of a Model Context Protocol server, which is its provider and service in one."""
    return api.provider == api.service and api.id == f"{api.source}/{api.service}/{api.name}" and not is_python(api)


def provider_of(api: Api) -> str:
    """Who offers an API and where, for example `AWS s3`, `Python library numpy` or `MCP server files`."""
    if known := PROVIDERS.get(api.provider):
        return known if api.service == api.provider else f"{known} {api.service}"
    if is_python(api):
        return f"Python{'' if api.source == 'cpython' else ' library'} {api.service}"
    if is_tool(api):
        return f"MCP server {api.service}"
    return f"{api.provider} API" if api.service == api.provider else f"{api.provider} {api.service} API"


def parameter_lines(schema: dict[str, Any], depth: int, level: int = 0) -> list[str]:
    """`- name (type, required): description` for every property, nested ones indented, `depth` levels deep."""
    lines = []
    for name, part in schema.get("properties", {}).items():
        needed = ", required" if name in schema.get("required", []) else ""
        words = one_line(part.get("description", ""))
        lines.append(f"{'  ' * level}- {name} ({type_words(part)}{needed}){': ' + words if words else ''}")
        if depth > 1:
            lines += parameter_lines(element_of(part), depth - 1, level + 1)
    return lines


def result_lines(schema: dict[str, Any], depth: int) -> list[str]:
    """The parts of a result, or one line where it has none; nothing where nothing is known of it."""
    if lines := parameter_lines(element_of(schema), min(depth, 2)):
        return [f"{type_words(schema)}:", *lines] if schema.get("type") == "array" else lines
    words = one_line(schema.get("description", ""))
    known = type_words(schema) if "type" in schema or "enum" in schema else ""
    return [": ".join(part for part in (known, words) if part)] if known != "object" and (known or words) else []


def one_line(text: str) -> str:
    """A text without line breaks."""
    return text.replace("\n", " ").strip()


def type_words(schema: dict[str, Any]) -> str:
    """A type in words, for example `list of string` or `one of "a", "b"`."""
    if choices := schema.get("enum"):
        shown = ", ".join(json.dumps(choice, ensure_ascii=False) for choice in choices[:MOST_CHOICES])
        return f"one of {shown}{', …' if len(choices) > MOST_CHOICES else ''}"
    if schema.get("type") == "array":
        return f"list of {type_words(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map to {type_words(schema['additionalProperties'])}"
    return str(schema.get("format") or schema.get("type") or "any")


def element_of(schema: dict[str, Any]) -> dict[str, Any]:
    """What a list or map, at whatever depth, holds; the schema itself where it is neither."""
    while True:
        inner = schema.get("items") if schema.get("type") == "array" else schema.get("additionalProperties")
        if not isinstance(inner, dict):
            return schema
        schema = inner
