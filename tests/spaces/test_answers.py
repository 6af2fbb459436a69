"""From the model's text to cards and to the endpoint's JSON."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("space")

PARAMETERS = {"type": "object", "properties": {"host": {"type": "string"}}, "required": ["host"]}
TOOLS = json.dumps([{"name": "ping", "parameters": PARAMETERS}])
HOSTILE = "</code><script>alert(1)</script><img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Names and attributes of every tag."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def ask(canned: Any, text: str, request: Any = "Ping a.example", tools: Any = TOOLS) -> list[tuple[str, str, str]]:
    from chat import Lane
    from page import ask as ask_page

    canned.text = text
    return [shown[:3] for shown in ask_page([Lane("Trained, free", canned)], (), request, tools, False)]


def call(canned: Any, text: str, request: Any = "Ping a.example", tools: Any = TOOLS) -> dict[str, Any]:
    from endpoints import call as call_endpoint

    canned.text = text
    return call_endpoint(canned, request, tools)


def test_two_calls_become_two_cards_with_their_verdicts(canned: Any) -> None:
    text = '[{"name": "ping", "arguments": {"host": "a.example"}}, {"name": "ping", "arguments": {"host": 4}}]'
    steps = ask(canned, text)
    page, prompt, output = steps[-1]
    assert page.count('<article class="call') == 2
    assert page.count("✓ valid") == 1 and page.count("✗ invalid") == 1
    assert "2 calls, 1 valid" in page and "tokens/s" in page
    assert (prompt, output) == ("prompt of Ping a.example", text)
    assert len(steps) > 3 and all("Writing…" in shown for shown, *_ in steps[:-2])


def test_the_endpoint_gives_calls_as_json(canned: Any) -> None:
    text = 'Sure: [{"name": "ping", "arguments": {"host": "a.example"}}]'
    result = call(canned, text)
    reason = "the arguments fit the tool’s schema"
    assert result["calls"] == [{"name": "ping", "arguments": {"host": "a.example"}, "valid": True, "reason": reason}]
    assert result["error"] is None and result["problem"] is None and result["words"] is None
    assert result["output"] == text
    assert result["tokens_per_second"] == pytest.approx(result["tokens"] / result["seconds"])
    assert canned.asked[0][0] == "Ping a.example"


@pytest.mark.parametrize(
    ("text", "words", "problem"),
    [
        ("  Which host shall I ping? ", "Which host shall I ping?", None),
        ('[{"name": "ping", "arguments": {"host": ', None, "no valid JSON"),
        ('[{"nom": "ping"}]', None, "no list of calls"),
        ("   ", None, "nothing"),
    ],
)
def test_answers_without_a_call(canned: Any, text: str, words: str | None, problem: str | None) -> None:
    result = call(canned, text)
    assert result["calls"] == [] and result["words"] == words
    assert (problem is None) == (result["problem"] is None) and (problem or "") in (result["problem"] or "")
    page = ask(canned, text)[-1][0]
    assert ("No call: the model answered in words" in page) == (words is not None)
    assert ("No readable call" in page) == (problem is not None)


@pytest.mark.parametrize(
    ("request_text", "tools", "says"),
    [
        ("", TOOLS, "Write a request"),
        ("x" * 1_000_000, TOOLS, "1,000,000 characters"),
        ("hi", "[{", "not valid JSON"),
        ("hi", f'[{{"name": 1, "{HOSTILE}": 2}}]', "needs a “name”"),
    ],
)
def test_bad_input_never_reaches_the_model(canned: Any, request_text: str, tools: str, says: str) -> None:
    assert says in call(canned, "words", request_text, tools)["error"]
    page, _, _ = ask(canned, "words", request_text, tools)[-1]
    assert "This cannot be asked" in page and says in page
    assert canned.asked == []


HOSTILE_CALLS = json.dumps([{"name": HOSTILE, "arguments": {HOSTILE: HOSTILE}}])


@pytest.mark.parametrize("text", [HOSTILE, f"[{HOSTILE}", HOSTILE_CALLS])
def test_markup_in_answers_stays_text(canned: Any, text: str) -> None:
    for page, _, _ in ask(canned, text):
        tags = Tags()
        tags.feed(page)
        assert not tags.names & {"script", "img"}
        assert tags.attributes <= {"class", "role", "aria-label", "dir"}
    assert "<script>alert(1)</script>" in tags.text


def test_markup_in_tools_stays_text(canned: Any) -> None:
    page = ask(canned, '[{"name": "none", "arguments": {}}]', tools=json.dumps([{"name": HOSTILE}]))[-1][0]
    assert "<script" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("value", ['"\\ud800"', "1e999", "1" + "0" * 40, "[" * 200 + "]" * 200])
def test_arguments_that_json_cannot_carry_are_left_out_and_said(canned: Any, value: str) -> None:
    import orjson  # what gradio sends with

    text = f'[{{"name": "ping", "arguments": {{"host": {value}}}}}]'
    result = call(canned, text)
    assert orjson.dumps(result)
    assert result["calls"][0]["arguments"] == {} and not result["calls"][0]["valid"]
    assert "the arguments hold" in result["calls"][0]["reason"]
    assert ask(canned, text)[-1][0].encode()
