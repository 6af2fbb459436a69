"""Call examples for fine-tuning: a request, the tools at hand, and the calls that answer it, from real API schemas."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.api import Api
from corpus.call_requests import NO_VERB, Said, first_sentence, joined_requests, request, task_words
from corpus.call_values import Value, can_speak, make_value, unmistakable
from corpus.spoken_forms import words_of
from records.calls import Call, calls_message
from records.files import stable_hash

REQUESTS = 4
"""Examples that are asked of the same tools."""
KINDS = (
    ("call", 0.66),
    ("parallel", 0.07),
    ("parallel_multiple", 0.06),
    ("irrelevant", 0.16),
    ("missing", 0.05),
)
"""`call` is `single` with one tool at hand, else `multiple`; so is what the tools at hand allow no other way."""
TOOLS = (1, 1, 1, 2, 2, 3)
MOST_PARAMETERS = 5
MOST_REQUIRED = 5
PAGING = {"max", "page", "limit", "token"}


@dataclass(frozen=True)
class Function:
    """An API narrowed to what a request can say: the tool a model sees."""

    api_id: str
    name: str
    description: str
    properties: dict[str, dict[str, Any]]
    required: tuple[str, ...]
    task: str

    def tool(self) -> dict[str, Any]:
        """The OpenAI tool shape."""
        parameters = {"type": "object", "properties": self.properties, "required": list(self.required)}
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


def call_examples(apis: Sequence[Api], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield `count` examples `{id, messages, tools, kind, api_ids}`, `REQUESTS` after one another about the same tools.

    The tools of group g depend on `seed`, g and the set of APIs alone, and so does each example. Argument values occur
    in the request, in words or figures; optional parameters that the request does not mention are left out of the call.

    Raises:
        ValueError: fewer than eight APIs have parameters that a request can say.
    """
    usable = sorted((api for api in apis if _usable(api)), key=lambda api: stable_hash(f"{seed}/{api.id}"))
    if len(usable) < 8:
        raise ValueError(f"{len(usable)} of {len(apis)} APIs can be called in words; call examples need at least 8")
    # Cloud APIs mostly take text and require one value or none, where people's functions take several of many kinds.
    walks = [usable]
    walks += [[api for api in usable if fits(api)] or usable for fits in (_requires_several, _has_more_than_text)]
    examples = itertools.chain.from_iterable(_group(walks, seed, group) for group in itertools.count())
    return itertools.islice(examples, count)


def group_of(example_id: str) -> str:
    """What examples about the same tools have in common."""
    return example_id.rsplit("/", 1)[0]


def _group(walks: Sequence[Sequence[Api]], seed: int, group: int) -> Iterator[dict[str, Any]]:
    rng = random.Random(stable_hash(f"{seed}/call/{group}"))
    count = rng.choice(TOOLS)
    # Walking the lists, not drawing from them, shows every API before any comes twice.
    walked = [apis[group % len(apis)] for apis in walks]
    functions = _functions([*rng.sample(walked, len(walked)), *rng.sample(walks[0], 6)], rng)
    shown, others = functions[:count], functions[count:]
    for number in range(REQUESTS):
        yield {"id": f"call/{seed}/{group}/{number}", **_example(shown, others, rng)}


def _requires_several(api: Api) -> bool:
    return len(api.parameters.get("required", [])) > 1


def _has_more_than_text(api: Api) -> bool:
    """Whether an API takes numbers, switches, choices or lists, paging apart."""
    found = api.parameters.get("properties", {}).items()
    return any(
        _rarity(schema) > 1 for name, schema in found if can_speak(schema) and not PAGING & {*words_of(name).split()}
    )


def _usable(api: Api) -> bool:
    properties = api.parameters.get("properties", {})
    required = api.parameters.get("required", [])
    speakable = [name for name, schema in properties.items() if can_speak(schema)]
    return (
        len(speakable) >= 1
        and len(required) <= MOST_REQUIRED
        and all(name in speakable for name in required)
        and len(first_sentence(api.description).split()) >= 3
        and not task_words(api.name, api.description).startswith(NO_VERB)
    )


def _functions(apis: Sequence[Api], rng: random.Random) -> list[Function]:
    """The tools of one example, in one style of names, no name twice; the first API stays first."""
    style = rng.choice(("dotted", "snake", "snake", "camel", "flat"))
    by_name: dict[str, Function] = {}
    for api in apis:
        function = _function(api, style, rng)
        by_name.setdefault(function.name, function)
    return list(by_name.values())


def _example(shown: Sequence[Function], others: Sequence[Function], rng: random.Random) -> dict[str, Any]:
    """One request about the tools `shown`; `others` are what it asks for where none of them fits."""
    kind = rng.choices([name for name, _ in KINDS], [share for _, share in KINDS])[0]
    target = rng.choice(shown)
    # Two services may offer the same under different names: what a shown tool can do is no reason to refuse.
    strangers = [function for function in others if function.task not in {tool.task for tool in shown}]
    if (kind == "irrelevant" and strangers) or (kind == "missing" and target.required):
        return _refusal(kind, shown, target if kind == "missing" else rng.choice(strangers), rng)
    if kind == "parallel_multiple" and len(shown) > 1:
        wanted = rng.sample(shown, rng.choice((2, len(shown))))
        text, calls = _one_after_another([*wanted, *([wanted[0]] if rng.random() < 0.3 else [])], rng)
    elif kind in ("parallel", "parallel_multiple"):
        text, calls = _same_function(target, rng.choice((2, 2, 2, 3)), rng)
    else:
        text, call = _call(target, rng)
        calls = [call]
    # A function whose one parameter is a switch has too few different calls for several.
    several = len({call.name for call in calls}) > 1
    alone = "single" if len(shown) == 1 else "multiple"
    kind = "parallel_multiple" if several else "parallel" if len(calls) > 1 else alone
    return {"kind": kind, **_row(text, calls_message(calls), shown, {call.name for call in calls})}


