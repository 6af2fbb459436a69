"""Rows of sessions: replayed from what they hold, shared among tasks, services in turn."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from corpus.rows import ordered_json
from corpus.session_rows import SessionReader, numbered, session_row
from corpus.sessions import replay_calls
from records.calls import Call, render_chat
from tests.corpus.made_sessions import APIS, FAMILIES, SESSIONS


def test_a_row_can_be_replayed_from_what_it_holds() -> None:
    families = {family.id: family for family in FAMILIES}
    for number, session in enumerate(SESSIONS[::7]):
        row = session_row(session, number)
        seen, messages = row.provenance["simulator"], json.loads(row.messages or "")
        calls = [call["function"] for message in messages for call in message.get("tool_calls", [])]
        told = [message["content"] for message in messages if message["role"] == "tool"]
        made = [Call(call["name"], call["arguments"]) for call in calls]
        assert replay_calls(families[seen["family"]], seen["seed"], json.loads(seen["setup"]), made) == told
        assert seen["calls"] == len(calls) and row.kind == "simulated_session" and row.config == "trajectories"
        assert row.text == render_chat(messages, json.loads(row.tools or ""))


def write_apis(file: Path) -> None:
    file.write_text("".join(ordered_json(dataclasses.asdict(one)) + "\n" for one in APIS))


def test_tasks_of_the_reader_share_the_sessions(tmp_path: Path) -> None:
    write_apis(tmp_path / "apis.jsonl")
    alone = list(SessionReader(tmp_path / "apis.jsonl", tmp_path / "one", 20, 1).run())
    parts = [
        list(SessionReader(tmp_path / "apis.jsonl", tmp_path / "two", 20, 1).run(None, rank, 3)) for rank in range(3)
    ]
    assert sorted(item.id for part in parts for item in part) == sorted(item.id for item in alone)
    assert len({item.id for item in alone}) == len(alone) > 15
    counts = json.loads((tmp_path / "one" / "drops" / "00000.json").read_text())
    assert counts["name"] == "simulated sessions" and counts["kept"] == len(alone)


def test_sessions_for_fine_tuning_hold_no_wrong_call_and_leave_what_came_before(tmp_path: Path) -> None:
    write_apis(tmp_path / "apis.jsonl")
    before = next(SessionReader(tmp_path / "apis.jsonl", tmp_path / "one", 1, 1).run())
    first, *rows = SessionReader(tmp_path / "apis.jsonl", tmp_path / "two", 60, 2, "ift").run(iter([before]))
    assert first is before and len(rows) > 10
    assert all(row.metadata["config"] == "ift" and row.metadata["kind"] == "multi_turn" for row in rows)
    assert all(row.metadata["provenance"]["simulator"]["invalid_calls"] in (0, []) for row in rows)
    assert all(sum(m["role"] == "tool" for m in json.loads(row.metadata["messages"])) > 1 for row in rows)
    dropped = json.loads((tmp_path / "two" / "drops" / "00000.json").read_text())["dropped"]
    assert dropped["session_wrong_call_on_purpose"]["count"] > 0


def test_services_take_turns() -> None:
    order = [family.service for _, family in numbered(FAMILIES, 6, 1)]
    assert len(set(order[:3])) == 3 and order[:3] == order[3:]
