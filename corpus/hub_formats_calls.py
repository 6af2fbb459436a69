"""Formatters of function-calling datasets, each for the record format its source in the registry documents."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from corpus.foreign_calls import (
    BadRow,
    bracketed_calls,
    call_of,
    functioncall_text,
    json_or_literal,
    looks_bracketed,
    tagged_calls,
)
from corpus.hub_formats_dialogues import Draft, Formatted, turns
from corpus.hub_formats_tools import tools_of
from records.calls import Tool

TOOLS_TAG = re.compile(r"<tools>(.*?)</tools>", re.S)
RESPONSE_TAG = re.compile(r"<tool_response>(.*?)(?:</tool_response>|\Z)", re.S)
GLAIVE_TURN = re.compile(r"(?:^|\n)\s*(USER|ASSISTANT|FUNCTION RESPONSE):")
END_OF_TEXT = "<|endoftext|>"


def toolace(record: dict[str, Any]) -> Formatted:
    """`system` with the tools as a JSON list in its words, `conversations` of user, assistant and tool.

    A call is `[name(key=value), …]`; a result a JSON list of `{"name", "results"}`.
    """
    draft = Draft(list_in(record.get("system")))
    for role, words in turns(record.get("conversations")):
        if role == "assistant" and isinstance(words, str) and looks_bracketed(words):
            draft.call(bracketed_calls(words))
        elif role == "tool":
            for part in _results(words):
                draft.result(part)
        else:
            draft.say(role, words)
    return draft.finished()


def list_in(words: Any) -> list[Tool]:
    """The tools of the first JSON list of objects in a text; none where there is no such list. Raises BadRow."""
    found = re.search(r"\[\s*\{", words) if isinstance(words, str) else None
    if not found:
        return []
    try:
        value, _ = json.JSONDecoder().raw_decode(words, found.start())
    except (ValueError, RecursionError):
        # A Python list reaches to the last bracket.
        value = json_or_literal(words[found.start() : words.rfind("]") + 1])
    return tools_of(value)


def _results(words: Any) -> list[Any]:
    with contextlib.suppress(BadRow):
        value = json_or_literal(str(words))
        if isinstance(value, list) and value and all(isinstance(one, dict) and "results" in one for one in value):
            return [one["results"] for one in value]
    return [words]


def xlam(record: dict[str, Any]) -> Formatted:
    """`query` in words, `tools` and `answers` as JSON text; parameters are a mapping with Python's names of types."""
    draft = Draft(tools_of(record.get("tools")))
    answers = json_or_literal(str(record.get("answers")))
    if not isinstance(answers, list) or not answers:
        raise BadRow("no_answer")
    draft.say("user", record.get("query"))
    draft.call([call_of(answer) for answer in answers])
    return draft.finished(record.get("id"))


def apigen_mt(record: dict[str, Any]) -> Formatted:
    """`system` with the policy, `tools` as JSON text, `conversations` of human, gpt, function_call and observation."""
    draft = Draft(tools_of(record.get("tools")))
    if record.get("system"):
        draft.say("system", record["system"])
    for role, words in turns(record.get("conversations")):
        if role == "function_call":
            draft.call([call_of(json_or_literal(str(words)))])
        elif role == "observation":
            draft.result(words)
        else:
            draft.say(role, words)
    return draft.finished()


def hermes(record: dict[str, Any]) -> Formatted:
    """`conversations` of system, human, gpt and tool, calls and results in XML tags; tools in `tools` or in tags.

    The system's words explain the notation, so they go.
    """
    conversation = list(turns(record.get("conversations")))
    draft = Draft(tools_of(record["tools"]) if record.get("tools") else _tagged_tools(conversation))
    for role, words in conversation:
        words = words if isinstance(words, str) else ""
        if role == "gpt" and "<tool_call>" in words:
            draft.call(tagged_calls(words))
        elif role == "tool":
            for part in RESPONSE_TAG.findall(words) or [words]:
                draft.result(part)
        elif role != "system":
            draft.say(role, words)
    return draft.finished(record.get("id"))


def _tagged_tools(conversation: list[tuple[str, Any]]) -> list[Tool]:
    system = next((words for role, words in conversation if role == "system" and isinstance(words, str)), "")
    # "within <tools> </tools> tags" comes before the tags that hold them.
    found = [inside.strip() for inside in TOOLS_TAG.findall(system) if inside.strip()]
    return tools_of(found[-1]) if found else []


def glaive(record: dict[str, Any]) -> Formatted:
    """`system` with the tools as JSON objects in a row, `chat` as text: USER, ASSISTANT and FUNCTION RESPONSE."""
    draft = Draft(_objects_in(str(record.get("system"))))
    parts = GLAIVE_TURN.split(str(record.get("chat")).replace(END_OF_TEXT, ""))
    for role, words in zip(parts[1::2], parts[2::2], strict=True):
        call = functioncall_text(words) if role == "ASSISTANT" else None
        if call:
            draft.call([call])
        elif role == "FUNCTION RESPONSE":
            draft.result(words)
        else:
            draft.say(role.lower(), words)
    return draft.finished()


def _objects_in(text: str) -> list[Tool]:
    decoder, found, place = json.JSONDecoder(), [], text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            raise BadRow("bad_tools") from None
        found.append(value)
        place = text.find("{", end)
    return tools_of(found)


def toucan(record: dict[str, Any]) -> Formatted:
    """`messages` and `tools` as JSON text; roles user, assistant, tool_call and tool_response, a call as a literal.

    A system turn is the framework's list of the same tools, so it goes.
    """
    draft = Draft(tools_of(record.get("tools")))
    for role, words in turns(json_or_literal(str(record.get("messages"))), "role", "content"):
        if role == "tool_call":
            draft.call([call_of(json_or_literal(words) if isinstance(words, str) else words)])
        elif role == "tool_response":
            draft.result(words)
        elif role != "system":
            draft.say(role, words)
    return draft.finished(record.get("uuid"))
