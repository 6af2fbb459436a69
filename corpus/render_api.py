"""The forms in which documentation of an API meets a model."""

from __future__ import annotations

import json
from typing import Any

from corpus.api import Api
from corpus.plain_text import shortened
from corpus.render_call import call
from corpus.render_python import signature
from corpus.render_questions import question
from corpus.render_words import parameter_lines, provider_of, result_lines

LONGEST = 6000
"""Characters of a row; nested parameters are left out of longer ones."""


def render(api: Api, form: str) -> str:
    """Text of an API in one of FORMS; nesting is left out until it has at most LONGEST characters."""
    for depth in (3, 2, 1):
        text = WRITERS[form](api, depth)
        if len(text) <= LONGEST:
            break
    return text


def markdown(api: Api, depth: int) -> str:
    """A Markdown reference page."""
    version = f" (version {api.version})" if api.version else ""
    parts = [f"# {api.name}", f"{provider_of(api)}{version}", api.description]
    parts += ["## Parameters", "\n".join(parameter_lines(api.parameters, depth))]
    if lines := result_lines(api.returns, depth):
        parts += ["## Returns", "\n".join(lines)]
    if api.errors:
        parts += ["## Errors", "\n".join(f"- {error}" for error in api.errors)]
    return "\n\n".join(parts) + "\n"


def function_schema(api: Api, depth: int) -> str:
    """The function in the shape that models are given tools in, as JSON."""
    parameters = pruned(api.parameters, depth)
    tool = {"name": api.name, "description": shortened(api.description, 800), "parameters": parameters}
    return f"{provider_of(api)} function, as JSON Schema:\n\n{json.dumps(tool, indent=1, ensure_ascii=False)}\n"


WRITERS = {
    "markdown": markdown,
    "schema": function_schema,
    "signature": signature,
    "question": question,
    "call": call,
}
FORMS = tuple(WRITERS)


def pruned(schema: dict[str, Any], depth: int) -> dict[str, Any]:
    """The schema without properties nested deeper than `depth`."""
    kept = dict(schema)
    if "properties" in schema:
        parts = {name: pruned(part, depth - 1) for name, part in schema["properties"].items()} if depth > 0 else None
        kept["properties"] = parts
        if parts is None:
            kept = {key: value for key, value in kept.items() if key not in ("properties", "required")}
    for nested in ("items", "additionalProperties"):
        if isinstance(schema.get(nested), dict):
            kept[nested] = pruned(schema[nested], depth)
    return kept


def richness(api: Api) -> int:
    """How much documentation an API has: words of its description and parameters, plus its results and errors."""
    lines = parameter_lines(api.parameters, 3)
    words = len(api.description.split()) + sum(len(line.split()) for line in lines)
    return min(words, 1500) + 20 * len(api.returns.get("properties", {})) + 5 * len(api.errors)
