"""What cannot be trained is refused by the command before the first step: one line that names place and remedy."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from records.errors import run_command
from records.files import write_json
from tests.training.places import VOCABULARY, Place, command, make_place, write_shard
from tests.training.test_hub_ids import write_tokenizer
from training.__main__ import main
from training.checkpoints import latest_checkpoint

NAME = "hephaestus-0.1m-stage1"
DIVERGING: dict[str, Any] = {"stage1": {"learning_rate": 1e30, "checkpoint_every": 1}}


@pytest.fixture(scope="module")
def with_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place where a stage has left a checkpoint: it diverged."""
    folder = tmp_path_factory.mktemp("checkpoint")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(folder / "build"))
        place = make_place(folder, DIVERGING)
        done = command("--recipe", str(place.file), "--stage", "stage1", module="training.stage")
        assert done.returncode == 2 and latest_checkpoint(place.paths.work(NAME) / "checkpoints"), done.stderr
    return folder


def tokenizer_of(place: Place, **values: object) -> None:
    manifest = json.loads(place.paths.manifest.read_text())
    write_json(place.paths.manifest, manifest | {"tokenizer": {"name": "Other", **values}})


def foreign_ids(place: Place) -> None:
    write_shard(place.paths.corpus / "tokens", "code", "train", [[VOCABULARY + 88, 1, 0]])


def no_tokens(place: Place) -> None:
    (place.paths.corpus / "tokens" / "stage2" / "train.ds").unlink()


def cut_tokens(place: Place) -> None:
    file = place.paths.corpus / "tokens" / "text" / "train.ds"
    file.write_bytes(file.read_bytes()[:-6])


def no_domain(place: Place) -> None:
    shutil.rmtree(place.paths.corpus / "tokens" / "trajectories")
    (place.paths.corpus / "tokens" / "api_docs" / "validation.ds.index").write_bytes(b"")
    (place.paths.corpus / "tokens" / "api_docs" / "validation.ds").write_bytes(b"")


def another_vocabulary(place: Place) -> None:
    write_tokenizer(place.paths.model("base"))
    tokenizer_of(place, vocabulary=VOCABULARY, vocabulary_sha256="0" * 64)


def torn_weights(place: Place) -> None:
    file = place.paths.model("base") / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-50])


def torn_checkpoint(place: Place) -> None:
    last = latest_checkpoint(place.paths.work(NAME) / "checkpoints")
    assert last is not None
    file = next(last.rglob("*down_proj/*.safetensors"))
    file.write_bytes(file.read_bytes()[:-8])


def nothing(place: Place) -> None:
    """What is wrong is in the recipe."""


CASES: dict[str, tuple[Callable[[Place], None], dict[str, Any], str]] = {
    "more ids than the model": (
        lambda place: tokenizer_of(place, vocabulary=VOCABULARY + 1, vocabulary_sha256="0" * 64),
        {},
        r"was tokenised with Other \(513 ids\) and tiny has 512; set corpus\.tokenizer",
    ),
    "fewer ids, older corpus": (
        lambda place: tokenizer_of(place, vocabulary=VOCABULARY - 1),
        {},
        r"was tokenised with Other \(511 ids\) and tiny has 512",
    ),
    "same size, other text": (
        another_vocabulary,
        {},
        r"whose ids stand for other text than those of tiny",
    ),
    "ids beyond the model": (foreign_ids, {}, "shards of code hold token id 600 and the model's vocabulary has 512"),
    "tokens missing": (no_tokens, {}, r"stage2/train\.ds is missing; run `make corpus`"),
    "tokens cut off": (cut_tokens, {}, r"text/train\.ds holds \d+ tokens, its index or loss file says otherwise"),
    "no rows to track": (no_domain, {"track": {"points": 2}}, r"wants validation rows of api_docs or trajectories"),
    "weights cut off": (torn_weights, {}, r"base/model\.safetensors is damaged or missing"),
    "checkpoint cut off": (
        torn_checkpoint,
        DIVERGING,
        r"down_proj/.*safetensors has \d+ bytes and was written",
    ),
    "sequence too long": (
        nothing,
        {"ift": {"sequence_length": 300}},
        r"ift\.sequence_length is 300 and tiny reads at most",
    ),
    "heads do not divide": (
        nothing,
        {"parallel": {"tp": 4}},
        r"parallel\.tp is 4; it must divide 6 query",
    ),
    "more ranks than layers": (
        nothing,
        {"parallel": {"pp": 3}},
        r"parallel\.pp is 3 and the model has 2 layers",
    ),
    "budget under a step": (
        nothing,
        {"stage2": {"tokens": 200}},
        r"stage2\.tokens is 200, less than the 256 tokens",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_before_the_first_step(
    case: str, with_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    harm, changes, message = CASES[case]
    if changes is DIVERGING:
        shutil.copytree(with_checkpoint / "build", tmp_path / "build")
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    place = make_place(tmp_path, changes)
    harm(place)
    capfd.readouterr()
    assert run_command(main, ["--recipe", str(place.file)]) == 2
    said = capfd.readouterr().err
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and re.search(message, errors[0]), said
    assert "Traceback" not in said and "tok/s" not in said
    assert not place.paths.model(NAME).exists()


def test_ranks_that_do_not_make_up_the_topology_are_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun starts them: three processes for dp 1 × tp 1 × pp 1."""
    from training import stage

    for name, value in {"WORLD_SIZE": "3", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("training.processes.end_with_parent", lambda: None)
    with pytest.raises(Exception, match=r"3 processes were started and the recipe wants dp 1 × tp 1 × pp 1 = 1"):
        stage.main(["--recipe", str(place.file), "--stage", "stage1"])
