"""Kills at random moments, writers at once, and damaged blobs: nothing is lost, and nothing wrong is given out."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError

from hub.local.blobs import Blobs
from hub.local.database import Database
from hub.local.oids import git_oid
from hub.local.xet_format import MAX_XORB_BYTES
from tests.hub.processes import Server, clean_environment, start_server
from tests.hub.test_server import api, repo, request  # noqa: F401

WRITER = """
import os, sys
from huggingface_hub import CommitOperationAdd, HfApi
api, first = HfApi(endpoint=sys.argv[1], token=sys.argv[2]), int(sys.argv[3])
for turn in range(first, first + 10_000):
    files = [CommitOperationAdd(f"c{turn}/{n}.txt", b"x%d" % turn) for n in range(10)]
    files.append(CommitOperationAdd(f"c{turn}/w.bin", os.urandom(300_000)))
    done = api.create_commit("local/m", files, commit_message=f"c{turn}")
    print(turn, done.oid, flush=True)
    api.create_tag("local/m", tag=f"t{turn}")
"""


def check(server: Server, confirmed: dict[int, str]) -> None:
    """Every confirmed commit is there; each commit has all of its files, with the bytes their ids name."""
    api = HfApi(endpoint=server.url, token=server.token)  # noqa: F811
    commits = {one.title: one.commit_id for one in api.list_repo_commits("local/m")}
    assert {f"c{turn}": oid for turn, oid in confirmed.items()}.items() <= commits.items()
    files = set(api.list_repo_files("local/m"))
    titles = commits.keys() - {"initial commit"}
    names = [*(f"{number}.txt" for number in range(10)), "w.bin"]
    assert files == {".gitattributes", *(f"{title}/{name}" for title in titles for name in names)}
    for tag in api.list_repo_refs("local/m").tags:
        assert commits["c" + tag.name[1:]] == tag.target_commit
    # The ids are recomputed from the disk, without the server.
    blobs, database = Blobs(server.store), Database(server.store / "hub.sqlite")
    (found,) = database.repos("model")
    for path, entry in database.tree(found, database.commit_of(found, "main").id).items():
        content = blobs.path(entry.sha256).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.sha256 and len(content) == entry.size, path
        assert entry.lfs or git_oid(content) == entry.oid
    assert database.rows("PRAGMA integrity_check") == [("ok",)]


def kill_again_and_again(build: Path, times: int, way: str) -> None:
    source = random.Random(times)
    server = start_server(build)
    HfApi(endpoint=server.url, token=server.token).create_repo("local/m")
    confirmed: dict[int, str] = {}
    for turn in range(times):
        command = [sys.executable, "-c", WRITER, server.url, server.token, str(turn * 10_000)]
        names = clean_environment(build, HF_HUB_DISABLE_XET="1" if way == "lfs" else "0", NO_PROXY="127.0.0.1")
        writer = subprocess.Popen(command, env=names, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert writer.stdout
        lines = [writer.stdout.readline()]  # it has begun
        killer = threading.Timer(source.uniform(0.0, 0.4), kill_both, (server, writer))
        killer.start()
        lines += writer.stdout.readlines()
        killer.join()
        writer.wait(10)
        confirmed |= {int(number): oid for number, oid in (line.split() for line in lines if line.count(" ") == 1)}
        server = start_server(build)
        assert not list((server.store / "incoming").iterdir())
        check(server, confirmed)
    server.kill()
    assert len(confirmed) >= times


def kill_both(server: Server, writer: subprocess.Popen[str]) -> None:
    server.kill()
    writer.kill()  # it would go on trying to reach the server


@pytest.mark.parametrize("way", ["lfs", "xet"])
def test_kills_at_random_moments(way: str, tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 3, way)


@pytest.mark.slow
def test_many_kills_at_random_moments(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path, 40, "lfs")


def test_writers_at_once_queue_up(api: HfApi, repo: str) -> None:  # noqa: F811
    def write(number: int) -> str:
        operation = CommitOperationAdd(f"{number}.bin", os.urandom(20_000))
        return api.create_commit(repo, [operation], commit_message=str(number)).oid

    with ThreadPoolExecutor(8) as pool:
        oids = list(pool.map(write, range(40)))
    history = api.list_repo_commits(repo)
    assert {one.commit_id for one in history} >= set(oids) and len(history) == 41
    assert len(api.list_repo_files(repo)) == 41


def test_of_writers_on_one_parent_one_wins(api: HfApi, repo: str) -> None:  # noqa: F811
    head = api.repo_info(repo).sha

    def write(number: int) -> int:
        operation = CommitOperationAdd("a.txt", str(number).encode())
        try:
            api.create_commit(repo, [operation], commit_message=str(number), parent_commit=head)
            return 200
        except HfHubHTTPError as error:
            return error.response.status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(12))) == [200] + [412] * 11
    assert len(api.list_repo_commits(repo)) == 2


def damage(server: Server, sha256: str, place: int) -> Path:
    blob = server.store / "blobs" / sha256[:2] / sha256
    with blob.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)
        stream.seek(place)
        stream.write(bytes([byte[0] ^ 1]))
    return blob


@pytest.mark.parametrize("size", [10, 5_000_000])
def test_a_damaged_blob_is_named_and_never_given_out(
    size: int,
    api: HfApi,  # noqa: F811
    repo: str,  # noqa: F811
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    data = b"\x00" + os.urandom(size)
    api.upload_file(path_or_fileobj=data, path_in_repo="w.bin", repo_id=repo)
    sha256, path = hashlib.sha256(data).hexdigest(), f"/{repo}/resolve/main/w.bin"
    assert request(server, "GET", path)[2] == data
    damage(server, sha256, size - 1)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.request("GET", path)
    answer = connection.getresponse()
    if answer.status == 200:  # a large one shows its damage at the end: the connection breaks before the last byte
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    else:
        assert answer.status == 410 and sha256 in json.loads(answer.read())["error"]
    connection.close()
    for headers in ({}, {"Range": "bytes=0-3"}, {"Range": f"bytes={size - 2}-"}):
        status, _, body = request(server, "GET", path, **headers)
        assert status == 410 and sha256.encode() in body
    with pytest.raises(HfHubHTTPError, match=f"{sha256} of w.bin is damaged"):
        api.hf_hub_download(repo, "w.bin", cache_dir=tmp_path / "cache")
    again = CommitOperationAdd("again.bin", data)  # sending it again mends it
    api.create_commit(repo, [again], commit_message="again")
    assert request(server, "GET", path)[2] == data
    assert Path(api.hf_hub_download(repo, "w.bin", cache_dir=tmp_path / "cache")).read_bytes() == data


def test_a_lost_or_short_blob_is_named(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    data = os.urandom(100_000)
    api.upload_file(path_or_fileobj=data, path_in_repo="w.bin", repo_id=repo)
    blob = damage(server, hashlib.sha256(data).hexdigest(), 0)
    os.truncate(blob, 99_999)
    assert request(server, "GET", f"/{repo}/resolve/main/w.bin", Range="bytes=0-3")[0] == 410
    blob.unlink()
    assert request(server, "GET", f"/{repo}/resolve/main/w.bin")[0] == 410


def test_a_part_of_a_blob_that_was_never_read_whole_is_checked(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    data = os.urandom(3_000_000)
    api.upload_file(path_or_fileobj=data, path_in_repo="w.bin", repo_id=repo)
    damage(server, hashlib.sha256(data).hexdigest(), 2_999_999)
    assert request(server, "GET", f"/{repo}/resolve/main/w.bin", Range="bytes=0-3")[0] == 410


def test_a_client_that_goes_away_leaves_nothing(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    data = os.urandom(8_000_000)
    api.upload_file(path_or_fileobj=data, path_in_repo="w.bin", repo_id=repo)
    for _ in range(5):
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
        connection.request("GET", f"/{repo}/resolve/main/w.bin")
        connection.getresponse().read(1000)
        connection.close()
    time.sleep(0.5)
    opened = [os.readlink(link) for link in Path(f"/proc/{server.process.pid}/fd").iterdir() if link.is_symlink()]
    assert not [name for name in opened if "/blobs/" in name]


def test_incompressible_files_fill_whole_xorbs(api: HfApi, repo: str, tmp_path: Path) -> None:  # noqa: F811
    """A full xorb is larger than its 64 MiB of content: each chunk has a header."""
    file = tmp_path / "random.bin"
    file.write_bytes(os.urandom(MAX_XORB_BYTES + 1))
    api.upload_file(path_or_fileobj=file, path_in_repo="random.bin", repo_id=repo)
    assert Path(api.hf_hub_download(repo, "random.bin", cache_dir=tmp_path)).read_bytes() == file.read_bytes()


def memory(server: Server, key: str) -> float:
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1e3


@pytest.mark.slow
@pytest.mark.parametrize("way", ["lfs", "xet"])
def test_five_gigabytes_at_constant_memory(way: str, tmp_path: Path) -> None:
    server = start_server(tmp_path)
    file = tmp_path / "large.bin"
    with file.open("wb") as stream:
        for number in range(50):  # what is not zero differs from place to place
            stream.seek(number * 100_000_000)
            stream.write(random.Random(number).randbytes(2_000_000))
        stream.truncate(5_000_000_000)
    code = "import sys; from huggingface_hub import HfApi; api = HfApi(endpoint=sys.argv[1], token=sys.argv[2]);"
    code += "api.create_repo('local/m');"
    code += "api.upload_file(path_or_fileobj=sys.argv[3], path_in_repo='l.bin', repo_id='local/m');"
    code += "print(api.hf_hub_download('local/m', 'l.bin', cache_dir=sys.argv[4]))"
    names = clean_environment(tmp_path, HF_HUB_DISABLE_XET="1" if way == "lfs" else "0", HF_HOME=str(tmp_path / "home"))
    start = memory(server, "VmRSS")
    command = [sys.executable, "-c", code, server.url, server.token, str(file), str(tmp_path / "cache")]
    done = subprocess.run(command, env=names, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    peak = memory(server, "VmHWM")
    server.kill()
    got = Path(done.stdout.split()[-1])
    assert subprocess.run(["cmp", got, file]).returncode == 0
    assert peak < start + 250, f"{start:.0f} MB before, {peak:.0f} MB at most"
