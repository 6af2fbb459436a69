"""`python -m hub` from a small build folder to a release on the embedded Hub, as a person runs it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelCard

from hub.apply import Manners, apply_plan
from hub.cards import render_cards
from hub.inputs import _check_manifest, find_inputs
from hub.plan import Plan, PlannedFile, PlannedRepo, make_plan, write_plan
from records.errors import UserError
from records.files import sha256_file
from records.recipe import load_recipe
from tests.hub.builds import CONFIGS, make_build
from tests.hub.processes import ROOT, Server, clean_environment, run_publish, start_server


@dataclass
class Released:
    build: Path
    recipe: Path
    killed_after: int
    """Release commits that were there when the first run was killed."""

    @property
    def release(self) -> Path:
        return self.build / "tiny" / "release"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    """A release whose first run was killed in the middle, and whose second run ended it."""
    build, recipe = make_build(tmp_path_factory.mktemp("release"))
    first = subprocess.Popen(
        [sys.executable, "-m", "hub", "--recipe", str(recipe)],
        cwd=ROOT,
        env=clean_environment(build),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ends = time.monotonic() + 120
    while not _releases(build) and first.poll() is None and time.monotonic() < ends:
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed_after = _releases(build)
    second = run_publish(build, recipe)
    assert second.returncode == 0, second.stderr
    return Released(build, recipe, killed_after)


def _releases(build: Path) -> int:
    try:
        connection = sqlite3.connect(f"file:{build / 'hub' / 'hub.sqlite'}?mode=ro", uri=True)
        count = connection.execute("SELECT count(*) FROM commits WHERE title LIKE 'Release %'").fetchone()[0]
        connection.close()
        return int(count)
    except sqlite3.OperationalError:
        return 0


@pytest.fixture
def copy(released: Released, tmp_path: Path) -> Released:
    """The release in a folder of its own, to be spoilt."""
    shutil.copytree(released.build, tmp_path / "build")
    return Released(tmp_path / "build", released.recipe, released.killed_after)


@pytest.fixture
def hub(copy: Released) -> Iterator[HfApi]:
    server = start_server(copy.build)
    yield HfApi(endpoint=server.url, token=False)
    server.kill()


def test_killed_and_continued_ends_as_planned(released: Released) -> None:
    assert 1 <= released.killed_after < 6
    receipt = json.loads((released.release / "receipt.json").read_text())
    assert [repo["id"] for repo in receipt["repos"]] == [
        "local/forge-tiny",
        *(f"local/hephaestus-1m-{stage}" for stage in ("stage1", "stage2", "ift")),
        *("local/tinybase-ift", "local/demo-tiny"),
    ]
    expected = {name: dict(zip(("train", "validation"), rows, strict=True)) for name, rows in CONFIGS.items()}
    assert receipt["verified"]["configs"] == expected
    names = {"tinybase-ift", *(f"hephaestus-1m-{stage}" for stage in ("stage1", "stage2", "ift"))}
    assert set(receipt["verified"]["models"]) == names
    corpus, models = released.build / "tiny" / "corpus", released.build / "tiny" / "models"
    assert receipt["links"]["manifest"] == sha256_file(corpus / "manifest.json")
    assert receipt["links"]["records"] == {
        folder.name: sha256_file(folder / "record.json") for folder in models.iterdir()
    }


def test_uninterrupted_run_ends_in_the_same_revisions(released: Released, server: Server, tmp_path: Path) -> None:
    """The same inputs applied to an empty store without a kill, over Xet."""
    recipe = load_recipe(str(released.recipe))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUILD", str(released.build))
        inputs = find_inputs(recipe)
    render_cards(inputs, recipe.release, "local", tmp_path / "cards")
    plan = make_plan(inputs, tmp_path / "cards", recipe.release, "local", private=False)
    write_plan(plan, tmp_path / "plan.jsonl", tmp_path)
    written = [(tmp_path / "plan.jsonl").read_text(), (released.release / "plan.jsonl").read_text()]
    assert [re.sub(r'"from": "[^"]*"', "", text) for text in written] == [
        re.sub(r'"from": "[^"]*"', "", written[0])
    ] * 2
    api = HfApi(endpoint=server.url, token=server.token)
    assert apply_plan(plan, api)["bytes"] == plan.bytes
    found = {
        (repo.kind, repo.id): api.repo_info(repo.id, repo_type=repo.kind, revision="v0.1.0").sha for repo in plan.repos
    }
    receipt = json.loads((released.release / "receipt.json").read_text())
    assert found == {(repo["type"], repo["id"]): repo["revision"] for repo in receipt["repos"]}
    assert apply_plan(plan, api)["bytes"] == 0  # again: nothing is sent


def test_another_content_under_the_same_version(server: Server, tmp_path: Path) -> None:
    """Where tags may not move, it is refused before anything is sent; where they may, stale files go."""
    api = HfApi(endpoint=server.url, token=server.token)

    def plan(**contents: str) -> Plan:
        files = []
        for name, text in contents.items():
            source = tmp_path / text
            source.write_text(text)
            files.append(PlannedFile(f"{name}.txt", source, len(text), sha256_file(source)))
        return Plan((PlannedRepo("model", "local/moving", False, tuple(files), "v1"),))

    apply_plan(plan(a="one", b="two"), api)
    head = api.repo_info("local/moving").sha
    with pytest.raises(UserError, match=r"release\.version"):
        apply_plan(plan(a="three"), api)
    assert api.repo_info("local/moving").sha == head
    apply_plan(plan(a="three"), api, manners=Manners(may_move_tags=True))
    assert api.list_repo_files("local/moving", revision="v1") == [".gitattributes", "a.txt"]


def test_plan_is_what_the_hub_holds(copy: Released, hub: HfApi) -> None:
    rows = [json.loads(line) for line in (copy.release / "plan.jsonl").read_text().splitlines()]
    planned: dict[tuple[str, str], dict[str, int]] = {}
    *rows, collection = rows
    assert collection["op"] == "collection" and len(collection["items"]) == 6
    for row in rows:
        files = planned.setdefault((row["type"], row["repo"]), {})
        if row["op"] in ("upload", "card"):
            files[row["path"]] = row["bytes"]
    assert [row["op"] for row in rows].count("create") == [row["op"] for row in rows].count("tag") == len(planned) == 6
    for (kind, repo), files in planned.items():
        found = hub.repo_info(repo, repo_type=kind, revision="v0.1.0", files_metadata=True).siblings
        assert {item.rfilename: item.size for item in found if item.rfilename != ".gitattributes"} == files
    dataset = planned["dataset", "local/forge-tiny"]
    assert {"README.md", "datasheet.md", "manifest.json"} < set(dataset)
    assert not any(path.startswith("tokens") or path == "run.json" for path in dataset)
    assert set(planned["space", "local/demo-tiny"]) == {"README.md", "SHA256SUMS", "app.py", "calls.py"}
    assert not any("run.json" in files for files in planned.values())


def test_cards_say_what_the_records_say(copy: Released, hub: HfApi) -> None:
    cards = {
        name: ModelCard(Path(hub.hf_hub_download(f"local/{name}", "README.md", cache_dir=copy.build)).read_text())
        for name in ("hephaestus-1m-ift", "tinybase-ift")
    }
    ours, control = cards["hephaestus-1m-ift"], cards["tinybase-ift"]
    assert ours.data.base_model == "local/hephaestus-1m-stage2"
    assert ours.data.datasets == ["local/forge-tiny"]
    assert (ours.data.license, ours.data.pipeline_tag, ours.data.library_name) == (
        "apache-2.0",
        "text-generation",
        "transformers",
    )
    result = ours.data.eval_results[0]
    bfcl = "gorilla-llm/Berkeley-Function-Calling-Leaderboard"
    assert (result.dataset_type, result.dataset_name) == (bfcl, "bfcl_simple_python")
    assert (result.metric_value, result.dataset_args) == (0.3, {"n": 10})
    row = "| bfcl_simple_python | 40.0 % ± 5.0 (n=10) | 70.0 % ± 5.0 (n=10) | 30.0 % ± 5.0 (n=10) |"
    assert row in ours.text and "-40.0 points against the control, more than two" in ours.text
    for fact in (
        "2,048 in 4 steps",
        "against: bfcl. Not compared: tau_bench",
        "Instruct, dequantised from Q4_1",
        "| held out | 4.500 |",
        "`0.0001`",
    ):
        assert fact in ours.text
    assert control.data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    space = hub.space_info("local/demo-tiny")
    assert space.card_data["models"] == ["local/hephaestus-1m-ift"]
    assert space.card_data["datasets"] == ["local/forge-tiny"]
    assert space.card_data["emoji"] == "🔨"


def test_second_run_does_nothing(copy: Released) -> None:
    before = {file: file.stat().st_mtime_ns for file in copy.release.rglob("*")}
    again = run_publish(copy.build, copy.recipe)
    assert again.returncode == 0 and "nothing to do" in again.stdout
    assert {file: file.stat().st_mtime_ns for file in copy.release.rglob("*")} == before


def test_damaged_blob_is_found(copy: Released, hub: HfApi) -> None:
    """Through the server that runs already (`make hub`), as publishing does when there is one."""
    weights = copy.build / "tiny" / "models" / "tinybase-ift" / "model.safetensors"
    sha256 = sha256_file(weights)
    blob = copy.build / "hub" / "blobs" / sha256[:2] / sha256
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    (copy.release / ".done.json").unlink()
    damaged = run_publish(copy.build, copy.recipe)
    assert damaged.returncode == 2
    errors = [line for line in damaged.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and f"blob {sha256} of model.safetensors is damaged" in errors[0]
    assert hub.repo_exists("local/tinybase-ift")  # that server still runs
    assert "Traceback" not in damaged.stderr


def test_port_in_use(copy: Released) -> None:
    (copy.release / ".done.json").unlink()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _refused(run_publish(copy.build, copy.recipe, PORT=port), f"port {port}")
        served = subprocess.run(
            [sys.executable, "-m", "hub.local", "--port", port],
            cwd=ROOT,
            env=clean_environment(copy.build),
            capture_output=True,
            text=True,
            timeout=60,
        )
        _refused(served, f"port {port}")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"HUB": "hf"}, "HF_TOKEN"),
        ({"HUB": "elsewhere"}, "HUB=elsewhere"),
        ({"REPO": "owner/name"}, "REPO=owner/name"),
        ({"PORT": "many"}, "PORT=many"),
        # A proxy that nobody runs stands for a machine without network.
        ({"HUB": "hf", "HF_TOKEN": "hf_x", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""}, "cannot be reached"),
    ],
)
def test_wrong_settings(settings: dict[str, str], words: str, copy: Released) -> None:
    (copy.release / ".done.json").unlink()
    _refused(run_publish(copy.build, copy.recipe, **settings), words)


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        ("corpus/manifest.json", None, "make corpus"),
        ("models/hephaestus-1m-stage2/record.json", None, "make train"),
        ("eval/hephaestus-1m-ift/results.json", None, "make eval"),
        ("corpus/manifest.json", ('"bfcl"', '"mmlu"'), "not decontaminated against the benchmark of bfcl_simple"),
        ("models/base/record.json", ('"Apache-2.0"', '"unknown"'), "names no licence"),
        ("corpus/manifest.json", ('"MIT"', '"unknown"'), "no known licence"),
        ("corpus/manifest.json", ('"MIT"', '"CC-BY-NC-4.0", "restricted": true'), "for its own use"),
        ("corpus/data/code/train-00000-of-00001.parquet", "damage", "differs from what its record says"),
        ("models/hephaestus-1m-ift/record.json", ('"tokens": 2048', '"tokens": 2049'), "belongs to another training"),
    ],
)
def test_unfit_inputs(path: str, change: str | tuple[str, str] | None, words: str, copy: Released) -> None:
    file = copy.build / "tiny" / path
    (copy.release / ".done.json").unlink()
    if change is None:
        file.unlink()
    elif change == "damage":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    else:
        text = file.read_text()
        assert change[0] in text
        file.write_text(text.replace(*change))
    commits = _releases(copy.build)
    _refused(run_publish(copy.build, copy.recipe), words)
    assert _releases(copy.build) == commits


def _refused(run: subprocess.CompletedProcess[str], words: str) -> None:
    """One line that says what is wrong, exit code 2, no traceback."""
    assert run.returncode == 2, (run.returncode, run.stderr)
    errors = [line for line in run.stderr.replace("\r", "\n").splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and words in errors[0], run.stderr
    assert "Traceback" not in run.stderr


def test_dry_run_of_an_empty_build_says_what_is_missing(released: Released, tmp_path: Path) -> None:
    run = run_publish(tmp_path, released.recipe, "--dry-run")
    assert run.returncode == 0
    assert "local/hephaestus-1m-ift" in run.stdout and "make corpus" in run.stdout
    assert not list(tmp_path.iterdir())


def test_sources_that_ask_for_credit_go_out_and_restricted_ones_do_not(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("card")
    owed = {"name": "them/data", "license": "CC-BY-4.0"}
    _check_manifest(tmp_path, {"sources": [{**owed, "attribution": True}]})
    with pytest.raises(UserError, match=r"them/data is under CC-BY-4\.0"):
        _check_manifest(tmp_path, {"sources": [{**owed, "restricted": True}]})
