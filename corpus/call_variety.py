"""How varied the call examples are, measured on the finished rows and not on what their writer says of itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from corpus.plain_text import texts_in
from corpus.spoken_forms import date_forms, in_words, is_said

VALUE, NAME = "#", "·"
"""What stands in a skeleton for a value and for a word of the tools."""
_PIECE = re.compile(r"[^\W\d_]+|\d[\d.,:/-]*|[^\w\s]|_")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?")


class Variety:
    """Counts over examples; `report` gives the figures."""

    def __init__(self) -> None:
        self.examples = 0
        self.apis: set[str] = set()
        self.tools: set[str] = set()
        self.kinds: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.skeletons: Counter[str] = Counter()
        self.shown: dict[str, str] = {}
        self.requests: Counter[str] = Counter()
        self.in_words = 0
        self.dates_spelt = 0
        self.said = {"in_request": 0, "in_dialogue": 0, "nowhere": 0}
        self.unsaid = ""

    def add(self, kind: str, messages: list[dict[str, Any]], tools: list[dict[str, Any]], api_ids: list[str]) -> None:
        """Count one example."""
        request = str(messages[0]["content"])
        functions = {tool["function"]["name"]: tool["function"] for tool in tools}
        calls = [call["function"] for message in messages for call in message.get("tool_calls") or ()]
        self.examples += 1
        self.kinds[kind] += 1
        self.apis.update(api_ids)
        self.tools.update(json.dumps(function, sort_keys=True) for function in functions.values())
        self.requests[request] += 1
        skeleton = skeleton_of(request, functions.values(), calls)
        self.skeletons[skeleton] += 1
        self.shown.setdefault(skeleton, request)
        for call in calls:
            properties = functions[call["name"]]["parameters"]["properties"] if call["name"] in functions else {}
            for name, value in call["arguments"].items():
                self.types[type_of(value, properties.get(name, {}))] += 1
                self._add_value(value, request, messages)

    def _add_value(self, value: Any, request: str, messages: list[dict[str, Any]]) -> None:
        """Where an argument's value is said: the request, or of a dialogue any message that is not a call."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.in_words += in_words(value, request)
        elif isinstance(value, str) and value not in request and _DATE.fullmatch(value):
            self.dates_spelt += any(form in request for form in date_forms(value))
        if is_said(value, request):
            place = "in_request"
        else:
            # Results are JSON in a tool's message, and a switch is then `true` or `false`.
            told = " ".join(str(message["content"]) for message in messages if message.get("content"))
            place = "in_dialogue" if is_said(value, told) else "nowhere"
            self.unsaid = self.unsaid or (f"{value!r}: {request}" if place == "nowhere" else "")
        self.said[place] += 1

    def report(self) -> dict[str, Any]:
        """The figures, with the most frequent skeleton and a request that has it."""
        (skeleton, count), *_ = self.skeletons.most_common(1) or [("", 0)]
        most = {"skeleton": skeleton, "requests": count, "example": self.shown.get(skeleton, "")}
        return {
            "examples": self.examples,
            "distinct_apis": len(self.apis),
            "distinct_tools": len(self.tools),
            "kinds": dict(sorted(self.kinds.items())),
            "argument_types": dict(sorted(self.types.items())),
            "numbers_said_in_words": self.in_words,
            "dates_said_in_other_forms": self.dates_spelt,
            "argument_values_said": self.said,
            "argument_value_not_said": self.unsaid,
            "skeletons": len(self.skeletons),
            "most_frequent_skeleton": {**most, "share": round(count / self.examples, 4) if self.examples else 0.0},
            "requests_repeated": self.examples - len(self.requests),
        }


def skeleton_of(request: str, functions: Any, calls: list[Mapping[str, Any]]) -> str:
    """A request with `#` for its values and `·` for words of the tools, runs of each as one: the phrase is left."""
    known = {word for function in functions for text in texts_in(function) for word in _words(text)}
    values = {word for call in calls for text in texts_in([*call["arguments"].values()]) for word in _words(text)}
    pieces: list[str] = []
    for piece in _PIECE.findall(request):
        word = piece.lower()
        if word in values or word[0].isdigit():
            word = VALUE
        elif word in known or word.removesuffix("s") in known or f"{word}s" in known:
            word = NAME
        if not (pieces and pieces[-1] == word and word in (VALUE, NAME)):
            pieces.append(word)
    return " ".join(pieces)


def type_of(value: Any, schema: Mapping[str, Any]) -> str:
    """JSON type of an argument; `enum`, `date`, and of lists also what they hold."""
    if "enum" in schema:
        return "enum"
    if isinstance(value, str):
        return "date" if _DATE.fullmatch(value) else "string"
    if isinstance(value, list):
        inner = schema.get("items", {})
        return f"array of {type_of(value[0], inner if isinstance(inner, dict) else {}) if value else 'nothing'}"
    names = {bool: "boolean", int: "integer", float: "number", dict: "object"}
    return names.get(type(value), "null")


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(" ", text))]
