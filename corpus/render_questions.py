"""Questions that a reference answers, with the answers."""

from __future__ import annotations

import re
from typing import Any

from corpus.api import Api
from corpus.call_requests import first_sentence, task_words
from corpus.plain_text import shortened
from corpus.render_words import one_line, parameter_lines, provider_of, result_lines, type_words
from records.files import stable_hash

Pair = tuple[str, str]

PHRASES = {
    "which": (
        "Which function of {provider} can {task}?",
        "I work with {provider} and want to {task}. Which function do I call?",
        'What is the function of {provider} that does this: "{sentence}."?',
    ),
    "what": (
        "What does `{name}` of {provider} do?",
        "I work with {provider}. What is `{name}` for?",
        "Can you explain `{name}`, a function of {provider}?",
    ),
    "takes": (
        "Which parameters does it take?",
        "What are the parameters of `{name}`?",
        "What can I pass to `{name}`?",
    ),
    "required": (
        "Which parameters are required?",
        "Which parameters of `{name}` must be given?",
        "What do I have to pass to `{name}` at least?",
    ),
    "type": (
        "What type is `{parameter}`?",
        "What type does the parameter `{parameter}` of `{name}` have?",
        "What do I pass as `{parameter}`?",
    ),
    "values": (
        "Which values does `{parameter}` take?",
        "What can `{parameter}` be?",
        "Which values are allowed for the parameter `{parameter}` of `{name}`?",
    ),
    "returns": ("What does it return?", "What does `{name}` return?", "What is in the result of `{name}`?"),
    "errors": (
        "Which errors can it raise?",
        "Which errors does `{name}` raise?",
        "With which errors can a call of `{name}` fail?",
    ),
}
"""Ways to ask each kind of question; a hash of the API's id picks."""
LATER = ("required", "type", "values", "returns", "errors")


def question(api: Api, depth: int) -> str:
    """Questions over the reference with their answers; what it does and takes first, the rest in varied order."""
    opening = "which" if stable_hash(f"opening/{api.id}") % 2 else "what"
    later = sorted(LATER, key=lambda kind: stable_hash(f"{kind}/{api.id}"))
    pairs = [asked(api, kind, depth) for kind in (opening, "takes", *later)]
    return (
        "\n\n".join(f"Question: {asks}\n\nAnswer:{_after_colon(answer)}" for asks, answer in filter(None, pairs)) + "\n"
    )


def asked(api: Api, kind: str, depth: int) -> Pair | None:
    """A question of a kind in PHRASES and its answer, None where the reference does not answer it."""
    parameter = told_parameter(api, kind)
    answer = {
        "which": lambda: f"`{api.name}`. {api.description}",
        "what": lambda: api.description,
        "takes": lambda: "\n".join(parameter_lines(api.parameters, depth)),
        "required": lambda: _required(api),
        "type": lambda: _typed(api, parameter),
        "values": lambda: _typed(api, parameter),
        "returns": lambda: "\n".join(result_lines(api.returns, depth)),
        "errors": lambda: _listed([f"`{error}`" for error in api.errors]) + "." if api.errors else "",
    }[kind]()
    phrases = PHRASES[kind]
    phrase = phrases[stable_hash(f"{kind} phrase/{api.id}") % len(phrases)]
    text = phrase.format(
        name=api.name,
        provider=provider_of(api),
        parameter=parameter,
        sentence=first_sentence(api.description),
        task=task_words(api.name, api.description),
    )
    return (text, answer) if answer else None


def told_parameter(api: Api, kind: str) -> str | None:
    """The parameter that a question of kind `type` or `values` is about; None where the last answer said it all."""
    properties = api.parameters["properties"]
    known = [name for name, part in properties.items() if type_words(part) != "any"] if len(properties) > 1 else []
    told = [name for name in known if ("enum" in properties[name]) == (kind == "values")]
    return told[stable_hash(f"parameter/{api.id}") % len(told)] if told else None


def _required(api: Api) -> str:
    required = api.parameters.get("required", [])
    if not required:
        return "None: every parameter is optional."
    names = _listed([f"`{name}`" for name in required])
    return f"{names} {'are' if len(required) > 1 else 'is'} required."


def _typed(api: Api, parameter: str | None) -> str:
    if parameter is None:
        return ""
    schema: dict[str, Any] = api.parameters["properties"][parameter]
    words = one_line(schema.get("description", ""))
    return f"`{parameter}`: {type_words(schema)}.{' ' + shortened(words, 200) if words else ''}"


def _after_colon(answer: str) -> str:
    """A list starts on a line of its own."""
    return f"\n\n{answer}" if "\n" in answer and re.search(r"^(- |list of )", answer) else f" {answer}"


def _listed(names: list[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
