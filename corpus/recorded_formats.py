"""Runs and pairs that public benchmarks published, as dialogues; formats as their repositories have them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from records.calls import Call, Message, Tool, calls_message
from records.files import stable_hash

OTHER_TOOLS = 4


class BadRun(Exception):
    """A run that gives no dialogue; the message is the named reason."""


@dataclass(frozen=True)
class Recorded:
    """One dialogue."""

    id: str
    messages: list[Message]
    tools: list[Tool]


Problem = tuple[str, str]
"""Id of a run and the named reason why it gives no dialogue."""
Format = Callable[[Mapping[str, str]], Iterator[Recorded | Problem]]


def intercode(files: Mapping[str, str]) -> Iterator[Recorded | Problem]:
    """InterCode (princeton-nlp/intercode): one run a line, actions with their observations, the last one rewarded 1."""
    for name, number, run in _lines(files):
        where = f"{name}:{number}"
        try:
            history, kind = run["turn_history"], run["env"]
            actions, seen = history["actions"], history["observations"]
            if not (actions and len(actions) == len(seen) and history["rewards"][len(actions) - 1] == 1):
                raise BadRun("not_solved")
            messages: list[Message] = [{"role": "user", "content": str(run["query"])}]
            for action, observation in zip(actions, seen, strict=True):
                messages.append(calls_message([Call(f"execute_{kind}", {"command": str(action)})]))
                messages.append({"role": "tool", "content": str(observation)})
            yield Recorded(f"{kind}/{number}", messages, [_console(kind)])
        except BadRun as reason:
            yield where, str(reason)
        except (KeyError, TypeError, IndexError):
            yield where, "malformed_run"


def _console(kind: str) -> Tool:
    said = {"sql": "one SQL statement on the database", "bash": "one command line in the shell"}
    command = {"type": "string", "description": "What to execute."}
    function = {
        "name": f"execute_{kind}",
        "description": f"Execute {said.get(kind, f'one {kind} command')} and return what it prints.",
        "parameters": {"type": "object", "properties": {"command": command}, "required": ["command"]},
    }
    return {"type": "function", "function": function}


def tau_bench(files: Mapping[str, str]) -> Iterator[Recorded | Problem]:
    """tau-bench (sierra-research/tau-bench): runs `{task_id, trial, reward, traj}`, messages in the OpenAI form.

    Its few-shot files hold dialogues as text, in which calls are written `None`. The runs do not list their tools, so
    schemas are read off the calls of all runs.
    """
    runs: list[tuple[str, dict[str, Any]]] = []
    for name, text in sorted(files.items()):
        if name.endswith(".jsonl"):
            yield from ((f"{name}:{number}", "calls_not_recorded") for number, _ in enumerate(text.splitlines()))
            continue
        try:
            runs += [(name, run) for run in json.loads(text)]
        except (ValueError, TypeError):
            yield name, "malformed_run"
    tools = tools_of_calls(message for _, run in runs if isinstance(run, dict) for message in run.get("traj") or ())
    for name, run in runs:
        try:
            where = f"{name}/{run['task_id']}/{run['trial']}"
            if run["reward"] != 1:
                yield where, "not_solved"
                continue
            messages = [_message(message) for message in run["traj"]]
            called = {c["function"]["name"] for m in messages for c in m.get("tool_calls") or ()}
            if called:
                yield Recorded(where, messages, [tools[tool] for tool in sorted(called)])
            else:
                yield where, "no_calls"
        except (KeyError, TypeError, ValueError):
            yield name, "malformed_run"


def _message(message: Mapping[str, Any]) -> Message:
    calls = message.get("tool_calls")
    if not calls:
        return {"role": message["role"], "content": str(message.get("content") or "")}
    return calls_message([Call(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls])


def tools_of_calls(messages: Any) -> dict[str, Tool]:
    """Schemas of functions from calls of them: types of arguments seen, required where every call has them."""
    seen: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        for call in message.get("tool_calls") or ():
            arguments = json.loads(call["function"]["arguments"])
            seen.setdefault(call["function"]["name"], []).append(arguments)
    found = {}
    for name, calls in seen.items():
        names = dict.fromkeys(key for arguments in calls for key in arguments)
        properties = {key: {"type": _type_of(next(a[key] for a in calls if key in a))} for key in names}
        required = [key for key in names if all(key in arguments for arguments in calls)]
        parameters = {"type": "object", "properties": properties, "required": required}
        function = {"name": name, "description": name.replace("_", " ").capitalize() + ".", "parameters": parameters}
        found[name] = {"type": "function", "function": function}
    return found


def _type_of(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds.get(type(value), "string")


def metatool(files: Mapping[str, str]) -> Iterator[Recorded | Problem]:
    """MetaTool (HowieHwong/MetaTool): queries with the plugins that serve them, and what each plugin is for."""
    plugins = {}
    for name, text in sorted(files.items()):
        if name.endswith("plugin_info.json"):
            plugins = {plugin["name_for_model"]: plugin["description_for_model"] for plugin in json.loads(text)}
    described = {_key(name): name for name in plugins}
    for where, query, wanted in _pairs(files):
        if not query or not wanted:
            yield where, "malformed_pair"
        elif missing := [name for name in wanted if _key(name) not in described]:
            yield f"{where}: {missing[0]}", "tool_not_described"
        else:
            names = [described[_key(name)] for name in wanted]
            others = sorted(set(plugins) - set(names), key=lambda name: stable_hash(f"{query}/{name}"))[:OTHER_TOOLS]
            shown = sorted([*names, *others], key=lambda name: stable_hash(f"place/{query}/{name}"))
            messages = [{"role": "user", "content": query}, calls_message([Call(name, {}) for name in names])]
            yield Recorded(where, messages, [_plugin(name, plugins[name]) for name in shown])


def _key(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _pairs(files: Mapping[str, str]) -> Iterator[tuple[str, str, Sequence[str]]]:
    for name, text in sorted(files.items()):
        if name.endswith(".csv"):
            for number, row in enumerate(csv.DictReader(io.StringIO(text))):
                tool = row.get("Tool")
                yield f"{name}:{number}", (row.get("Query") or "").strip(), [tool] if tool else []
        elif "multi_tool" in name:
            for number, pair in enumerate(json.loads(text)):
                yield f"{name}:{number}", pair.get("query", "").strip(), pair.get("tool") or []


def _plugin(name: str, description: str) -> Tool:
    parameters: dict[str, Any] = {"type": "object", "properties": {}}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _lines(files: Mapping[str, str]) -> Iterator[tuple[str, int, Any]]:
    for name, text in sorted(files.items()):
        for number, line in enumerate(text.splitlines()):
            try:
                yield name, number, json.loads(line)
            except ValueError:
                yield name, number, None


FORMATS: dict[str, Format] = {"intercode": intercode, "tau_bench": tau_bench, "metatool": metatool}
"""By the name in a recipe."""
