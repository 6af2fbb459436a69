"""The forms in which documentation of an API meets a model."""

from __future__ import annotations

import json
import keyword
import re
from typing import Any

from corpus.api import Api
from corpus.plain_text import shortened
from records.files import stable_hash

FORMS = ("markdown", "schema", "signature", "question")
PYTHON_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list"}
PROVIDERS = {"aws": "AWS", "google": "Google"}
"""Cloud providers as text names them; all others are Python distributions."""
LONGEST = 6000
"""Characters of a row; nested parameters are left out of longer ones."""
QUESTIONS = (
    "Which function of {service} does this: {sentence}",
    "How do I call {name}, and what does it take?",
    "What are the parameters of {name}?",
    "I work with {service}. What does {name} do?",
)


def render(api: Api, form: str) -> str:
    """Text of an API in one of FORMS; nesting is left out until it has at most LONGEST characters."""
    write = {"markdown": markdown, "schema": function_schema, "signature": signature, "question": question}[form]
    for depth in (3, 2, 1):
        text = write(api, depth)
        if len(text) <= LONGEST:
            break
    return text


def markdown(api: Api, depth: int) -> str:
    """A Markdown reference page."""
    parts = [f"# {api.name}", f"{_provider(api)} (version {api.version})", api.description]
    parts += ["## Parameters", "\n".join(parameter_lines(api.parameters, depth))]
    if lines := parameter_lines(api.returns, min(depth, 2)) or result_lines(api.returns):
        parts += ["## Returns", "\n".join(lines)]
    if api.errors:
        parts += ["## Errors", ", ".join(f"`{error}`" for error in api.errors)]
    return "\n\n".join(parts) + "\n"


def function_schema(api: Api, depth: int) -> str:
    """The function in the shape that models are given tools in, as JSON."""
    parameters = pruned(api.parameters, depth)
    tool = {"name": api.name, "description": shortened(api.description, 800), "parameters": parameters}
    return f"{_provider(api)} function, as JSON Schema:\n\n{json.dumps(tool, indent=1, ensure_ascii=False)}\n"


def signature(api: Api, depth: int) -> str:
    """A Python signature with a docstring."""
    required = api.parameters.get("required", [])
    properties = api.parameters["properties"]
    arguments = [f"{_identifier(n)}: {_python_type(p)}" for n, p in properties.items() if n in required]
    arguments += [
        f"{_identifier(n)}: {_python_type(p)} = {p.get('default')!r}"
        for n, p in properties.items()
        if n not in required
    ]
    result = _python_type(api.returns) if api.returns else "None"
    lines = [f"def {_identifier(api.name)}(", *(f"    {a}," for a in ["*", *arguments]), f") -> {result}:"]
    lines += _indented(f'"""{api.description}\n\nArgs:', 1)
    lines += _indented("\n".join(parameter_lines(api.parameters, depth)), 2)
    if api.errors:
        lines += _indented("\nRaises:\n" + "\n".join(f"    {error}" for error in api.errors), 1)
    return "\n".join([*lines, '    """']) + "\n"


def question(api: Api, depth: int) -> str:
    """A question over the reference, and its answer."""
    sentence = shortened(api.description, 160).split("\n")[0]
    asked = QUESTIONS[stable_hash(f"question/{api.id}") % len(QUESTIONS)]
    required = api.parameters.get("required", [])
    needs = f"It needs {', '.join(f'`{n}`' for n in required)}." if required else "No parameter is required."
    lines = parameter_lines(api.parameters, depth)
    asked = asked.format(service=_provider(api), sentence=sentence, name=api.name)
    answer = "\n".join([f"`{api.name}`: {api.description}", "", needs, "", *lines])
    return f"Question: {asked}\n\nAnswer: {answer}\n"


def parameter_lines(schema: dict[str, Any], depth: int, level: int = 0) -> list[str]:
    """`- name (type, required): description` for every property, nested ones indented, `depth` levels deep."""
    lines = []
    for name, part in schema.get("properties", {}).items():
        needed = ", required" if name in schema.get("required", []) else ""
        words = part.get("description", "").replace("\n", " ")
        lines.append(f"{'  ' * level}- {name} ({type_words(part)}{needed}){': ' + words if words else ''}")
        if depth > 1:
            lines += parameter_lines(_element(part), depth - 1, level + 1)
    return lines


def result_lines(schema: dict[str, Any]) -> list[str]:
    """One line for a result without named parts, none where nothing is known of it."""
    words = schema.get("description", "").replace("\n", " ")
    known = type_words(schema) if "type" in schema or "enum" in schema else ""
    return [": ".join(part for part in (known, words) if part)] if known != "object" and (known or words) else []


def type_words(schema: dict[str, Any]) -> str:
    """A type in words, for example `list of string` or `one of "a", "b"`."""
    if choices := schema.get("enum"):
        shown = ", ".join(f'"{choice}"' for choice in choices[:12])
        return f"one of {shown}{', …' if len(choices) > 12 else ''}"
    if schema.get("type") == "array":
        return f"list of {type_words(schema.get('items', {}))}"
    if "additionalProperties" in schema:
        return f"map to {type_words(schema['additionalProperties'])}"
    return str(schema.get("format") or schema.get("type") or "any")


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


def _element(schema: dict[str, Any]) -> dict[str, Any]:
    while schema.get("type") == "array":
        schema = schema.get("items", {})
    return schema


def _provider(api: Api) -> str:
    return f"{PROVIDERS.get(api.provider, 'Python library')} {api.service}"


def _identifier(name: str) -> str:
    clean = re.sub(r"\W", "_", name)
    return f"{clean}_" if keyword.iskeyword(clean) or clean[:1].isdigit() else clean


def _python_type(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list[{_python_type(schema.get('items', {}))}]"
    return PYTHON_TYPES.get(schema.get("type", ""), "dict" if schema.get("type") == "object" else "object")


def _indented(text: str, levels: int) -> list[str]:
    return [f"{'    ' * levels}{line}" if line else "" for line in text.split("\n")]
