"""The call format: what is written can be read back, and what is not a call is named."""

from __future__ import annotations

import json

import pytest

from records.calls import Call, answer_spans, calls_message, format_calls, parse_calls, render_chat

TOOL = {
    "type": "function",
    "function": {
        "name": "shop.find",
        "description": "Find a product.",
        "parameters": {
            "type": "object",
            "properties": {
                "words": {"type": "string", "description": "What to look for."},
                "sizes": {"type": "array", "items": {"type": "integer"}},
                "order": {"type": "string", "enum": ["price", "name"]},
                "box": {"type": "object", "properties": {"low": {"type": "number"}}},
            },
            "required": ["words"],
        },
    },
}
CALLS = [Call("shop.find", {"words": 'a "quoted" <é>', "sizes": [1, 2]}), Call("f", {})]


def test_format_is_read_back() -> None:
    assert parse_calls(format_calls(CALLS)).calls == tuple(CALLS)


def test_template_writes_the_same_answer() -> None:
    text = render_chat([{"role": "user", "content": "hi"}, calls_message(CALLS)], [TOOL])
    assert text.endswith("<|im_start|>assistant\n" + format_calls(CALLS) + "<|im_end|>\n")


def test_tools_are_readable_in_the_prompt() -> None:
    text = render_chat([{"role": "user", "content": "hi"}], [TOOL], answer_next=True)
    for line in (
        "shop.find: Find a product.",
        "- words (string, required): What to look for.",
        "- sizes (list of integer)",
        '- order (one of ["price", "name"])',
        "- box (object {low: number})",
    ):
        assert f"\n{line}\n" in text
    assert text.endswith("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n")


def test_answer_spans_cover_exactly_the_answers() -> None:
    messages = [
        {"role": "user", "content": "one"},
        calls_message(CALLS),
        {"role": "tool", "content": {"found": 3}},
        {"role": "assistant", "content": "Three."},
    ]
    text = render_chat(messages, [TOOL])
    answers = [text[start:end] for start, end in answer_spans(messages, [TOOL])]
    assert answers == [format_calls(CALLS) + "<|im_end|>", "Three.<|im_end|>"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("No function fits.", "words"),
        ("x" * 100_000, "too_long"),
        ("[" * 10_000, "bad_json"),
        ('[{"name": "f", "arguments": {"x": NaN}}]', "bad_json"),
        ("[f(x=1)]", "bad_json"),
        ("[1, 2]", "not_calls"),
        ("[]", "not_calls"),
        ('{"name": 3, "arguments": {}}', "not_calls"),
        ('[{"name": "f", "arguments": [1]}]', "not_calls"),
        ("__import__('os').system('x')", "words"),
    ],
)
def test_other_answers_have_a_named_problem(answer: str, problem: str) -> None:
    parsed = parse_calls(answer)
    assert (parsed.calls, parsed.problem) == ((), problem)


def test_calls_are_found_in_prose_and_fences() -> None:
    inner = json.dumps([{"name": "f", "arguments": {"x": 1}}])
    for answer in (f"Sure:\n```json\n{inner}\n```", f"{inner} done", inner[1:-1]):
        assert parse_calls(answer).calls == (Call("f", {"x": 1}),)
