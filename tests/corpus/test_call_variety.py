"""The measure of variety, on examples whose variety is known."""

from __future__ import annotations

from typing import Any

import pytest

from corpus.call_variety import Variety, skeleton_of, type_of
from records.calls import Call, calls_message

SIZE = {"type": "integer", "description": "Litres."}
COLOUR = {"type": "string", "enum": ["red", "blue"]}
TOOL = {
    "name": "shop.put_box",
    "description": "Puts a box on the shelf.",
    "parameters": {"type": "object", "properties": {"boxSize": SIZE, "colour": COLOUR, "days": {"type": "array"}}},
}


def messages(request: str, **arguments: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": request}, dict(calls_message([Call("shop.put_box", arguments)]))]


def measured(*examples: list[dict[str, Any]]) -> dict[str, Any]:
    variety = Variety()
    for example in examples:
        variety.add("single", example, [{"type": "function", "function": TOOL}], ["made/shop/put_box"])
    return variety.report()


def test_requests_that_differ_in_values_and_tool_words_alone_have_one_skeleton() -> None:
    first = messages("Please put a box with box size 1,200 and colour red.", boxSize=1200, colour="red")
    second = messages("Please put the boxes with colour blue.", colour="blue")
    found = measured(first, second, messages("Kindly put a box, blue.", colour="blue"), second)
    assert found["skeletons"] == 3 and found["requests_repeated"] == 1 and found["examples"] == 4
    assert found["most_frequent_skeleton"]["share"] == 0.5
    one = skeleton_of("Please put a box for 7 red days", [TOOL], [{"arguments": {"boxSize": 7, "colour": "red"}}])
    assert one == skeleton_of("Please put box for 1.5 blue days", [TOOL], [{"arguments": {"colour": "blue"}}])
    assert one == "please \u00b7 for # \u00b7"


def test_words_for_numbers_are_counted() -> None:
    said = measured(messages("Put a box of seven litres", boxSize=7), messages("Put a box of 7 litres", boxSize=7))
    assert said["numbers_said_in_words"] == 1 and said["argument_types"] == {"integer": 2}
    for request, size in (("Put a box of 1,200 litres", 1200), ("Put a box of 100 litres", 100.0)):
        assert measured(messages(request, boxSize=size))["numbers_said_in_words"] == 0


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("red", COLOUR, "enum"), ("2024-02-03", {}, "date"), ("2024-02-03T10:00:00Z", {}, "date"), ("x", {}, "string"),
        (True, {}, "boolean"), (3, {}, "integer"), (0.5, {}, "number"), ({"a": 1}, {}, "object"), (None, {}, "null"),
        ([], {}, "array of nothing"), ([1], {"items": {"type": "integer"}}, "array of integer"),
        (["red"], {"items": COLOUR}, "array of enum"),
    ],
)  # fmt: skip
def test_types_of_arguments(value: Any, schema: dict[str, Any], expected: str) -> None:
    assert type_of(value, schema) == expected


def test_nothing_is_a_report_too() -> None:
    assert Variety().report()["most_frequent_skeleton"]["share"] == 0.0
