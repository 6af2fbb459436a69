"""Call examples of several steps: calls, their results, perhaps a call they make possible, and an answer in words."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from corpus.call_requests import request
from corpus.call_several import same_function
from corpus.call_tools import Function, said, spoken_call
from corpus.call_values import JsonSchema, can_speak, make_value
from corpus.spoken_forms import words_of
from records.calls import Call, Message, calls_message

Result = dict[str, Any]

FORMS = (("answer", 0.45), ("several", 0.2), ("error", 0.1), ("chain", 0.25))
"""One call; several of one function; one that fails; a second call with a value out of the first result."""
MOST_SHOWN = 3
"""Properties and records of a result."""


def steps_messages(shown: Sequence[Function], target: Function, rng: random.Random) -> tuple[list[Message], set[str]]:
    """Messages from a request about `target` to the last answer, and the names of the functions they call."""
    form = rng.choices([name for name, _ in FORMS], [share for _, share in FORMS])[0]
    followers = [(one, name) for one in shown if one is not target for name in _followed(one)]
    if form == "chain" and followers:
        return _chain(target, *rng.choice(followers), rng)
    if form == "several":
        text, calls = same_function(target, rng.choice((2, 2, 3)), rng)
    else:
        text, call = spoken_call(target, rng)
        calls = [call]
    shape = _shape(target, rng)
    results = [_error(call, rng) if form == "error" else _filled(shape, rng) for call in calls]
    told = [_told(result, target, rng) for result in results]
    if len(calls) > 1:
        told = [f"{_which(call, calls)}: {_lower(words)}" for call, words in zip(calls, told, strict=True)]
    return [_asked(text), calls_message(calls), *map(_tool, results), _words(" ".join(told))], {target.name}


def _chain(first: Function, second: Function, name: str, rng: random.Random) -> tuple[list[Message], set[str]]:
    """The first function's result holds the value that `second` takes as `name`."""
    text, call = spoken_call(first, rng)
    value = make_value(name, second.properties[name], rng)
    others = {one: make_value(one, second.properties[one], rng) for one in second.required if one != name}
    words = words_of(name)
    source = rng.choice(("from the result", "that it gives", "you get", "of the answer", "it returns"))
    task = f"{second.task} with the {words} {source}"
    then = request(task, [said(second, one, other) for one, other in others.items()], rng)
    link = rng.choice(("Then {}", "After that, {}", "Next, {}", "{}")).format(_lower(then))
    made = {**{one: other.json for one, other in others.items()}, name: value.json}
    following = Call(second.name, {key: made[key] for key in second.properties if key in made})
    beside = {one: part for one, part in _shape(first, rng, 1).items() if one != "result"}
    found, result = {name: value.json, **_filled(beside, rng)}, _filled(_shape(second, rng), rng)
    return [
        _asked(f"{text} {link[0].upper()}{link[1:]}"),
        calls_message([call]), _tool(found),
        calls_message([following]), _tool(result), _words(_told(result, second, rng)),
    ], {first.name, second.name}  # fmt: skip


def _followed(function: Function) -> list[str]:
    """Parameters whose value an earlier result can give."""
    return [
        name
        for name in function.required
        if function.properties[name].get("type") in ("string", "integer", "number")
        and "enum" not in function.properties[name]
    ]


def _shape(function: Function, rng: random.Random, most: int = MOST_SHOWN) -> dict[str, JsonSchema]:
    """A few properties of the documented result, or `result` where none is documented; none where nothing is told."""
    parts = function.returns.get("properties", {})
    plain = [name for name, part in parts.items() if part.get("type") != "array" and can_speak(part, 1)]
    lists = [name for name, part in parts.items() if part.get("type") == "array" and _record_names(part)]
    if lists and (not plain or rng.random() < 0.5):
        name = rng.choice(lists)
        return {name: parts[name]}
    if plain:
        chosen = sorted(rng.sample(plain, min(len(plain), rng.randint(1, most))), key=list(parts).index)
        return {name: parts[name] for name in chosen}
    if parts or rng.random() < 0.3:
        return rng.choice(({}, {"status": {"enum": ["ok"]}}))
    return {"result": {"type": rng.choice(("number", "number", "integer", "string", "boolean"))}}


def _filled(shape: dict[str, JsonSchema], rng: random.Random) -> Result:
    return {
        name: [_record(part, rng) for _ in range(rng.randint(1, MOST_SHOWN))]
        if part.get("type") == "array"
        else make_value(name, part, rng).json
        for name, part in shape.items()
    }


def _record_names(part: JsonSchema) -> list[str]:
    """Texts that tell one record of a list from another."""
    items = part.get("items", {}).get("properties", {})
    return [
        name
        for name, one in items.items()
        if one.get("type") == "string" and words_of(name).split()[-1:] in (["name"], ["id"], ["title"], ["arn"])
    ]


def _record(part: JsonSchema, rng: random.Random) -> Result:
    names = _record_names(part)[:2]
    return {name: make_value(name, part["items"]["properties"][name], rng).json for name in names}


def _error(call: Call, rng: random.Random) -> Result:
    value = next((str(one) for one in call.arguments.values() if isinstance(one, str)), "it")
    reasons = (f"{value} was not found", "access denied", f"{value} does not exist", "the service is not available")
    return {"error": rng.choice(reasons)}


def _told(result: Result, function: Function, rng: random.Random) -> str:
    """A result in words."""
    if "error" in result:
        return rng.choice(("That did not work: {}.", "The call failed: {}.")).format(result["error"])
    if not result or result == {"status": "ok"}:
        return rng.choice(("Done.", "That is done.", "It worked."))
    ((name, value), *rest) = result.items()
    if isinstance(value, list):
        found = ", ".join(str(next(iter(record.values()))) for record in value)
        return f"{len(value)} {words_of(name)}: {found}." if len(value) != 1 else f"There is one: {found}."
    if name == "result" and not rest:
        return rng.choice(("The result is {}.", "It is {}.", "The answer is {}.")).format(_plain(value))
    facts = [f"the {words_of(key)} is {_plain(one)}" for key, one in result.items()]
    text = " and ".join(filter(None, [", ".join(facts[:-1]), facts[-1]])) + "."
    return text[0].upper() + text[1:]


def _which(call: Call, calls: Sequence[Call]) -> str:
    """What tells a call from the others."""
    differing = [
        value for name, value in call.arguments.items() if any(one.arguments.get(name) != value for one in calls)
    ]
    return _plain(differing[0]) if differing else call.name


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _lower(text: str) -> str:
    return text if text.startswith("I ") else text[0].lower() + text[1:]


def _asked(text: str) -> Message:
    return {"role": "user", "content": text}


def _tool(result: Result) -> Message:
    return {"role": "tool", "content": json.dumps(result, ensure_ascii=False)}


def _words(text: str) -> Message:
    return {"role": "assistant", "content": text}
