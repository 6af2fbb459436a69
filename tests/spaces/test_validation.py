"""Requests, tools and calls, checked."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("space")

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "The forecast.",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city"],
    },
}


def tools_of(*functions: dict[str, Any]) -> list[dict[str, Any]]:
    from documents import read_tools

    return read_tools(json.dumps(list(functions)))


def with_parameters(parameters: Any) -> str:
    return json.dumps([{"name": "f", "parameters": parameters}])


def test_bare_and_wrapped_functions_read_alike() -> None:
    from documents import read_tools

    bare = read_tools(json.dumps([WEATHER]))
    assert bare == read_tools(json.dumps([{"type": "function", "function": WEATHER}]))
    assert bare[0]["function"] == WEATHER


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no tools"),
        ("[]", "list is empty"),
        ("[{", "line 1, column 3"),
        ("{}", "must be a list of functions"),
        ("[1]", "Tool 1 is not an object"),
        ('[{"name": ""}]', "needs a “name”"),
        ('[{"name": "f", "description": 3}]', "description must be text"),
        ('[{"name": "f"}, {"name": "f"}]', "Two tools"),
        (with_parameters([]), "type object"),
        (with_parameters({"type": "string"}), "type object"),
        (with_parameters({"type": "object", "required": "x"}), "no valid JSON Schema"),
        (with_parameters({"properties": {"x": {"$ref": "http://127.0.0.1/schema"}}}), "“$ref” is not supported"),
        (with_parameters({"patternProperties": {"(a+)+$": {}}}), "“patternProperties” is not supported"),
        ("[" * 9000, "nesting is too large"),
        ("[" * 40 + "]" * 40, "levels of nesting"),
        ("[" + "9" * 5000 + "]", "number or the nesting is too large"),
        ("[1e999]", "not finite"),
        ('["\\ud800"]', "surrogate"),
        ("x" * 1_000_000, "1,000,000 characters"),
        (json.dumps([{"name": f"f{n}"} for n in range(40)]), "40 tools"),
        (None, "must be text"),
    ],
)
def test_broken_tools_are_refused_with_the_reason(text: Any, says: str) -> None:
    from documents import read_tools
    from validation import InputError

    with pytest.raises(InputError) as caught:
        read_tools(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("request_text", "says"),
    [("", "Write a request"), (" \n", "Write a request"), ("x" * 4001, "4,001 characters"), (3, "must be text")],
)
def test_broken_requests_are_refused(request_text: Any, says: str) -> None:
    from validation import InputError, read_request

    with pytest.raises(InputError, match=says):
        read_request(request_text)


def test_a_property_may_have_the_name_of_a_keyword() -> None:
    from validation import schema_keywords

    schema = {"type": "object", "properties": {"$ref": {"type": "string"}, "pattern": {"enum": [{"$id": 1}]}}}
    assert schema_keywords(schema) == {"type", "properties", "enum"}
    assert tools_of({"name": "f", "parameters": schema})


@pytest.mark.parametrize(
    ("name", "arguments", "valid", "says"),
    [
        ("get_weather", {"city": "Rome"}, True, "fit"),
        ("get_weather", {"city": "Rome", "days": 7, "unit": "celsius"}, True, "fit"),
        ("get_weather", {}, False, "'city' is a required property"),
        ("get_weather", {"city": 3}, False, "city: 3 is not of type 'string'"),
        ("get_weather", {"city": "Rome", "days": 9}, False, "days: 9 is greater than the maximum of 7"),
        ("get_weather", {"city": "Rome", "unit": "kelvin"}, False, "unit: 'kelvin' is not one of"),
        ("get_weather", {"city": "Rome", "when": "now"}, False, "'when' was unexpected"),
        ("get_wether", {"city": "Rome"}, False, "did the model mean “get_weather”?"),
        ("launch", {}, False, "offered: get_weather"),
        ("get_weather", {"city": "Rome", "days": 10**30}, False, "more than 64 bits"),
        ("get_weather", {"city": "\ud800"}, False, "surrogate"),
    ],
)
def test_a_call_is_checked_against_its_tool(name: str, arguments: dict[str, Any], valid: bool, says: str) -> None:
    from validation import check_call

    found, reason = check_call(name, arguments, tools_of(WEATHER))
    assert found is valid
    assert says in reason


def test_a_schema_may_allow_other_arguments_itself() -> None:
    from validation import check_call

    tools = tools_of({"name": "f", "parameters": {"type": "object", "additionalProperties": True}})
    assert check_call("f", {"anything": 1}, tools)[0]


def test_a_hostile_pattern_is_not_run() -> None:
    from validation import check_call

    parameters = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    started = time.perf_counter()
    valid, reason = check_call("f", {"x": "a" * 40 + "!"}, tools_of({"name": "f", "parameters": parameters}))
    assert valid and "patterns are not checked" in reason
    assert time.perf_counter() - started < 5


def test_every_tool_of_the_gallery_reads_and_has_examples(space: Path) -> None:
    from documents import read_tools
    from tool_sets import load_tool_sets

    sets = load_tool_sets()
    assert len(sets) >= 5
    for one in sets.values():
        assert 1 <= len(read_tools(one.text)) <= 4, one.name
        assert len(one.examples) >= 2, one.name
