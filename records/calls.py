"""The call format: how tools, requests and calls become text, and how an answer becomes calls again.

Messages and tools have the OpenAI shape that `tokenizer.apply_chat_template(messages, tools=…)` takes; the template is
`chat_template.jinja` beside this file and travels inside every tokenizer. An answer is a JSON list
`[{"name": …, "arguments": {…}}, …]`, or words when no function fits. Nothing a model writes is ever evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATE_FILE = Path(__file__).with_name("chat_template.jinja")
MAX_ANSWER_CHARACTERS = 20_000

Message = dict[str, Any]
Tool = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One function call."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ParsedAnswer:
    """What an answer holds: calls, or none and the named reason why."""

    calls: tuple[Call, ...]
    problem: str | None
    """None with calls; else `empty`, `too_long`, `words` (no JSON), `bad_json` or `not_calls`."""


def chat_template() -> str:
    """The Jinja template stored in every tokenizer of a release."""
    return TEMPLATE_FILE.read_text(encoding="utf-8")


def render_chat(messages: Sequence[Message], tools: Sequence[Tool] | None = None, *, answer_next: bool = False) -> str:
    """The text a model reads, as `apply_chat_template(…, tokenize=False, add_generation_prompt=answer_next)` gives."""
    from transformers.utils.chat_template_utils import render_jinja_template

    rendered: Any = render_jinja_template(
        conversations=[list(messages)],
        tools=list(tools) if tools else None,
        chat_template=chat_template(),
        add_generation_prompt=answer_next,
    )
    return str(rendered[0][0])


def answer_spans(messages: Sequence[Message], tools: Sequence[Tool] | None = None) -> list[tuple[int, int]]:
    """Character ranges `[start, end)` of the assistant's answers, `<|im_end|>` included, in `render_chat(messages)`."""
    spans = []
    for number, message in enumerate(messages):
        if message["role"] == "assistant":
            start = len(render_chat(messages[:number], tools, answer_next=True))
            spans.append((start, len(render_chat(messages[: number + 1], tools)) - len("\n")))
    return spans


def calls_message(calls: Sequence[Call]) -> Message:
    """The assistant message that makes these calls."""
    parts = [{"type": "function", "function": {"name": call.name, "arguments": call.arguments}} for call in calls]
    return {"role": "assistant", "tool_calls": parts}


def format_calls(calls: Sequence[Call]) -> str:
    """The answer text of these calls, as the template writes it."""
    return json.dumps([{"name": call.name, "arguments": call.arguments} for call in calls], ensure_ascii=False)


def parse_calls(answer: str) -> ParsedAnswer:
    """Read the first JSON list or object of calls in an answer, in prose or a code fence too.

    Python literals, NaN and Infinity are not JSON and are refused.
    """
    if not answer.strip():
        return ParsedAnswer((), "empty")
    if len(answer) > MAX_ANSWER_CHARACTERS:
        return ParsedAnswer((), "too_long")
    starts = [place for place in (answer.find("["), answer.find("{")) if place >= 0]
    if not starts:
        return ParsedAnswer((), "words")
    try:
        value, _ = json.JSONDecoder(parse_constant=_refuse).raw_decode(answer, min(starts))
    except (ValueError, RecursionError):
        return ParsedAnswer((), "bad_json")
    items = value if isinstance(value, list) else [value]
    calls = [_as_call(item) for item in items]
    if not calls or any(call is None for call in calls):
        return ParsedAnswer((), "not_calls")
    return ParsedAnswer(tuple(call for call in calls if call is not None), None)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _as_call(item: Any) -> Call | None:
    if not isinstance(item, dict):
        return None
    inner = item.get("function")
    part = inner if isinstance(inner, dict) else item
    name, arguments = part.get("name"), part.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    return Call(name, arguments)
