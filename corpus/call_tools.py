"""Functions of call examples: an API narrowed to what a request can say, and a request with its call."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from corpus.api import Api
from corpus.call_requests import Said, first_sentence, request, task_words
from corpus.call_values import Value, can_speak, make_value
from corpus.spoken_forms import words_of
from records.calls import Call

MOST_PARAMETERS = 5
IN_PLACE = 0.5
"""Share of the requests that say a value behind the noun it names, where the task has that noun."""
_SURNAMES = {"name", "id", "identifier", "arn", "key", "number", "value"}
_LEADS = r"(?:an?|the|your|each|one|this)(?: (?:specific|specified|given|existing|single|new|particular))?"
_ENDS = r"(?=$|[,;]| (?:of|for|from|in|into|on|to|with|by|and|or|as|at|that|which|using|based|within)\b)"


@dataclass(frozen=True)
class Function:
    """An API narrowed to what a request can say: the tool a model sees."""

    api_id: str
    name: str
    description: str
    properties: dict[str, dict[str, Any]]
    required: tuple[str, ...]
    task: str
    returns: dict[str, Any] = field(default_factory=dict)
    """JSON Schema of the result; empty where the API documents none."""

    def tool(self) -> dict[str, Any]:
        """The OpenAI tool shape."""
        parameters = {"type": "object", "properties": self.properties, "required": list(self.required)}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


def make_functions(apis: Sequence[Api], rng: random.Random) -> list[Function]:
    """The tools of one example, in one style of names, no name twice; the first API stays first."""
    style = rng.choice(("dotted", "snake", "snake", "camel", "flat"))
    by_name: dict[str, Function] = {}
    for api in apis:
        function = _function(api, style, rng)
        by_name.setdefault(function.name, function)
    return list(by_name.values())


def rarity(schema: dict[str, Any]) -> float:
    """How much rather a parameter is shown than a plain text, of which cloud APIs have the most."""
    if schema.get("items", {}).get("type") in ("integer", "number"):
        return 12.0
    return 1.0 if schema.get("type") == "string" and "enum" not in schema else 4.0


def spoken_call(function: Function, rng: random.Random, leave_out: str | None = None) -> tuple[str, Call]:
    """A request and the call that answers it; `leave_out` names a parameter that the request does not say."""
    optional = [name for name in function.properties if name not in function.required]
    spoken_names = [*function.required, *rng.sample(optional, _spoken_optionals(function, len(optional), rng))]
    values = {name: make_value(name, function.properties[name], rng) for name in spoken_names}
    parts = [said(function, name, value) for name, value in values.items() if name != leave_out]
    in_order = {name: values[name].json for name in function.properties if name in values}
    return place_one(function.task, parts, rng), Call(function.name, in_order)


def place_one(task: str, parts: Sequence[Said], rng: random.Random) -> str:
    """The request, with one value right behind its noun in the task where that can be: `show the archive spring`."""
    places = [(part, found) for part in parts if (found := in_place(task, part, part.spoken))]
    if places and rng.random() < IN_PLACE:
        part, task = rng.choice(places)
        parts = [other for other in parts if other is not part]
    return request(task, parts, rng)


def in_place(task: str, part: Said, spoken: str, several: bool = False) -> str | None:
    """The task with the value behind the noun that the parameter names, or the values behind its plural.

    None where the parameter is no text or the task does not end a phrase in its noun.
    """
    words = words_of(part.name).split()
    while len(words) > 1 and words[-1] in _SURNAMES:
        words.pop()
    if part.kind != "string" or not words or words[-1] in _SURNAMES:
        return None
    for noun in dict.fromkeys((" ".join(words), words[-1])):
        form = rf"\b{_LEADS} ((?:[\w-]+ ){{0,2}}?){re.escape(noun)}{_ENDS}"
        if found := re.search(form, task, re.I):
            named = f"the {found[1]}{_plural(noun) if several else noun} {spoken}"
            return task[: found.start()] + named + task[found.end() :]
    return None


def said(function: Function, name: str, value: Value) -> Said:
    """A value of a function's parameter, for a request."""
    schema = function.properties[name]
    return Said(name, value.spoken, "enum" if "enum" in schema else schema["type"])


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _spoken_optionals(function: Function, available: int, rng: random.Random) -> int:
    least = 0 if function.required or rng.random() < 0.1 else 1
    return min(available, max(least, rng.choice((0, 1, 1, 2, 2, 3))))


def _function(api: Api, style: str, rng: random.Random) -> Function:
    """Narrow an API to parameters that can be said, and write its names in one style."""
    properties, required = api.parameters.get("properties", {}), api.parameters.get("required", [])
    optional = [name for name, schema in properties.items() if name not in required and can_speak(schema)]
    room = max(1 if not required else 0, rng.randint(0, max(0, MOST_PARAMETERS - len(required))))
    kept = {*required, *_varied(optional, properties, min(room, len(optional)), rng)}
    rename = _camel if style == "camel" else _snake
    narrowed = {rename(name): _narrow(schema, rename) for name, schema in properties.items() if name in kept}
    return Function(
        api_id=api.id,
        name=_tool_name(api, style),
        description=first_sentence(api.description) + ".",
        properties=narrowed,
        required=tuple(rename(name) for name in properties if name in required),
        task=task_words(api.name, api.description),
        returns=api.returns,
    )


def _varied(names: Sequence[str], properties: dict[str, Any], count: int, rng: random.Random) -> list[str]:
    """Draw optional parameters; the rarer types come first, for cloud APIs are mostly strings."""
    weight = {name: rarity(properties[name]) for name in names}
    return sorted(names, key=lambda name: rng.random() ** (1 / weight[name]), reverse=True)[:count]


def _narrow(schema: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    narrowed: dict[str, Any] = {
        key: schema[key] for key in ("type", "enum", "format", "minimum", "maximum") if key in schema
    }
    if "enum" in narrowed:
        narrowed["enum"] = narrowed["enum"][:8]
        narrowed.setdefault("type", "string")
    if "items" in schema:
        narrowed["items"] = _narrow(schema["items"], rename)
    if "properties" in schema:
        narrowed["properties"] = {rename(name): _narrow(part, rename) for name, part in schema["properties"].items()}
    if description := first_sentence(schema.get("description", ""), 70):
        narrowed["description"] = description + "."
    return narrowed


def _tool_name(api: Api, style: str) -> str:
    operation = _snake(api.name.rsplit(".", 1)[-1])
    service = _snake(api.service)
    if style == "dotted":
        return f"{service}.{operation}"
    if style == "camel":
        return _camel(operation)
    return f"{service}_{operation}" if style == "flat" else operation


def _snake(name: str) -> str:
    return words_of(name).replace(" ", "_")


def _camel(name: str) -> str:
    first, *rest = words_of(name).split()
    return first + "".join(word.title() for word in rest)
