"""Runs and pairs that benchmarks published, as rows of `benchmark_derived`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from corpus.benchmark_sources import benchmark_readers
from corpus.datasheet import caps_in_words
from corpus.read_recorded import RecordedReader
from records.errors import UserError
from records.recipe_corpus import McpRecipe, RecordedRecipe, SourcesRecipe

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "trajectories"
NONE = SourcesRecipe(0, 0, 0, 0, 0, 0)


def read(folder: Path, source: Path, kind: Any, rows: int | None = None) -> tuple[list[Any], dict[str, int]]:
    recorded = RecordedRecipe(str(source), kind, "MIT", "The makers", rows)
    reader = RecordedReader(recorded, source, source.name, folder)
    return list(reader.run()), {reason: found["count"] for reason, found in reader.dropped.items()}


def intercode_run(actions: list[str], rewards: list[float]) -> str:
    history = {"actions": actions, "observations": ["seen"] * len(actions), "rewards": rewards}
    return json.dumps({"env": "sql", "query": "Count the tables.", "turn_history": history})


def test_intercode(tmp_path: Path) -> None:
    source = tmp_path / "runs"
    source.mkdir()
    good = intercode_run(["SHOW TABLES", "SELECT 1"], [0.5, 1.0])
    lines = [good, intercode_run(["SELECT 1"], [0.2]), "{not json", good, json.dumps({"env": "sql"})]
    (source / "runs.jsonl").write_text("\n".join(lines))
    (source / "latin.json").write_bytes(b"\xe9")
    rows, dropped = read(tmp_path, source, "intercode")
    (row,) = rows
    assert dropped == {"not_utf8": 1, "not_solved": 1, "malformed_run": 2, "repeated": 1}
    messages = json.loads(row.metadata["messages"])
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert messages[3]["tool_calls"][0]["function"] == {"name": "execute_sql", "arguments": {"command": "SELECT 1"}}
    assert (row.metadata["config"], row.metadata["license"]) == ("benchmark_derived", "MIT")


def test_tau_bench(tmp_path: Path) -> None:
    call = {"function": {"name": "find", "arguments": '{"id": "7", "deep": true}'}}
    turns = [
        {"role": "user", "content": "Where is 7?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "here"},
        {"role": "assistant", "content": "Here."},
    ]
    runs = [{"task_id": 1, "trial": 0, "reward": reward, "traj": turns} for reward in (1.0, 0.0)]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "runs.json").write_text(json.dumps([*runs, {"task_id": 2}]))
    (tmp_path / "runs" / "few_shot.jsonl").write_text('{"messages_display": "user: hi"}\n')
    rows, dropped = read(tmp_path, tmp_path / "runs", "tau_bench")
    assert len(rows) == 1
    assert dropped == {"calls_not_recorded": 1, "not_solved": 1, "malformed_run": 1}
    (tool,) = json.loads(rows[0].metadata["tools"])
    jsonschema.validate({"id": "7", "deep": True}, tool["function"]["parameters"])
    assert tool["function"]["parameters"]["required"] == ["id", "deep"]


def test_metatool(tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    plugins = [{"name_for_model": name, "description_for_model": f"Serves {name}."} for name in ("my_news", "chess")]
    (tmp_path / "pairs" / "plugin_info.json").write_text(json.dumps(plugins))
    (tmp_path / "pairs" / "all.csv").write_text("Query,Tool\nWhat is new?,MyNews\nWho?,Nobody\n,MyNews\n")
    (tmp_path / "pairs" / "multi_tool.json").write_text(json.dumps([{"query": "Both?", "tool": ["MyNews", "Chess"]}]))
    rows, dropped = read(tmp_path, tmp_path / "pairs", "metatool")
    assert dropped == {"tool_not_described": 1, "malformed_pair": 1}
    calls = [json.loads(row.metadata["messages"])[1]["tool_calls"] for row in rows]
    assert [[call["function"]["name"] for call in made] for made in calls] == [["my_news"], ["my_news", "chess"]]


def test_a_recipe_must_ask_for_what_is_derived_of_benchmarks(tmp_path: Path) -> None:
    recorded = (RecordedRecipe(str(tmp_path), "intercode", "MIT", "The makers"),)
    with pytest.raises(ValueError, match="benchmark_derived: true"):
        dataclasses.replace(NONE, recorded=recorded)
    asked = dataclasses.replace(NONE, recorded=recorded, benchmark_derived=True)
    assert len(benchmark_readers(asked, tmp_path)) == 1
    closed = (dataclasses.replace(recorded[0], license="CC-BY-NC-4.0"),)
    with pytest.raises(UserError, match="forbids passing on"):
        benchmark_readers(dataclasses.replace(asked, recorded=closed), tmp_path)


@pytest.mark.parametrize(("kind", "rows"), [("intercode", 300), ("tau_bench", 80), ("metatool", 300)])
def test_published_files(tmp_path: Path, kind: str, rows: int) -> None:
    if not (DATA / kind).is_dir():
        pytest.skip(f"{DATA / kind} is not here")
    found, _ = read(tmp_path, DATA / kind, kind, rows)
    assert len(found) == rows
    assert len({row.id for row in found}) == rows


def test_the_datasheet_names_paths_and_their_caps() -> None:
    runs = RecordedRecipe("runs", "intercode", "MIT", "The makers", 5)
    tools = McpRecipe("tools", "MIT", "The makers")
    sources = dataclasses.replace(NONE, recorded=(runs,), mcp=(tools,), benchmark_derived=True, hub={"toolace": None})
    said = caps_in_words(dataclasses.asdict(sources))
    assert "recorded runs 5" in said and "mcp tools all" in said and "hub toolace all" in said
