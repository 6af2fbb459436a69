"""Verification by anyone: nothing but a Hub's address, a fresh cache, and the hashes that a release publishes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from gradio_client import Client
from huggingface_hub import CommitOperationAdd, HfApi

from hub.verify_space import running_space
from tests.hub.builds import make_build
from tests.hub.processes import ROOT, Server, clean_environment, run_publish, start_server


@dataclass
class Published:
    server: Server
    recipe: Path
    build: Path

    def check(self, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """`make verify` on another machine: no build folder, no token."""
        environment = clean_environment(folder, HUB=self.server.url, **more)
        return subprocess.run(
            [sys.executable, "-m", "hub.check", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """A release with the true Space, published from a plan that was reviewed in between."""
    build, recipe = make_build(tmp_path_factory.mktemp("verify"))
    values = yaml.safe_load(recipe.read_text())
    values["release"]["space_folder"] = str(ROOT / "spaces" / "function_calling")
    values["release"] |= {"space_hardware": "cpu-upgrade", "space_variables": {"BASE_MODEL_ID": "local/tinybase-ift"}}
    recipe.write_text(yaml.safe_dump(values))
    stranger = build / "tiny" / "eval" / "stranger"  # scored beside the release, and no part of it
    shutil.copytree(build / "tiny" / "eval" / "base", stranger)
    planned = run_publish(build, recipe, PLAN="only")
    assert planned.returncode == 0 and "nothing was sent" in planned.stdout, planned.stderr
    assert not (build / "hub").exists()
    done = run_publish(build, recipe, PLAN="reviewed", SPACE="start")
    assert done.returncode == 0, done.stderr
    server = start_server(build)
    yield Published(server, recipe, build)
    server.kill()


def test_the_space_answered_while_publishing(published: Published) -> None:
    receipt = json.loads((published.build / "tiny" / "release" / "receipt.json").read_text())
    assert receipt["verified"]["space"]["demo-tiny"] == "answered /call and /search_apis"
    assert all(count >= 1 for count in receipt["verified"]["generated"].values())
    assert receipt["verified"]["links"] == 4


def test_the_space_gets_its_hardware_and_variables(published: Published) -> None:
    api = HfApi(endpoint=published.server.url, token=published.server.token)
    assert api.get_space_runtime("local/demo-tiny").requested_hardware == "cpu-upgrade"
    variables = api.get_space_variables("local/demo-tiny")
    assert {name: one.value for name, one in variables.items()} == {"BASE_MODEL_ID": "local/tinybase-ift"}


def test_the_downloaded_space_shows_its_release(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Corpus figures, scores of the release's models alone, search, figures, links, and the base by its Hub id."""
    monkeypatch.setenv("BASE_MODEL_ID", "local/tinybase-ift")
    api = HfApi(endpoint=published.server.url, token=published.server.token)
    folder = Path(api.snapshot_download("local/demo-tiny", repo_type="space", local_dir=tmp_path / "space"))
    with running_space("local/demo-tiny", folder, published.server.url) as port:
        address = f"http://127.0.0.1:{port}"
        config = json.loads(urllib.request.urlopen(f"{address}/config").read())
        client = Client(address, verbose=False)
        found = client.predict(query="made train", api_name="/search_apis")
        tools = '[{"name": "ping", "parameters": {"type": "object"}}]'
        base = client.predict(request="Ping", tools=tools, which="base", api_name="/call")
    shown = " ".join(str(part["props"].get("value")) for part in config["components"])
    assert "9 distinct APIs from 1 sources" in shown and "40.0 ± 5.0 (n=10)" in shown
    assert f"{published.server.url}/datasets/local/forge-tiny/blob/main/datasheet.md" in shown
    assert f"{published.server.url}/local/hephaestus-1m-ift" in shown and "mix.png" in shown
    assert sorted(row["name"] for row in found) == [f"made/train_{number}" for number in range(7)]
    assert "stranger" not in shown
    assert base["error"] is None and base["tokens"] > 0


def test_anyone_verifies_a_whole_owner(published: Published, tmp_path: Path) -> None:
    done = published.check(tmp_path, "--repo", "local")
    assert done.returncode == 0, done.stderr
    receipt = json.loads((tmp_path / "verify" / "local" / "receipt.json").read_text())
    assert len(receipt["repos"]) == 6 and {repo["tag"] for repo in receipt["repos"]} == {"v0.1.0"}
    assert receipt["verified"]["space"] == {"demo-tiny": "skipped: SPACE=skip"}
    assert sorted(path.name for path in (tmp_path / "verify" / "local").iterdir()) == ["receipt.json"]


def test_one_repository_and_wrong_words(published: Published, tmp_path: Path) -> None:
    assert published.check(tmp_path, "--repo", "local/hephaestus-1m-ift").returncode == 0
    for arguments, words in (
        (("--repo", "local/absent"), "no repository local/absent"),
        (("--repo", "local/forge-tiny", "--revision", "v9"), "v9"),
    ):
        done = published.check(tmp_path, *arguments)
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_tampered_release_is_found(published: Published, tmp_path: Path) -> None:
    """Somebody moves the tag to weights that the published list does not name."""
    api = HfApi(endpoint=published.server.url, token=published.server.token)
    name = "local/tinybase-ift"
    tagged = api.model_info(name, revision="v0.1.0").sha
    api.create_branch(name, branch="other")

    def commit(path: str, content: bytes) -> str:
        return api.create_commit(name, [CommitOperationAdd(path, content)], commit_message="More", revision="other").oid

    changed = commit("config.json", b"{}")
    api.delete_tag(name, tag="v0.1.0")
    api.create_tag(name, tag="v0.1.0", revision=changed)
    done = published.check(tmp_path, "--repo", name)
    assert done.returncode == 2 and "config.json came back with sha256" in done.stderr
    done = published.check(tmp_path, "--repo", name, "--revision", commit("more.txt", b"x"))
    assert done.returncode == 2 and "the difference: more.txt" in done.stderr
    api.delete_tag(name, tag="v0.1.0")
    api.create_tag(name, tag="v0.1.0", revision=tagged)
    api.delete_branch(name, branch="other")


def test_a_reviewed_plan_is_applied_as_it_stands(published: Published, tmp_path: Path) -> None:
    release = published.build / "tiny" / "release"
    plan = (release / "plan.jsonl").read_text()
    rows = [json.loads(line) for line in plan.splitlines()]
    assert {row["op"] for row in rows} == {"create", "upload", "card", "tag", "visibility", "settings", "collection"}
    lines = plan.splitlines(keepends=True)
    (release / "plan.jsonl").write_text("".join(lines[1:]))
    done = run_publish(published.build, published.recipe, PLAN="reviewed")
    assert done.returncode == 2 and "line 1: nothing creates dataset local/forge-tiny" in done.stderr
    (release / "plan.jsonl").write_text(plan.replace('"op": "tag"', '"op": "tug"', 1))
    done = run_publish(published.build, published.recipe, PLAN="reviewed")
    assert done.returncode == 2 and "not an operation" in done.stderr
    (release / "plan.jsonl").write_text(plan)
    done = run_publish(
        published.build, published.recipe, PLAN="reviewed", HUB=published.server.url, HF_TOKEN=published.server.token
    )
    assert done.returncode == 2 and "makes local/forge-tiny public, and the recipe says private" in done.stderr
    card = next(release.glob("cards/model-*-ift/README.md"))
    card.write_text(card.read_text() + "more")
    done = run_publish(published.build, published.recipe, PLAN="reviewed")
    assert done.returncode == 2 and "changed since" in done.stderr
