"""kill -9 anywhere ends in the same bytes; a damaged checkpoint is named before the first step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from records.errors import UserError
from records.files import sha256_file
from records.recipe import ROOT
from tests.training.places import Place, command, make_place
from training.checkpoints import latest_checkpoint, open_checkpoint

SHORT = {"tokens": 3 * 256, "checkpoint_every": 2}
CHANGES: dict[str, Any] = {
    "stage1": SHORT,
    "stage2": SHORT,
    "track": {"points": 2, "sequence_length": 64},
}
KEYS = ("stage1", "stage2")
TOPOLOGY = {"dp": 1, "tp": 1, "pp": 1, "zero1": False}


def run_line(place: Place, how: str, *keys: str) -> str:
    """Run stages in forked children; `how` is "kill" or "whole"."""
    line = [sys.executable, str(ROOT / "tests" / "training" / "kill_everywhere.py"), str(place.file), how, *keys]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def digests(place: Place) -> list[str]:
    folders = sorted(folder for folder in (place.paths.build / "models").iterdir() if folder.name != "base")
    return [sha256_file(folder / name) for folder in folders for name in ("model.safetensors", "record.json")]


def test_killed_anywhere_and_at_stage_switches_it_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for how in ("whole", "kill"):
        monkeypatch.setenv("BUILD", str(tmp_path / how / "build"))
        (tmp_path / how).mkdir()
        place = make_place(tmp_path / how, CHANGES)
        kills = int(run_line(place, how, *KEYS))
        found[how] = digests(place)
    assert kills == 2 * 9, "after each of three steps, at three places of a checkpoint and three of the export"
    assert len(found["whole"]) == 2 * len(KEYS)
    assert found["kill"] == found["whole"]


def test_seeds_tracked_domains_and_the_broad_stage_are_trained_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All options that make further models, through training; the tracked losses again with transformers."""
    from training.report import write_report
    from training.stages import stages
    from training.tracking import domain_readers

    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, CHANGES | {"ift": SHORT, "seeds": [7, 8], "unstaged": True})
    run_line(place, "whole", *(stage.key for stage in stages(place.recipe)))
    records = {
        stage.key: json.loads((place.paths.model(stage.name) / "record.json").read_text())
        for stage in stages(place.recipe)
    }
    assert [len(record["tracked"]["points"]) for record in records.values()] == [3] * 8
    assert records["broad"]["tokens"] == records["stage1"]["tokens"] + records["stage2"]["tokens"]
    assert [records[key]["hyperparameters"]["seed"] for key in ("ift", "control", "ift-seed8", "control-seed8")] == [
        7, 7, 8, 8,
    ]  # fmt: skip
    assert records["ift"]["loss"]["curve"] != records["ift-seed8"]["loss"]["curve"]
    for key, name in (("stage1", "hephaestus-0.1m-stage1"), ("broad-ift", "hephaestus-0.1m-broad-ift")):
        tracked = records[key]["tracked"]
        for domain, loss in zip(tracked["domains"], tracked["points"][-1][1:], strict=True):
            reader = domain_readers(place.recipe)[domain]
            assert loss == pytest.approx(loss_of_transformers(place.paths.model(name), reader), abs=1e-4)
    done = command("--recipe", str(place.file))
    assert done.returncode == 0 and "all 9 models are made" in done.stdout, "the line and the command agree"
    folder = place.paths.build / "training"
    report = json.loads((folder / "report.json").read_text())
    assert set(report["gap"]) == {"stages I, II, III", "one broad stage, III", "control: III alone"}
    chains = {"stages I, II, III": ("stage1", "stage2", "ift"), "one broad stage, III": ("broad", "broad-ift")}
    for title, keys in chains.items():
        points = [records[key]["tracked"]["points"] for key in keys]
        joined = [points[0][0], *(point for part in points for point in part[1:])]
        for column, domain in enumerate(records["stage1"]["tracked"]["domains"], 1):
            rises = [point[column] - joined[0][column] for point in joined]
            lost = max(rises[at] - min(rises[: at + 1]) for at in range(len(rises)))
            expected = {"deepest": max(rises), "at_end": rises[-1], "from_lowest": lost}
            assert report["gap"][title][domain] == pytest.approx(expected, abs=3e-6)
    assert report["seeds"]["ift"]["heldout"] == [records[key]["loss"]["heldout"] for key in ("ift", "ift-seed8")]
    written = (folder / "report.md").stat().st_mtime_ns
    write_report(place.recipe)
    assert (folder / "report.md").stat().st_mtime_ns == written, "nothing new, nothing written"
    assert (folder / "stability_gap.png").read_bytes().startswith(b"\x89PNG")


