"""Other programs on the embedded Hub, unchanged: the `hf` command, datasets, transformers, file systems, folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import CommitScheduler, HfApi, HfFileSystem, constants
from huggingface_hub.errors import EntryNotFoundError

from tests.hub.processes import Server, clean_environment
from tests.hub.test_server import api, repo  # noqa: F401

HF = Path(sys.executable).with_name("hf")


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> dict[str, str]:
    names = {"HF_ENDPOINT": server.url, "HF_TOKEN": server.token, "HF_HOME": str(tmp_path / "home")}
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return clean_environment(tmp_path, **names, **quiet, NO_PROXY="127.0.0.1", NO_COLOR="1")


def test_the_hf_command(environment: dict[str, str], tmp_path: Path) -> None:
    def hf(*arguments: str, ends: int = 0) -> str:
        done = subprocess.run([HF, *arguments], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == ends, f"{arguments}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    folder = tmp_path / "up"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "data.bin").write_bytes(os.urandom(100_000))
    assert "local" in hf("auth", "whoami")
    hf("repos", "create", "local/cli", "--type", "dataset")
    hf("upload", "local/cli", str(folder), ".", "--repo-type", "dataset")
    hf("repos", "tag", "create", "local/cli", "v1", "--type", "dataset")
    hf("repos", "branch", "create", "local/cli", "next", "--type", "dataset")
    assert "v1" in hf("repos", "tag", "list", "local/cli", "--type", "dataset")
    hf("download", "local/cli", "--repo-type", "dataset", "--revision", "v1", "--local-dir", str(tmp_path / "down"))
    for name in ("README.md", "data.bin"):
        assert (tmp_path / "down" / name).read_bytes() == (folder / name).read_bytes()
    assert "local/cli" in hf("datasets", "list", "--author", "local", "--format", "json")
    assert "not found" in hf("download", "local/absent", ends=1).lower()
    hf("repos", "delete", "local/cli", "--type", "dataset", "--yes")


def test_datasets_loads_and_streams(environment: dict[str, str], server: Server, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    client = HfApi(endpoint=server.url, token=server.token)
    client.create_repo("local/rows", repo_type="dataset", private=True)
    card = "---\nconfigs:\n- config_name: a\n  data_files: [{split: train, path: a/*.parquet}]\n---\n"
    (tmp_path / "rows" / "a").mkdir(parents=True)
    (tmp_path / "rows" / "README.md").write_text(card)
    for part in range(2):
        table = pa.table({"n": list(range(part * 1000, part * 1000 + 1000)), "text": ["row"] * 1000})
        pq.write_table(table, tmp_path / "rows" / "a" / f"{part}.parquet", row_group_size=100)
    client.upload_folder(repo_id="local/rows", folder_path=tmp_path / "rows", repo_type="dataset")
    program = """
import json
from datasets import get_dataset_config_names, load_dataset
whole = load_dataset("local/rows", "a", split="train")
stream = load_dataset("local/rows", "a", split="train", streaming=True)
configs = get_dataset_config_names("local/rows")
print(json.dumps([whole.num_rows, sum(whole["n"]), sum(row["n"] for row in stream), configs]))
"""
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [2000, 1_999_000, 1_999_000, ["a"]]


def test_transformers_pushes_and_loads(environment: dict[str, str]) -> None:
    program = """
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
torch.manual_seed(0)
sizes = dict(vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
model = LlamaForCausalLM(LlamaConfig(**sizes))
model.push_to_hub("local/tiny")
again = AutoModelForCausalLM.from_pretrained("local/tiny")
ids = torch.arange(8)[None]
print("same", torch.equal(model(ids).logits, again(ids).logits))
"""
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "same True" in done.stdout, done.stderr[-3000:]


def test_the_file_system(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    files = HfFileSystem(endpoint=server.url, token=server.token)
    data = os.urandom(300_000)
    with files.open(f"{repo}/d/a.bin", "wb") as stream:
        stream.write(data)
    with files.open(f"{repo}/d/a.bin", "rb") as stream:
        stream.seek(123_456)
        assert stream.read(1000) == data[123_456:124_456]
    assert files.ls(f"{repo}/d", detail=False) == [f"{repo}/d/a.bin"]
    assert files.glob(f"{repo}/**/*.bin") == [f"{repo}/d/a.bin"]
    files.cp_file(f"{repo}/d/a.bin", f"{repo}/b.bin")
    files.rm(f"{repo}/d/a.bin")
    assert files.cat(f"{repo}/b.bin") == data and not files.exists(f"{repo}/d")
    assert files.info(f"{repo}/b.bin")["size"] == 300_000
    with pytest.raises(FileNotFoundError):
        files.open(f"{repo}/absent", "rb")
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(repo, "absent")


@pytest.mark.parametrize("way", ["xet", "lfs"])
def test_ten_thousand_files(way: str, api: HfApi, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """A folder of many files arrives whole; the second time nothing is sent. Without Xet it is one commit."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", way == "lfs")
    folder = tmp_path / "many"
    for number in range(10_000):
        path = folder / f"{number % 100:02}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number % 1000))
    if way == "xet":
        for path in list(folder.iterdir())[10:]:  # the pipeline's own pauses make the whole folder slow
            for file in path.iterdir():
                file.unlink()
    api.upload_folder(repo_id=repo, folder_path=folder)
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert set(api.list_repo_files(repo)) == {".gitattributes", *names}
    head = api.repo_info(repo).sha
    assert api.upload_folder(repo_id=repo, folder_path=folder).oid == head
    assert len(list(api.list_repo_tree(repo))) == len({name.split("/")[0] for name in names}) + 1


def test_a_commit_scheduler(api: HfApi, repo: str, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "log").mkdir()
    scheduler = CommitScheduler(repo_id=repo, folder_path=tmp_path / "log", every=60, hf_api=api)
    with scheduler.lock:
        (tmp_path / "log" / "a.jsonl").write_text("{}\n")
    scheduler.trigger().result()
    scheduler.stop()
    assert "a.jsonl" in api.list_repo_files(repo)
