"""Function calls and values in the notations of public datasets, read into the project's own. Nothing is evaluated."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from records.calls import Call

LONGEST_NOTATION = 200_000
"""Characters of a text that is parsed; Python's parser takes long input badly."""
TOOL_CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.S)
FUNCTION_CALL = re.compile(r"<functioncall>(.*)", re.S)
QUOTED_ARGUMENTS = re.compile(r"""^\{\s*"name":\s*"([^"]+)",\s*"arguments":\s*'(.*)'\s*\}$""", re.S)
REACT = re.compile(r"^\s*Action:[ \t]*(?P<name>[^\n]+)\n\s*Action Input:(?P<arguments>.*)", re.S | re.M)
JSON_NAMES = {"true": True, "false": False, "null": None}
NAME = re.compile(r"[\s,]*([^\s()\[\],=][^()\[\]=]*?)\s*\(")


class BadRow(Exception):
    """A record that cannot be used; the message is the named reason."""


def json_or_literal(text: str) -> Any:
    """The value of JSON, or of a Python literal as `repr` writes it. Raises BadRow: not_json."""
    if len(text) > LONGEST_NOTATION:
        raise BadRow("not_json")
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise BadRow("not_json") from None


def call_of(value: Any) -> Call:
    """A call from `{"name": …, "arguments": {…}}`, the arguments perhaps written as JSON. Raises BadRow."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"].strip():
        raise BadRow("not_a_call")
    arguments = value.get("arguments") or {}
    if isinstance(arguments, str):
        arguments = json_or_literal(arguments)
    if not isinstance(arguments, dict) or not all(isinstance(name, str) for name in arguments):
        raise BadRow("arguments_not_an_object")
    return Call(value["name"].strip(), _as_json(arguments))


def tagged_calls(text: str) -> list[Call]:
    """The calls between `<tool_call>` tags, each JSON or a Python literal; none without a tag. Raises BadRow."""
    return [call_of(json_or_literal(inside.strip())) for inside in TOOL_CALL.findall(text)]


def functioncall_text(text: str) -> Call | None:
    """The call after `<functioncall>`, whose arguments may stand in single quotes as JSON; None without the tag.

    Raises:
        BadRow: as json_or_literal and call_of do.
    """
    found = FUNCTION_CALL.search(text)
    if not found:
        return None
    inside = found[1].replace("</functioncall>", "").strip()
    if quoted := QUOTED_ARGUMENTS.match(inside):
        # JSON but for the single quotes; an apostrophe in a value is escaped there as Python would.
        return call_of({"name": quoted[1], "arguments": quoted[2].replace("\\'", "'")})
    return call_of(json_or_literal(inside))


def react_call(text: str) -> Call:
    """The call of a `Thought: … Action: … Action Input: {…}` answer. Raises BadRow: no_action and as call_of does."""
    found = REACT.search(text)
    if not found:
        raise BadRow("no_action")
    return call_of({"name": found["name"], "arguments": found["arguments"].strip() or "{}"})


def looks_bracketed(text: str) -> bool:
    """Whether an answer is meant as `[name(key=value), …]`."""
    text = text.strip()
    return text.startswith("[") and text.endswith("]") and bool(NAME.match(text[1:]))


def bracketed_calls(text: str) -> list[Call]:
    """The calls of `[name(key=value), other name(…)]`; a name may hold spaces, dots and slashes.

    Raises:
        BadRow: calls_do_not_parse where brackets do not match, or an argument has no name or is no literal.
    """
    inside = text.strip()[1:-1].strip()
    if len(inside) > LONGEST_NOTATION:
        raise BadRow("calls_do_not_parse")
    calls, place = [], 0
    while place < len(inside):
        found = NAME.match(inside, place)
        if not found:
            raise BadRow("calls_do_not_parse")
        end = _closing(inside, found.end())
        calls.append(Call(found[1], _keywords(inside[found.end() : end])))
        place = end + 1
    return calls


def _closing(text: str, start: int) -> int:
    """Place of the bracket that closes the one before `start`, quotes respected."""
    depth, quote, place = 1, "", start
    while place < len(text):
        letter = text[place]
        if quote:
            place += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if not depth:
                return place
        place += 1
    raise BadRow("calls_do_not_parse")


def _keywords(text: str) -> dict[str, Any]:
    try:
        call = ast.parse(f"f({text}\n)", mode="eval").body
        assert isinstance(call, ast.Call)
        if call.args or any(part.arg is None for part in call.keywords):
            raise BadRow("calls_do_not_parse")
        return {str(part.arg): _as_json(ast.literal_eval(_JsonNames().visit(part.value))) for part in call.keywords}
    except (ValueError, SyntaxError, TypeError, AssertionError, RecursionError, MemoryError):
        raise BadRow("calls_do_not_parse") from None


class _JsonNames(ast.NodeTransformer):
    """`true`, `false` and `null` as the constants they are in JSON."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(JSON_NAMES[node.id]) if node.id in JSON_NAMES else node


def _as_json(value: Any) -> Any:
    """The value as JSON writes it, tuples as lists. Raises BadRow: not_json for what JSON cannot write."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise BadRow("not_json") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