def loss_of_transformers(model_folder: Path, reader: Any) -> float:
    """Mean loss over a plan's targets, each document in a forward pass of its own."""
    import numpy as np
    import torch
    from transformers import AutoModelForCausalLM

    from training.packing import row_of

    model, losses = AutoModelForCausalLM.from_pretrained(model_folder), []
    for number in range(len(reader.plan.sequences)):
        row = row_of(reader.plan, number)
        for start, stop in pairwise([*np.flatnonzero(row.positions == 0), len(row.positions)]):
            with torch.no_grad():
                logits = model(torch.from_numpy(row.input_ids[start:stop])[None]).logits[0]
            labels, mask = (torch.from_numpy(part[start:stop]) for part in (row.label_ids, row.label_mask))
            losses.append(torch.nn.functional.cross_entropy(logits[mask], labels[mask], reduction="none"))
    return float(torch.cat(losses).mean())


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Place, Path]]:
    """A place with a checkpoint of stage I, whose command was killed."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, {"stage1": {"tokens": 400 * 256, "checkpoint_every": 2}})
    line = [sys.executable, "-m", "training", "--recipe", str(place.file)]
    running = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.DEVNULL)
    folder = place.paths.work("hephaestus-0.1m-stage1") / "checkpoints"
    deadline = time.monotonic() + 120
    while (last := latest_checkpoint(folder)) is None or int(last.name) < 4:
        assert time.monotonic() < deadline and running.poll() is None, "no checkpoint came"
        time.sleep(0.01)
    running.kill()
    running.wait()
    time.sleep(1)
    assert not place.paths.model("hephaestus-0.1m-stage1").exists(), "the stage went on after its parent was killed"
    last = latest_checkpoint(folder)
    assert last is not None
    # The kill may strike between the mark of a checkpoint and the removal of the one before, so one may be left.
    assert len([path for path in folder.glob("*/complete.json") if path.parent != last]) <= 1, "older ones are pruned"
    yield place, last


def test_damage_to_a_checkpoint_is_named(stopped: tuple[Place, Path]) -> None:
    place, last = stopped
    weights = next(last.rglob("*.safetensors"))
    cases = {
        weights: (weights.read_bytes()[:-8], "bytes and was written with"),
        next(last.glob("optimizer/*.pt")): (None, "is missing from the checkpoint"),
        last / "model_config.json": (
            (last / "model_config.json").read_bytes().replace(b"{", b"[", 1),
            "its sha256 differs",
        ),
        last / "complete.json": (b'{"step": ', "is damaged"),
    }
    for file, (damaged, message) in cases.items():
        whole = file.read_bytes()
        file.unlink() if damaged is None else file.write_bytes(damaged)
        with pytest.raises(UserError, match=message) as raised:
            open_checkpoint(last, TOPOLOGY)
        assert str(file) in str(raised.value) and f"remove {last}" in str(raised.value)
        file.write_bytes(whole)
    assert open_checkpoint(last, TOPOLOGY)["step"] == int(last.name)
    weights.write_bytes(b"\0" * 100)
    done = command("--recipe", str(place.file))
    assert done.returncode == 2 and str(weights) in done.stderr and "Traceback" not in done.stderr
    assert latest_checkpoint(last.parent) == last, "nothing is removed without being asked"


def test_another_topology_may_not_resume(stopped: tuple[Place, Path]) -> None:
    place, last = stopped
    again = make_place(
        place.file.parent, {"stage1": {"tokens": 400 * 256, "checkpoint_every": 2}, "parallel": {"pp": 2}}
    )
    done = command("--recipe", str(again.file))
    assert done.returncode == 2
    assert "was written with dp 1 · tp 1 · pp 1 and the recipe now asks for dp 1 · tp 1 · pp 2" in done.stderr
    assert json.loads((last / "complete.json").read_text())["parallel"] == TOPOLOGY


@pytest.mark.parametrize(
    ("parallel", "message"),
    [
        ({"tp_mode": "reduce_scatter", "tp_async": True}, "gives wrong gradients in nanotron 0.4"),
        ({"tp_async": True}, "tp_async works with reduce_scatter only"),
        ({"pp": 2, "pp_engine": "1f1b"}, "1f1b waits for itself forever over gloo"),
    ],
)
def test_unsafe_options_are_refused(place: Place, parallel: dict[str, object], message: str) -> None:
    from training.__main__ import make

    unsafe = make_place(place.file.parent, {"parallel": parallel})
    with pytest.raises(UserError, match=message):
        make(unsafe.recipe, str(unsafe.file))


def test_another_number_of_processes_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "0")
    done = command("--recipe", str(place.file), "--stage", "stage1", module="training.stage")
    assert done.returncode == 2
    assert "3 processes were started and the recipe wants dp 1 × tp 1 × pp 1 = 1" in done.stderr


def test_damaged_base_weights_are_named(place: Place) -> None:
    from training.__main__ import make

    file = place.paths.model("base") / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged or missing"):
        make(place.recipe, str(place.file))
    config = place.paths.model("base") / "config.json"
    file.write_bytes(whole)
    config.write_text(config.read_text().replace('"vocab_size": 512', '"vocab_size": 640'))
    with pytest.raises(UserError, match=r"embed_tokens\.weight is \(512, 48\) and config\.json says \(640, 48\)"):
        make(place.recipe, str(place.file))
