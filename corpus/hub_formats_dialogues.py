"""What the formatters of dialogues share: a draft that collects turns in the project's shape, and refuses bad ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from corpus.foreign_calls import BadRow
from corpus.hub_formats_tools import check_calls
from records.calls import Call, Message, Tool, calls_message

ROLES = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "bing", "bard", "assistant"), "assistant"),
    "system": "system",
}


@dataclass
class Formatted:
    """What a formatter makes of a record: a dialogue, or a text, with the rights that the record itself states."""

    messages: list[Message] | None = None
    tools: list[Tool] | None = None
    text: str = ""
    """Of plain text; a dialogue's is rendered from its messages."""
    license: str | None = None
    """SPDX expression of the record, `""` where it should state one and does not; None: that of the dataset."""
    attribution: str = ""
    """Whom the record names beside the dataset's makers."""
    url: str = ""
    id: str = ""
    """The record's own identifier."""


@dataclass
class Draft:
    """Turns as they come in; calls are held to the tools at once.

    What an assistant says beside a call is left out: the call format has no place for it.
    """

    tools: list[Tool]
    messages: list[Message] = field(default_factory=list)

    def say(self, role: str, words: Any) -> None:
        """Add a turn in words. Raises BadRow: unknown_role, empty_turn."""
        if role not in ROLES:
            raise BadRow("unknown_role")
        if not isinstance(words, str) or not words.strip():
            raise BadRow("empty_turn")
        self.messages.append({"role": ROLES[role], "content": words.strip()})

    def call(self, calls: Sequence[Call]) -> None:
        """Add calls; those right after others belong to the same answer. Raises BadRow as check_calls does."""
        check_calls(calls, self.tools)
        made = calls_message(calls)
        if self.messages and "tool_calls" in self.messages[-1]:
            self.messages[-1]["tool_calls"] += made["tool_calls"]
        else:
            self.messages.append(made)

    def result(self, content: Any) -> None:
        """Add what a tool answered. Raises BadRow: result_without_call."""
        before = self.messages[-1] if self.messages else {}
        if "tool_calls" not in before and before.get("role") != "tool":
            raise BadRow("result_without_call")
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        self.messages.append({"role": "tool", "content": text.strip()})

    def finished(self, identifier: Any = "") -> Formatted:
        """The dialogue up to its last answer. Raises BadRow: no_request, no_answer."""
        while self.messages and self.messages[-1]["role"] != "assistant":
            self.messages.pop()
        if not self.messages:
            raise BadRow("no_answer")
        if next(message["role"] for message in self.messages if message["role"] != "system") != "user":
            raise BadRow("no_request")
        return Formatted(self.messages, self.tools or None, id=str(identifier or ""))


def turns(value: Any, role: str = "from", words: str = "value") -> Iterator[tuple[str, Any]]:
    """Role and content of every turn, from a list of mappings or from Arrow's mapping of lists.

    Raises:
        BadRow: no_turns where it is neither.
    """
    if isinstance(value, dict) and isinstance(value.get(role), list) and isinstance(value.get(words), list):
        value = [{role: one, words: other} for one, other in zip(value[role], value[words], strict=False)]
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        raise BadRow("no_turns")
    for turn in value:
        yield str(turn.get(role)), turn.get(words)
