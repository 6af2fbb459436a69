"""Formatters of agent trajectories and of plain dialogues."""

from __future__ import annotations

import json
from typing import Any

from corpus.foreign_calls import BadRow, call_of, react_call
from corpus.hub_formats_calls import list_in
from corpus.hub_formats_dialogues import Draft, Formatted, turns
from records.calls import Call

FINISH = "Finish"
ACTION_KEYS = ("action", "api", "function")
ARGUMENT_KEYS = ("arguments", "parameters", "action_input", "action input", "args", "input")


def toolbench(record: dict[str, Any]) -> Formatted:
    """`conversations` of system, user, assistant and function; tools are a Python list in the system's words.

    An assistant says `Thought`, `Action` and `Action Input`. Every record but the last of a task is a beginning of
    that one, so only those that end in the function Finish are taken, its answer as words.

    Raises:
        BadRow: beginning_of_another_record, gave_up, and what the parsers raise.
    """
    conversation = list(turns(record.get("conversations")))
    last = react_call(str(conversation[-1][1]))
    if last.name != FINISH:
        raise BadRow("beginning_of_another_record")
    tools = list_in(next((words for role, words in conversation if role == "system"), ""))
    draft = Draft([tool for tool in tools if tool["function"]["name"] != FINISH])
    for role, words in conversation[:-1]:
        if role == "assistant":
            draft.call([react_call(str(words))])
        elif role == "function":
            draft.result(words)
        elif role != "system":
            draft.say(role, str(words).strip().removesuffix("Begin!"))
    draft.say("assistant", final_answer(last))
    return draft.finished(record.get("id"))


def final_answer(call: Call) -> str:
    """The words of a Finish call. Raises BadRow: gave_up."""
    if call.arguments.get("return_type", "give_answer") != "give_answer":
        raise BadRow("gave_up")
    return str(call.arguments.get("final_answer") or "")


def agent_flan(record: dict[str, Any]) -> Formatted:
    """`conversation` of system, user and assistant under `role` and `content`.

    An answer that is a JSON object with an action is a call to a tool that the system's words list, and the user's
    turn after it the result; where no answer is, the dialogue is kept in words.
    """
    conversation = list(turns(record.get("conversation"), "role", "content"))
    actions = [_action(words) if role == "assistant" else None for role, words in conversation]
    if not any(actions):
        return _in_words(conversation, record.get("id"))
    draft = Draft(list_in(next((words for role, words in conversation if role == "system"), "")))
    called = False
    for (role, words), action in zip(conversation, actions, strict=True):
        if action and "final_answer" in action.arguments:
            draft.say("assistant", final_answer(action))
        elif action:
            draft.call([action])
        elif role == "user" and called:
            draft.result(words)
        elif role != "system":
            draft.say(role, words)
        called = bool(action)
    return draft.finished(record.get("id"))


def _action(words: Any) -> Call | None:
    """The call of an answer such as `{"thought": …, "action": "f", "arguments": {…}}`; None where it is no such."""
    if not isinstance(words, str) or not words.strip().startswith("{"):
        return None
    try:
        value = json.loads(words)
    except (ValueError, RecursionError):
        return None
    parts = {str(name).lower(): part for name, part in value.items()}
    name = next((parts[key] for key in ACTION_KEYS if isinstance(parts.get(key), str)), None)
    arguments: Any = next((parts[key] for key in ARGUMENT_KEYS if key in parts), {})
    return call_of({"name": name, "arguments": arguments}) if name else None


def agent_instruct(record: dict[str, Any]) -> Formatted:
    """`conversations` of human and gpt: thoughts and actions in words, in environments without tools."""
    return _in_words(list(turns(record.get("conversations"))), record.get("id"))


def sharegpt(record: dict[str, Any]) -> Formatted:
    """`conversations` of human and gpt. A dialogue that was cut may begin with an answer, which goes."""
    conversation = list(turns(record.get("conversations")))
    first = next((number for number, (role, _) in enumerate(conversation) if role in ("human", "user")), 0)
    return _in_words(conversation[first:], record.get("id"))


def _in_words(conversation: list[tuple[str, Any]], identifier: Any) -> Formatted:
    draft = Draft([])
    for role, words in conversation:
        draft.say(role, words)
    return draft.finished(identifier)
