"""Two processes on this machine learn what one learns: data, tensor and pipeline parallel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from records.errors import UserError
from records.recipe import ROOT
from tests.training.places import Place, make_place, read
from training.__main__ import make
from training.processes import run_ranks

NAME = "hephaestus-0.1m-stage1"
SHORT = {"tokens": 6 * 256, "checkpoint_every": 4}


def train(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: dict[str, object],
    parallel: dict[str, object],
    launcher: bool = False,
) -> Place:
    folder.mkdir()
    monkeypatch.setenv("BUILD", str(folder / "build"))
    place = make_place(folder, {"stage1": stage, "parallel": parallel})
    world = place.recipe.training.parallel.dp * place.recipe.training.parallel.tp * place.recipe.training.parallel.pp
    if launcher:
        line = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={world}"]
        line += ["-m", "training.stage", "--recipe", str(place.file), "--stage", "stage1"]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    else:
        assert run_ranks(["--recipe", str(place.file), "--stage", "stage1"], world) == 0
    return place


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dp", "tp", "pp", "zero1"])
def test_two_ranks_equal_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    alone = train(tmp_path / "one", monkeypatch, SHORT, {})
    half = {"accumulation": 1} if kind in ("dp", "zero1") else {}
    topology: dict[str, object] = {"dp": 2, "zero1": True} if kind == "zero1" else {kind: 2}
    both = train(tmp_path / "two", monkeypatch, SHORT | half, topology, launcher=kind == "zero1")
    one, two = (read(place.paths.model(NAME) / "record.json")["loss"] for place in (alone, both))
    assert [loss for _, loss in two["curve"]] == pytest.approx([loss for _, loss in one["curve"]], abs=2e-5)
    assert two["heldout"] == pytest.approx(one["heldout"], abs=2e-5)
    first, second = (load_file(place.paths.model(NAME) / "model.safetensors") for place in (alone, both))
    assert first.keys() == second.keys()
    assert max((first[name] - second[name]).abs().max().item() for name in first) < 1e-3


@pytest.mark.parametrize(
    ("parallel", "message"),
    [
        ({"tp": 4}, "training.parallel.tp is 4; it must divide"),
        ({"pp": 3}, "training.parallel.pp is 3 and the model has 2 layers"),
        ({"dp": 0}, "must each be at least 1"),
    ],
)
def test_a_topology_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parallel: dict[str, object], message: str
) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, {"parallel": parallel})
    with pytest.raises(UserError, match=message):
        make(place.recipe, str(place.file))
