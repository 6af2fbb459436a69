"""A run that must stop: where, why, on which documents, and what is left of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from records.errors import UserError
from tests.training.places import VOCABULARY, command, make_place, random_documents, read, write_shard
from training.checkpoints import latest_checkpoint, open_checkpoint
from training.watch import check_loss

NAME = "hephaestus-0.1m-stage1"
TOPOLOGY = {"dp": 1, "tp": 1, "pp": 1, "zero1": False}
TRACKIO = """
import json, pathlib
out = pathlib.Path({folder!r}) / "trackio.jsonl"
def init(**named): out.open("a").write(json.dumps(["init", named]) + "\\n")
def log(values, step): out.open("a").write(json.dumps(["log", step, values]) + "\\n")
def finish(): out.open("a").write(json.dumps(["finish"]) + "\\n")
"""


def test_a_spike_stops_the_run_and_allowing_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One document of tokens that no other has comes after more than ten steps: its step is a spike."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "trackio.py").write_text(TRACKIO.format(folder=str(tmp_path)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    values = {"tokens": 60 * 64, "micro_batch_size": 1, "accumulation": 1, "checkpoint_every": 4, "stop_at_spike": 0.5}
    place = make_place(tmp_path, {"stage1": values})
    documents = random_documents(0, 50, 5, 90)
    rare = [[VOCABULARY - 1 - n % 40 for n in range(90)] + [0]]
    for config in ("api_docs", "text"):
        write_shard(place.paths.corpus / "tokens", config, "train", documents)
    write_shard(place.paths.corpus / "tokens", "code", "train", [*documents[:25], *rare, *documents[25:]])
    stage = ("--recipe", str(place.file), "--stage", "stage1")
    done = command(*stage, module="training.stage")
    assert done.returncode == 2, done.stderr[-500:]
    words = rf"the loss of {NAME} at step (\d+) of 60 is [\d.]+ over (\d+) tokens, a spike of more than 0\.5\d* over"
    found = re.search(words, done.stderr)
    assert found and "Traceback" not in done.stderr
    assert re.search(r"the step read sequences \d+ to \d+ of its plan \(documents .*code 25", done.stderr)
    step = int(found[1])
    assert 60 <= int(found[2]) <= 64, "a sequence of 64, without the ends of its documents"
    last = latest_checkpoint(place.paths.work(NAME) / "checkpoints")
    assert last is not None and int(last.name) == (step - 1) // 4 * 4, "that of the spike itself is not written"
    assert len(open_checkpoint(last, TOPOLOGY)["losses"]) == int(last.name)
    heard = [json.loads(line) for line in (tmp_path / "trackio.jsonl").read_text().splitlines()]
    assert heard[0] == ["init", {"project": "hephaestus", "name": NAME}] and heard[-1] == ["finish"]
    assert [row[1] for row in heard[1:-1]] == list(range(1, step))
    make_place(tmp_path, {"stage1": values | {"stop_at_spike": None}})
    assert command(*stage, module="training.stage").returncode == 0
    assert read(place.paths.model(NAME) / "run.json")["resumed_from_step"] == int(last.name)


def test_what_counts_as_a_spike() -> None:
    def check(loss: float, earlier: list[float], margin: float | None = 2.0, tokens: int = 500) -> None:
        check_loss("x at step 9", loss, earlier, margin, lambda: ("document 7", tokens))

    check(99.0, [1.0] * 9)  # too few to compare with
    check(2.99, [1.0] * 10)
    check(99.0, [1.0] * 10, None)
    check(4.9, [3.0] + [1.0] * 19)
    check(4.9, [1.0] * 10, tokens=16)  # sixteen tokens: twice the margin
    spikes = ((3.1, [1.0] * 10, 64, 2), (3.1, [3.0] + [1.0] * 20, 500, 2), (5.1, [1.0] * 10, 16, 4))
    for loss, earlier, tokens, allowed in spikes:
        words = rf"x at step 9 is {loss}00 over {tokens} tokens, a spike of more than {allowed} over.*document 7"
        with pytest.raises(UserError, match=words):
            check(loss, earlier, tokens=tokens)
    for loss in (float("nan"), float("inf")):
        with pytest.raises(UserError, match=r"x at step 9 is (nan|inf); the step read document 7"):
            check(loss, [], None)
