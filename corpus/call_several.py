"""One request for several calls: of one function with other values, or of several functions."""

from __future__ import annotations

import random
from collections.abc import Sequence

from corpus.call_requests import joined_requests, request
from corpus.call_tools import Function, in_place, said, spoken_call
from corpus.call_values import Value, make_value, unmistakable
from corpus.spoken_forms import words_of
from records.calls import Call

TOGETHER = 0.75
"""Share of the requests for several calls of one function that say its task once."""


def several_functions(functions: Sequence[Function], rng: random.Random) -> tuple[str, list[Call]]:
    """A request for one call of each, one after another."""
    made = [spoken_call(function, rng) for function in functions]
    calls = {repr(call): call for _, call in made}
    return joined_requests([text for text, _ in made], rng), list(calls.values())


def same_function(function: Function, times: int, rng: random.Random) -> tuple[str, list[Call]]:
    """A request for several calls of one function; fewer where it has too few different ones."""
    varied = [
        name
        for name, schema in function.properties.items()
        if schema.get("type") in ("string", "integer", "number") and "enum" not in schema
    ]
    if varied and rng.random() < TOGETHER:
        return _varied_calls(function, rng.sample(varied, min(len(varied), rng.choice((1, 1, 1, 2)))), times, rng)
    return several_functions([function] * times, rng)


def _varied_calls(function: Function, names: Sequence[str], times: int, rng: random.Random) -> tuple[str, list[Call]]:
    """Calls that differ in one or two parameters: `Delete the bucket for names a, b and c`."""
    columns = {name: _different(function, name, times, rng) for name in names}
    count = min(len(values) for values in columns.values())
    columns = {name: values[:count] for name, values in columns.items()}
    others = {name: make_value(name, function.properties[name], rng) for name in function.required if name not in names}
    parts = [said(function, name, value) for name, value in others.items()]
    if len(names) == 1:
        ((name, values),) = columns.items()
        text = request(_each(function, name, values, rng), parts, rng)
    else:
        text = request(_respectively(function.task, columns, rng), parts, rng)
    calls = []
    for number in range(count):
        arguments = {name: value.json for name, value in others.items()}
        arguments |= {name: values[number].json for name, values in columns.items()}
        calls.append(Call(function.name, {key: arguments[key] for key in function.properties if key in arguments}))
    return text, calls


def _different(function: Function, name: str, times: int, rng: random.Random) -> list[Value]:
    made = [unmistakable(make_value(name, function.properties[name], rng)) for _ in range(times)]
    return list({str(value.json): value for value in made}.values())


def _each(function: Function, name: str, values: Sequence[Value], rng: random.Random) -> str:
    """The task, said of every value."""
    task, spoken, words = function.task, [value.spoken for value in values], words_of(name)
    listed = _listed(spoken)
    placed = in_place(task, said(function, name, values[0]), listed, several=len(values) > 1)
    if placed and rng.random() < 0.6:
        return placed
    names = words + (rng.choice(("s", "")) if not words.endswith("s") else "")
    one_by_one = rng.choice(("for {}", f"with {words} {{}}", f"for {words} {{}}", f"once with {words} {{}}"))
    return rng.choice(
        (
            f"{task} for each of the {names} {listed}",
            f"{task} for the {names} {listed}",
            f"{task} for {names} {listed}",
            f"{task} for {'both ' if len(spoken) == 2 and rng.random() < 0.5 else ''}{listed}",
            f"{task} {_listed([one_by_one.format(one) for one in spoken])}",
            f"{task} {_listed([one_by_one.format(one) for one in spoken])}",
        )
    )


def _respectively(task: str, columns: dict[str, list[Value]], rng: random.Random) -> str:
    """The task, said of every pair of values."""
    if rng.random() < 0.5:
        rows = zip(*columns.values(), strict=True)
        pairs = [
            " and ".join(f"{words_of(name)} {value.spoken}" for name, value in zip(columns, row, strict=True))
            for row in rows
        ]
        return f"{task}, " + rng.choice(("once with ", "first with ", "with ")) + ", then with ".join(pairs)
    told = [f"the {words_of(name)} {_listed([value.spoken for value in values])}" for name, values in columns.items()]
    return f"{task} with {' and '.join(told)}, respectively,"


def _listed(spoken: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(spoken[:-1]), spoken[-1]]))
