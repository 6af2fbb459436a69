"""`python -m training` as a person meets it: all models, nothing twice, kill -9, errors before work."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from records.errors import UserError
from records.files import list_files, sha256_file, write_json
from records.recipe import Recipe
from tests.training.places import Place, command, make_place, read, write_shard
from training.__main__ import make, missing
from training.export import NOT_HASHED
from training.stages import stages

MODELS = ["hephaestus-0.1m-stage1", "hephaestus-0.1m-stage2", "hephaestus-0.1m-ift", "tiny-ift"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place where the whole command ran once."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(folder / "build"))
        place = make_place(folder, {})
        done = command("--recipe", str(place.file))
        assert done.returncode == 0, done.stderr
        (folder / "stderr.txt").write_text(done.stderr)
        yield place


def test_events_for_tensorboard_are_those_of_the_record(trained: Place) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    stage = stages(trained.recipe)[0]
    events = EventAccumulator(str(trained.paths.build / "work" / "tensorboard" / stage.name))
    events.Reload()
    losses = [(event.step, round(event.value, 5)) for event in events.Scalars("loss/train")]
    curve = read(trained.paths.model(stage.name) / "record.json")["loss"]["curve"]
    assert losses == [(step + 1, round(loss, 5)) for step, (_, loss) in enumerate(curve)]
    rates = [event.value / stage.recipe.learning_rate for event in events.Scalars("learning_rate")]
    assert rates == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 0.85, 0.7, 0.55, 0.4, 0.25, 0.1])
    assert [event.value for event in events.Scalars("tokens")] == [256 * step for step in range(1, 13)]


def test_the_bar_shows_loss_rate_and_time_left(trained: Place) -> None:
    words = (trained.file.parent / "stderr.txt").read_text()
    for stage in stages(trained.recipe):
        left = r"\[\d\d:\d\d<\d\d:\d\d, +[\d.]+k?tok/s, loss=\d\.\d{3}\]"
        assert re.search(rf"training · {stage.title}: +\d+%\|[^\r]*\| \d+/3072 {left}", words), stage.title


def test_every_model_has_a_record_that_links_back(trained: Place) -> None:
    parents = {stage.name: stage.parent for stage in stages(trained.recipe)}
    assert list(parents) == MODELS
    for name, parent in parents.items():
        folder = trained.paths.model(name)
        record = read(folder / "record.json")
        assert record["name"] == name
        assert record["base"]["record_sha256"] == sha256_file(trained.paths.model(parent) / "record.json")
        assert record["corpus"] == sha256_file(trained.paths.manifest)
        assert record["files"] == list_files(folder, NOT_HASHED)
        assert record["tokens"] == record["steps"] * 256 == record["loss"]["curve"][-1][0]
        assert record["loss"]["heldout"] < record["loss"]["heldout_before"]
        assert (folder / "figures" / "loss.png").stat().st_size > 5000
        assert read(folder / "run.json")["tokens_per_second"] > 0


def test_exports_load_in_transformers_and_have_learned(trained: Place) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    ids = torch.tensor([[3, 4, 5, 3, 4, 6, 3, 3]])
    losses = []
    for name in ("base", "hephaestus-0.1m-stage1"):
        model = AutoModelForCausalLM.from_pretrained(trained.paths.model(name))
        losses.append(model(ids, labels=ids).loss.item())
    assert losses[1] < losses[0]


def test_second_call_does_nothing_and_is_quick(trained: Place) -> None:
    before = {name: (trained.paths.model(name) / "model.safetensors").stat().st_mtime_ns for name in MODELS}
    began = time.monotonic()
    again = command("--recipe", str(trained.file))
    assert again.returncode == 0
    assert "all 5 models are made" in again.stdout
    assert time.monotonic() - began < 10
    assert before == {name: (trained.paths.model(name) / "model.safetensors").stat().st_mtime_ns for name in MODELS}
    assert not trained.paths.work(MODELS[0]).exists(), "checkpoints are removed once the export is marked"


def test_another_corpus_makes_the_stages_again(trained: Place) -> None:
    manifest = trained.paths.manifest.read_text()
    try:
        write_json(trained.paths.manifest, json.loads(manifest) | {"name": "another"})
        base_missing, todo = missing(trained.recipe)
        assert not base_missing
        assert [stage.name for stage in todo] == MODELS
    finally:
        trained.paths.manifest.write_text(manifest)
    assert missing(trained.recipe) == (False, [])


def test_dry_run_prints_the_plan_and_makes_nothing(place: Place) -> None:
    done = command("--recipe", str(place.file), "--dry-run")
    assert done.returncode == 0
    assert "hephaestus-0.1m-stage1 from base, 3072 tokens in 12 steps" in done.stdout
    assert not place.paths.model(MODELS[0]).exists()


def test_a_loss_that_is_no_number_stops_with_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, {"stage1": {"learning_rate": 1e30}})
    done = command("--recipe", str(place.file), "--stage", "stage1", module="training.stage")
    assert done.returncode == 2
    # At such a rate the weights overflow in the first update or the second.
    where = r"loss or gradient of hephaestus-0.1m-stage1 at step [23] of 12 is (nan|inf)"
    assert re.search(where + r"; the step read sequences \d+ to \d+ of its plan \(documents \w+ \d+", done.stderr)
    assert "Traceback" not in done.stderr


def broken(place: Place, what: str) -> Recipe:
    tokens = place.paths.corpus / "tokens"
    if what == "no corpus":
        shutil.rmtree(place.paths.corpus)
    elif what == "no tokens":
        (tokens / "stage2" / "train.ds").unlink()
    elif what == "foreign vocabulary":
        write_shard(tokens, "code", "train", [[600, 1, 0]])
    elif what == "empty shard":
        write_shard(tokens, "text", "train", [])
    elif what == "no answers":
        size = (tokens / "ift" / "train.ds").stat().st_size // 2
        np.zeros(size, np.uint8).tofile(tokens / "ift" / "train.ds.loss")
    return place.recipe


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no corpus", r"manifest\.json is missing; run `make corpus`"),
        ("no tokens", r"stage2/train\.ds is missing; run `make corpus`"),
        ("foreign vocabulary", "token id 600 and the model's vocabulary has 512"),
        ("empty shard", "the shards of text are empty"),
        ("no answers", "no example of ift fits into 64 tokens"),
    ],
)
def test_a_corpus_that_cannot_be_trained_on_is_refused_before_work(place: Place, what: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(broken(place, what), str(place.file))
    assert not place.paths.model(MODELS[0]).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage1": {"sequence_length": 512}}, "reads at most 256 tokens"),
        ({"ift": {"tokens": 200}}, "training.ift.tokens is 200, less than the 256 tokens of one step"),
        ({"stage2": {"micro_batch_size": 0}}, "training.stage2.micro_batch_size is 0"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, dict[str, object]], message: str
) -> None:
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, change)
    with pytest.raises(UserError, match=message):
        make(place.recipe, str(place.file))


def test_a_full_disk_is_found_before_work(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1000, 990, 10))
    with pytest.raises(UserError, match="GB free"):
        make(place.recipe, str(place.file))
