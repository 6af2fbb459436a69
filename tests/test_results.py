"""Committed results: every record names the one it came from by sha256, and the README's figures are theirs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from records.files import sha256_file

ROOT = Path(__file__).resolve().parent.parent
RUNS = sorted(path.parent for path in (ROOT / "results").glob("*/manifest.json"))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_there_is_a_run() -> None:
    assert RUNS


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_models_name_their_corpus_and_base(run: Path) -> None:
    manifest = sha256_file(run / "manifest.json")
    records = {path.parent.name: path for path in run.glob("models/*/record.json")}
    known = {sha256_file(path) for path in records.values()}
    assert {load(path)["stage"] for path in records.values()} >= {"base", "stage1", "stage2", "ift", "control"}
    for path in records.values():
        record = load(path)
        if record["stage"] != "base":
            assert record["corpus"] == manifest
            assert record["base"]["record_sha256"] in known


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_scores_name_their_model_and_recount(run: Path) -> None:
    for path in run.glob("eval/*/results.json"):
        record = load(path)["record"]
        assert record["model"] == sha256_file(run / "models" / path.parent.name / "record.json")
        for score in record["tasks"].values():
            right = score["score"] * score["n"]
            assert right == pytest.approx(round(right), abs=1e-6)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_receipt_names_all(run: Path) -> None:
    if not (run / "receipt.json").exists():  # a run that was not published
        return
    links = load(run / "receipt.json")["links"]
    assert links["manifest"] == sha256_file(run / "manifest.json")
    for kind, file in (("records", "models/{}/record.json"), ("results", "eval/{}/results.json")):
        for name, digest in links[kind].items():
            assert digest == sha256_file(run / file.format(name))


def test_the_readme_shows_the_newest_run() -> None:
    """The README's score table has, for every task and model, the figure of the run it names."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.search(r"results/([\w.-]+)/", readme)
    assert named
    run = ROOT / "results" / named.group(1)
    for path in run.glob("eval/*/results.json"):
        for task, score in load(path)["record"]["tasks"].items():
            row = next(line for line in readme.splitlines() if line.startswith(f"| {task.removeprefix('bfcl_')} |"))
            assert f"{100 * score['score']:.1f}" in row, (task, path.parent.name)
            assert f"| {score['n']} |" in row
