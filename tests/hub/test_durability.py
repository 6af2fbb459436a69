"""What is left after kill -9: whole commits and whole blobs, and the same command goes on from there."""

from __future__ import annotations

import hashlib
import http.client
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants

from tests.hub.processes import ROOT, clean_environment, start_server


def test_killed_in_mid_upload_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    server = start_server(tmp_path)
    api = HfApi(endpoint=server.url, token=server.token)
    api.create_repo("local/m")
    first = api.create_commit("local/m", [CommitOperationAdd("a.bin", b"\x00" * 1000)], commit_message="a").oid
    data = bytes(range(256)) * 40_000
    oid = hashlib.sha256(data).hexdigest()
    half = _start_put(server.url, server.token, oid, data)
    _wait_for(lambda: any(file.stat().st_size for file in (server.store / "incoming").iterdir()))
    server.kill()
    half.close()
    assert not (server.store / "blobs" / oid[:2] / oid).exists()

    server = start_server(tmp_path)
    try:
        assert not list((server.store / "incoming").iterdir())
        api = HfApi(endpoint=server.url, token=server.token)
        assert api.repo_info("local/m").sha == first
        file = tmp_path / "b.bin"
        file.write_bytes(data)
        api.create_commit("local/m", [CommitOperationAdd("b.bin", file)], commit_message="b")
        assert Path(api.hf_hub_download("local/m", "b.bin", cache_dir=tmp_path / "cache")).read_bytes() == data
        assert api.list_repo_files("local/m") == [".gitattributes", "a.bin", "b.bin"]
    finally:
        server.kill()


def _start_put(url: str, token: str, oid: str, data: bytes) -> http.client.HTTPConnection:
    """Send half of an upload and keep the connection open."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    body = json.dumps({"operation": "upload", "objects": [{"oid": oid, "size": len(data)}]})
    headers = {"Authorization": f"Bearer {token}"}
    connection.request("POST", "/local/m.git/info/lfs/objects/batch", body, headers)
    address = json.loads(connection.getresponse().read())["objects"][0]["actions"]["upload"]["href"]
    connection.putrequest("PUT", address.removeprefix(url))
    connection.putheader("Content-Length", str(len(data)))
    connection.endheaders()
    connection.send(data[: len(data) // 2])
    return connection


def _wait_for(condition) -> None:  # type: ignore[no-untyped-def]
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends, "waited 20 s in vain"
        time.sleep(0.01)


def test_a_commit_is_whole_or_absent_after_kill(tmp_path: Path) -> None:
    """Kill while commits of 40 files come one after the other: each that is there has all of its files."""
    server = start_server(tmp_path)
    HfApi(endpoint=server.url, token=server.token).create_repo("local/m")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, server.url, server.token],
        env=clean_environment(tmp_path),
        stderr=subprocess.DEVNULL,
    )
    database = server.store / "hub.sqlite"
    _wait_for(lambda: _commits(database) >= 3)
    server.kill()
    writer.kill()
    writer.wait(10)

    server = start_server(tmp_path)
    try:
        api = HfApi(endpoint=server.url, token=server.token)
        titles = [commit.title for commit in api.list_repo_commits("local/m")]
        assert titles[-1] == "initial commit" and len(titles) >= 3
        expected = {f"{title}/{number}.txt" for title in titles[:-1] for number in range(40)}
        assert set(api.list_repo_files("local/m")) == {".gitattributes", *expected}
        assert sqlite3.connect(database).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        server.kill()


WRITER = """
import sys
from huggingface_hub import CommitOperationAdd, HfApi
api = HfApi(endpoint=sys.argv[1], token=sys.argv[2])
for turn in range(1000):
    files = [CommitOperationAdd(f"c{turn}/{n}.txt", b"x%d" % turn) for n in range(40)]
    api.create_commit("local/m", files, commit_message=f"c{turn}")
"""


def _commits(database: Path) -> int:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM commits").fetchone()[0])
    finally:
        connection.close()


def test_server_ends_with_the_command_that_started_it(tmp_path: Path) -> None:
    server = start_server(tmp_path)
    assert server.process.stdin
    server.process.stdin.close()
    assert server.process.wait(10) == 0


def test_a_store_has_one_server(tmp_path: Path) -> None:
    server = start_server(tmp_path)
    try:
        second = subprocess.run(
            [sys.executable, "-m", "hub.local", "--port", "0"],
            cwd=ROOT,
            env=clean_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 2
        assert server.url in second.stderr and len(second.stderr.splitlines()) == 1
    finally:
        server.kill()