def _one_after_another(functions: Sequence[Function], rng: random.Random) -> tuple[str, list[Call]]:
    made = [_call(function, rng) for function in functions]
    return joined_requests([text for text, _ in made], rng), _different([call for _, call in made])


def _different(calls: Sequence[Call]) -> list[Call]:
    return list({repr(call): call for call in calls}.values())


def _same_function(function: Function, times: int, rng: random.Random) -> tuple[str, list[Call]]:
    if rng.random() < 0.6 and (varied := _varied_names(function)):
        return _varied_calls(function, rng.choice(varied), times, rng)
    return _one_after_another([function] * times, rng)


def _refusal(kind: str, shown: Sequence[Function], wanted: Function, rng: random.Random) -> dict[str, Any]:
    if kind == "missing":
        left_out = rng.choice(wanted.required)
        text, _ = _call(wanted, rng, leave_out=left_out)
        answer, about = f"Which {words_of(left_out)} should I use?", {wanted.name}
    else:
        text, _ = _call(wanted, rng)
        answer = rng.choice(("None of the functions can {}.", "No function here can {}.")).format(wanted.task)
        about = {function.name for function in shown}
    return {"kind": kind, **_row(text, {"role": "assistant", "content": answer}, shown, about)}


def _row(text: str, answer: dict[str, Any], tools: Sequence[Function], about: set[str]) -> dict[str, Any]:
    """`about` names the functions whose APIs the row is about."""
    return {
        "messages": [{"role": "user", "content": text}, answer],
        "tools": [function.tool() for function in tools],
        "api_ids": sorted({function.api_id for function in tools if function.name in about}),
    }


def _call(function: Function, rng: random.Random, leave_out: str | None = None) -> tuple[str, Call]:
    """A request and the call that answers it; `leave_out` names a parameter that the request does not say."""
    optional = [name for name in function.properties if name not in function.required]
    spoken_names = [*function.required, *rng.sample(optional, _spoken_optionals(function, len(optional), rng))]
    values = {name: make_value(name, function.properties[name], rng) for name in spoken_names}
    said = [_said(function, name, value) for name, value in values.items() if name != leave_out]
    in_order = {name: values[name].json for name in function.properties if name in values}
    return request(function.task, said, rng), Call(function.name, in_order)


def _spoken_optionals(function: Function, available: int, rng: random.Random) -> int:
    least = 0 if function.required or rng.random() < 0.1 else 1
    return min(available, max(least, rng.choice((0, 1, 1, 2, 2, 3))))


def _varied_names(function: Function) -> list[str]:
    return [
        name
        for name, schema in function.properties.items()
        if schema.get("type") in ("string", "integer", "number") and "enum" not in schema
    ]


def _varied_calls(function: Function, name: str, times: int, rng: random.Random) -> tuple[str, list[Call]]:
    """One request for several calls that differ in one parameter: `Delete the bucket for names a, b and c`."""
    made = [unmistakable(make_value(name, function.properties[name], rng)) for _ in range(times)]
    values = list({str(value.json): value for value in made}.values())
    listed = " and ".join(filter(None, [", ".join(value.spoken for value in values[:-1]), values[-1].spoken]))
    others = {other: make_value(other, function.properties[other], rng) for other in function.required if other != name}
    said = [_said(function, other, value) for other, value in others.items()]
    each = rng.choice(("for each of the", "for the", "for"))
    names = words_of(name)
    names += rng.choice(("s", "")) if not names.endswith("s") else ""
    text = request(f"{function.task} {each} {names} {listed}", said, rng)
    calls = []
    for value in values:
        arguments = {**{other: others[other].json for other in others}, name: value.json}
        calls.append(Call(function.name, {key: arguments[key] for key in function.properties if key in arguments}))
    return text, calls


def _said(function: Function, name: str, value: Value) -> Said:
    schema = function.properties[name]
    return Said(name, value.spoken, "enum" if "enum" in schema else schema["type"])


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
    )


def _varied(names: Sequence[str], properties: dict[str, Any], count: int, rng: random.Random) -> list[str]:
    """Draw optional parameters; the rarer types come first, for cloud APIs are mostly strings."""
    weight = {name: _rarity(properties[name]) for name in names}
    return sorted(names, key=lambda name: rng.random() ** (1 / weight[name]), reverse=True)[:count]


def _rarity(schema: dict[str, Any]) -> float:
    if schema.get("items", {}).get("type") in ("integer", "number"):
        return 12.0
    return 1.0 if schema.get("type") == "string" and "enum" not in schema else 4.0


def _narrow(schema: dict[str, Any], rename: Any) -> dict[str, Any]:
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
