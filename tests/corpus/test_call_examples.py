"""Call examples: every call validates, every argument value is in the request, every kind is what its name says."""

from __future__ import annotations

import dataclasses
import json
import random
from typing import Any

import jsonschema
import pytest

from corpus.api import Api
from corpus.call_examples import REQUESTS, call_examples, group_of
from corpus.call_requests import Said, task_words
from corpus.call_tools import in_place
from corpus.call_values import can_speak, make_value
from corpus.spoken_forms import is_said
from records.recipe_corpus import CallsRecipe, SharesRecipe
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
EXAMPLES = list(call_examples(APIS, CallsRecipe(600), seed=3))
SHARES = SharesRecipe(call=0.2, parallel=0.3, parallel_multiple=0.1, irrelevant=0.0, missing=0.1, steps=0.3)
VARIED = list(call_examples(APIS, CallsRecipe(400, shares=SHARES, tools=(1, 2, 4)), seed=5))


def calls_of(example: dict[str, Any]) -> list[dict[str, Any]]:
    return [call["function"] for message in example["messages"] for call in message.get("tool_calls", [])]


def functions_of(example: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tool["function"]["name"]: tool["function"] for tool in example["tools"]}


def test_every_call_validates_against_its_tool() -> None:
    seen = 0
    for example in [*EXAMPLES, *VARIED]:
        for call in calls_of(example):
            jsonschema.validate(call["arguments"], functions_of(example)[call["name"]]["parameters"])
            assert set(call["arguments"]) <= set(functions_of(example)[call["name"]]["parameters"]["properties"])
            seen += 1
    assert seen > 500


def test_every_argument_value_is_in_the_request() -> None:
    for example in [*EXAMPLES, *(one for one in VARIED if one["kind"] != "steps")]:
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


def test_steps_go_from_a_call_over_its_result_to_words() -> None:
    kinds = [example["kind"] for example in VARIED]
    assert kinds.count("steps") / len(kinds) == pytest.approx(SHARES.steps, abs=0.06)
    assert "irrelevant" not in kinds and {len(example["tools"]) for example in VARIED} == {1, 2, 4}
    chained = 0
    for example in VARIED:
        messages, request = example["messages"], example["messages"][0]["content"]
        if example["kind"] != "steps":
            assert [message["role"] for message in messages] == ["user", "assistant"]
            continue
        assert messages[-1]["role"] == "assistant" and messages[-1]["content"]
        results = [message["content"] for message in messages if message["role"] == "tool"]
        assert len(results) == len(calls_of(example))
        for result in results:
            told = leaves(json.loads(result))
            assert all(str(value) in messages[-1]["content"] or json.dumps(value) in messages[-1]["content"]
                       for value in told if value != "ok") or messages[3].get("tool_calls")  # fmt: skip
        for place, message in enumerate(messages):
            for call in message.get("tool_calls", []):
                known = request if place == 1 else request + messages[2]["content"]
                assert all(is_said(value, known) for value in leaves(call["function"]["arguments"])), messages
        chained += len(messages) > 4 and messages[3]["role"] == "assistant"
    assert chained > 5


def test_a_value_stands_behind_the_noun_it_names() -> None:
    part = Said("ArchiveName", "spring", "string")
    assert in_place("retrieve details about an archive", part, "spring") == "retrieve details about the archive spring"
    assert in_place("delete an existing event archive in use", part, "a") == "delete the event archive a in use"
    plural = in_place("show the archive", part, "spring and fall", several=True)
    assert plural == "show the archives spring and fall"
    assert in_place("get the archive policy", part, "spring") is None, "the noun says what policy"
    assert in_place("archive a message", part, "spring") is None
    assert in_place("create an archive", Said("archive", "5", "integer"), "5") is None


def test_several_calls_are_asked_for_in_many_ways() -> None:
    together = [example for example in VARIED if example["kind"] == "parallel"]
    words = " ".join(example["messages"][0]["content"] for example in together)
    for form in ("for each of the", "both", "once with", "respectively", " then with "):
        assert form in words, form
    assert all(len({json.dumps(call) for call in calls_of(example)}) > 1 for example in together)


def test_shares_are_near_the_stated_ones() -> None:
    kinds = [example["kind"] for example in EXAMPLES]
    shares = {kind: kinds.count(kind) / len(kinds) for kind in set(kinds)}
    stated = dataclasses.asdict(CallsRecipe(0).shares)
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
    kinds = {example["kind"] for example in call_examples(twins, CallsRecipe(200), seed=1)}
    assert "single" in kinds and "irrelevant" not in kinds


def test_same_seed_same_examples_whatever_the_order_of_apis() -> None:
    assert list(call_examples(list(reversed(APIS)), CallsRecipe(50), seed=3)) == EXAMPLES[:50]
    assert list(call_examples(APIS, CallsRecipe(50), seed=4)) != EXAMPLES[:50]


def test_most_requests_differ() -> None:
    assert len({example["messages"][0]["content"] for example in EXAMPLES}) > 0.98 * len(EXAMPLES)


def test_what_has_no_verb_is_not_asked_for() -> None:
    boxes = [
        dataclasses.replace(APIS[n], id=f"made/s/Box{n}", name=f"s.Box{n}", description=f"The box {n} of all.")
        for n in range(9)
    ]
    examples = list(call_examples([*APIS[:9], *boxes], CallsRecipe(200), seed=1))
    assert not any("Box" in name or "box" in name for example in examples for name in functions_of(example))
    with pytest.raises(ValueError, match="0 of 9 APIs"):
        next(call_examples(boxes, CallsRecipe(1), seed=1))


def test_too_few_apis_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 of 3 APIs can be called in words"):
        next(call_examples(APIS[:3], CallsRecipe(1), seed=1))


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
