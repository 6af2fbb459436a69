"""The bench on a tiny model: what it counts, and that it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spaces import bench
from spaces.bench_questions import bfcl_questions


def test_questions_are_the_same_for_a_seed_and_their_functions_are_json_schema(space: Path) -> None:
    from validation import check_tools

    asked = bfcl_questions(12, 1)
    assert asked == bfcl_questions(12, 1) != bfcl_questions(12, 2)
    assert len(asked) == 12 and all(check_tools(functions) for _, functions in asked)
    assert '"dict"' not in json.dumps(asked) and '"float"' not in json.dumps(asked)


def test_both_engines_are_counted_side_by_side(space: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "MAX_NEW_TOKENS", 4)
    record = bench.bench(tiny_model, 5, 1)
    kinds = [run["kind"] for run in record["runs"]]
    assert record["answers"]["questions"] == kinds.count("bfcl") > 0 and kinds.count("gallery") > 0
    for run in record["runs"]:
        assert 0 < run["int8"]["tokens"] <= 4 and 0 < run["plain"]["tokens"] <= 4
    seconds = {
        name: sum(run[name]["seconds"] for run in record["runs"] if run["kind"] == "bfcl") for name in bench.WAYS
    }
    tokens = {name: sum(run[name]["tokens"] for run in record["runs"] if run["kind"] == "bfcl") for name in bench.WAYS}
    wanted = seconds["plain"] / tokens["plain"] / (seconds["int8"] / tokens["int8"])
    assert record["ratio_to_plain"] == pytest.approx(wanted, rel=0.01)


@pytest.mark.slow
def test_the_whole_bench_ends_and_writes_its_record(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "MAX_NEW_TOKENS", 4)
    file = tmp_path / "bench.json"
    assert bench.main(["--model", str(tiny_model), "--questions", "5", "--output", str(file)]) == 0
    page = json.loads(file.read_text())["page"]
    assert page["first_call_seconds"] > page["page_seconds"] > 0
    assert 100 < page["rss_mb"] <= page["peak_mb"]
