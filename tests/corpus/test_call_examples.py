"""Call examples: every call validates, every argument value is in the request, every kind is what its name says."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import jsonschema
import pytest

from corpus.api import Api
from corpus.call_examples import KINDS, REQUESTS, call_examples, group_of
from corpus.call_requests import task_words
from corpus.call_values import can_speak, make_value
from corpus.spoken_forms import is_said
from tests.corpus.heard import is_heard, leaves

SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "description": "The bucket."},
    {"type": "integer", "minimum": 1, "maximum": 20, "description": "How many."},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "string", "enum": ["fast", "VERY_SLOW"]},
    {"type": "array", "items": {"type": "string"}},
    {"type": "array", "items": {"type": "integer"}},
    {"type": "object", "properties": {"low": {"type": "integer"}, "high": {"type": "integer"}}},
    {"type": "string", "format": "date-time"},
]
NAMES = ("BucketName", "maxResults", "ratio", "isEnabled", "speed", "tags", "sizes", "span", "startTime")


def api(number: int) -> Api:
    rng = random.Random(number)
    chosen = rng.sample(range(len(NAMES)), rng.randint(1, 6))
    properties = {NAMES[place]: SCHEMAS[place] for place in chosen}
    verb = ("Create", "Delete", "List", "Describe")[number % 4]
    return Api(
        id=f"made/service{number % 5}/{verb}Thing{number}",
        provider="made",
        service=f"service{number % 5}",
        version="1",
        name=f"service{number % 5}.{verb}Thing{number}",
        description=f"{verb}s a thing of sort {number}. More words follow.",
        parameters={"type": "object", "properties": properties, "required": list(properties)[: rng.randint(0, 2)]},
        source="made",
        license="Apache-2.0",
        url="",
    )


APIS = [api(number) for number in range(60)]
EXAMPLES = list(call_examples(APIS, 600, seed=3))


def calls_of(example: dict[str, Any]) -> list[dict[str, Any]]:
    return [call["function"] for call in example["messages"][-1].get("tool_calls", [])]


def functions_of(example: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tool["function"]["name"]: tool["function"] for tool in example["tools"]}


def test_every_call_validates_against_its_tool() -> None:
    seen = 0
    for example in EXAMPLES:
        for call in calls_of(example):
            jsonschema.validate(call["arguments"], functions_of(example)[call["name"]]["parameters"])
            assert set(call["arguments"]) <= set(functions_of(example)[call["name"]]["parameters"]["properties"])
            seen += 1
    assert seen > 500


def test_every_argument_value_is_in_the_request() -> None:
    for example in EXAMPLES:
        request = example["messages"][0]["content"]
        for call in calls_of(example):
            for value in leaves(call["arguments"]):
                assert is_heard(value, request), (value, request)
                assert is_said(value, request), (value, request)


def test_kinds_are_what_they_say() -> None:
    for example in EXAMPLES:
        calls, tools = calls_of(example), functions_of(example)
        kind = example["kind"]
        if kind == "single":
            assert len(calls) == 1 and len(tools) == 1
        elif kind == "multiple":
            assert len(calls) == 1 and len(tools) >= 2
        elif kind == "parallel":
            assert len(calls) >= 2 and len({call["name"] for call in calls}) == 1
        elif kind == "parallel_multiple":
            assert len({call["name"] for call in calls}) >= 2
        else:
            assert not calls and example["messages"][-1]["content"]


def test_shares_are_near_the_stated_ones() -> None:
    kinds = [example["kind"] for example in EXAMPLES]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    stated = dict(KINDS)
    assert shares["irrelevant"] == pytest.approx(stated["irrelevant"], abs=0.05)
    assert 0.02 < shares["missing"] <= stated["missing"] + 0.02, "a tool that requires nothing cannot lack it"
    several = stated["parallel"] + stated["parallel_multiple"]
    assert shares["parallel"] + shares["parallel_multiple"] == pytest.approx(several, abs=0.07)
    assert min(shares["single"], shares["multiple"], shares["parallel_multiple"]) > 0.03


def test_examples_come_in_groups_about_the_same_tools() -> None:
    groups: dict[str, list[dict[str, Any]]] = {}
    for example in EXAMPLES:
        groups.setdefault(group_of(example["id"]), []).append(example)
    assert {len(group) for group in groups.values()} == {REQUESTS}
    assert all(example["tools"] == group[0]["tools"] for group in groups.values() for example in group)
    assert len({repr(group[0]["tools"]) for group in groups.values()}) > 0.95 * len(groups)


def test_no_tool_at_hand_does_what_an_irrelevant_request_asks() -> None:
    for example in EXAMPLES:
        if example["kind"] == "irrelevant":
            descriptions = [task_words("", f["description"]) for f in functions_of(example).values()]
            assert not any(example["messages"][-1]["content"].endswith(f" {text}.") for text in descriptions)


def test_what_another_service_also_does_is_not_refused() -> None:
    twins = [dataclasses.replace(APIS[0], id=f"made/s{n}/put", service=f"s{n}", name=f"s{n}.put") for n in range(9)]
    kinds = {example["kind"] for example in call_examples(twins, 200, seed=1)}
    assert "single" in kinds and "irrelevant" not in kinds


def test_same_seed_same_examples_whatever_the_order_of_apis() -> None:
    assert list(call_examples(list(reversed(APIS)), 50, seed=3)) == EXAMPLES[:50]
    assert list(call_examples(APIS, 50, seed=4)) != EXAMPLES[:50]


def test_most_requests_differ() -> None:
    assert len({example["messages"][0]["content"] for example in EXAMPLES}) > 0.98 * len(EXAMPLES)


def test_what_has_no_verb_is_not_asked_for() -> None:
    boxes = [
        dataclasses.replace(APIS[n], id=f"made/s/Box{n}", name=f"s.Box{n}", description=f"The box {n} of all.")
        for n in range(9)
    ]
    examples = list(call_examples([*APIS[:9], *boxes], 200, seed=1))
    assert not any("Box" in name or "box" in name for example in examples for name in functions_of(example))
    with pytest.raises(ValueError, match="0 of 9 APIs"):
        next(call_examples(boxes, 1, seed=1))


def test_too_few_apis_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 of 3 APIs can be called in words"):
        next(call_examples(APIS[:3], 1, seed=1))


@pytest.mark.parametrize("place", range(len(SCHEMAS)))
def test_values_fit_their_schema(place: int) -> None:
    assert can_speak(SCHEMAS[place])
    for seed in range(30):
        jsonschema.validate(make_value(NAMES[place], SCHEMAS[place], random.Random(seed)).json, SCHEMAS[place])


@pytest.mark.parametrize(
    "schema", [{}, {"type": "object"}, {"type": "array"}, {"type": "array", "items": {"type": "array"}}, {"enum": []}]
)
def test_what_cannot_be_said_is_known(schema: dict[str, Any]) -> None:
    assert not can_speak(schema)


@pytest.mark.parametrize(
    ("name", "description", "task"),
    [
        ("s3.create_bucket", "Creates a new S3 bucket. And more.", "create a new S3 bucket"),
        ("ec2.DescribeInstances", "Describes the specified instances.", "describe the specified instances"),
        ("x.delete_user", "This is for good.", "delete a user"),
        ("x.list_queries", "Queries", "list the queries"),
        ("dataflow.projects_jobs_update", "The state of a job.", "update the projects jobs"),
        ("dataflow.projects_jobs_get", "Gets a job by its id.", "get a job by its id"),
        ("x.frobnicate", "It is not known.", "call frobnicate"),
        ("x.parse", "Parses a text.", "parse a text"),
        ("x.is_leap", "Return True if a year has 366 days.", "check whether a year has 366 days"),
        ("x.start", "Creates and starts a job.", "create and start a job"),
        ("x.window", "Returns a triangular window.", "get a triangular window"),
        ("x.get", "The sessions of the event.", "get the sessions of the event"),
        ("x.post", "The time zone of a user.", "create the time zone of a user"),
        ("x.get", "Access package containing this policy.", "call get"),
        ("x.get_async", "Access package containing this policy.", "call get"),
        ("x.patch", "Update the navigation property photoSize in users.", "update the photo size of users"),
        ("x.post", "Create new navigation property to tasks for groups.", "create the tasks for groups"),
        ("x.get", "Invoke function usedRange.", "run the function used range"),
        ("x.post", "Invoke action clearFilter.", "clear filter"),
        ("x.get", "Get the items of type microsoft.graph.user in it.", "get the items of type user in it"),
        ("x.shift", "Shifts" + " one of the" * 5, "shift" + " one of the" * 5),
    ],
)
def test_task_words(name: str, description: str, task: str) -> None:
    assert task_words(name, description) == task
