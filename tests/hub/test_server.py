"""The embedded Hub against the real client: what it stores, refuses, and calls by name."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.hub.processes import Server


@pytest.fixture
def api(server: Server) -> HfApi:
    return HfApi(endpoint=server.url, token=server.token)


@pytest.fixture
def repo(api: HfApi, request: pytest.FixtureRequest) -> str:
    name = "local/r" + hashlib.sha256(request.node.name.encode()).hexdigest()[:12]
    api.create_repo(name)
    return name


def request(
    server: Server, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """One request below the client, which would tidy the path."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = (answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    connection.close()
    return found


def weights(size: int, seed: int) -> bytes:
    """Bytes that compress a little, as weights do: float32 near one."""
    import numpy as np

    values = 1 + np.random.default_rng(seed).standard_normal(size // 4, dtype=np.float32) / 100
    return values.astype(np.float32).tobytes()


@pytest.mark.parametrize("way", ["xet", "lfs"])
def test_large_files_arrive_byte_for_byte(
    way: str, api: HfApi, repo: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", way == "lfs")
    seed = 1 if way == "xet" else 2
    data = (
        weights(9_000_003 // 4 * 4, seed) + bytes([seed]) * 100_001 + b"end"
    )  # odd length, and a part that packs well
    file = tmp_path / "model.safetensors"
    file.write_bytes(data)
    before = sum(1 for _ in server.store.glob("xorbs-*/*"))
    api.create_commit(
        repo,
        [CommitOperationAdd("model.safetensors", file), CommitOperationAdd("small.bin", b"\x00\xff" + way.encode())],
        commit_message="add",
    )
    sent_xorbs = sum(1 for _ in server.store.glob("xorbs-*/*")) > before
    assert sent_xorbs == (way == "xet")
    got = api.hf_hub_download(repo, "model.safetensors", cache_dir=tmp_path / "cache")
    assert Path(got).read_bytes() == data
    assert (server.store / "blobs" / hashlib.sha256(data).hexdigest()[:2] / hashlib.sha256(data).hexdigest()).is_file()
    info = api.get_paths_info(repo, ["model.safetensors", "absent"])
    assert [(item.path, item.size, item.lfs.sha256) for item in info] == [
        ("model.safetensors", len(data), hashlib.sha256(data).hexdigest())
    ]


@pytest.mark.parametrize("way", ["xet", "lfs"])
def test_upload_folder_and_second_upload_changes_nothing(
    way: str, api: HfApi, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", way == "lfs")
    folder = tmp_path / "folder"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\ntags: [a, b]\n---\nHello\n")
    (folder / "data" / "ä b%2F.bin").write_bytes(os.urandom(200_000))
    (folder / "empty.txt").write_bytes(b"")
    first = api.upload_folder(repo_id=repo, folder_path=folder)
    second = api.upload_folder(repo_id=repo, folder_path=folder)
    assert first.oid == second.oid
    found = Path(api.snapshot_download(repo, cache_dir=tmp_path / "cache"))
    for file in (item for item in folder.rglob("*") if item.is_file()):
        assert (found / file.relative_to(folder)).read_bytes() == file.read_bytes()
    info = api.model_info(repo)
    assert info.card_data is not None and info.card_data.license == "mit" and info.tags == ["a", "b", "license:mit"]
    listed = {item.path for item in api.list_repo_tree(repo, recursive=True)}
    assert listed == {".gitattributes", "README.md", "data", "data/ä b%2F.bin", "empty.txt"}
    assert [item.path for item in api.list_repo_tree(repo, "data")] == ["data/ä b%2F.bin"]


def test_an_idle_connection_stays_open_longer_than_the_client_keeps_it(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    for pause in (0, 6):  # the client gives an idle connection up after 5 s
        time.sleep(pause)
        sent_from = connection.sock and connection.sock.getsockname()
        connection.request("GET", "/api/models")
        assert connection.getresponse().read() is not None
        assert sent_from in (None, connection.sock.getsockname())
    connection.close()


def test_stale_parent_is_refused_and_changes_nothing(api: HfApi, repo: str) -> None:
    start = api.repo_info(repo).sha
    add = [CommitOperationAdd("a.txt", b"1")]
    head = api.create_commit(repo, add, commit_message="one", parent_commit=start).oid
    with pytest.raises(HfHubHTTPError) as refused:
        api.create_commit(repo, [CommitOperationAdd("a.txt", b"2")], commit_message="two", parent_commit=start)
    assert refused.value.response.status_code == 412
    assert api.repo_info(repo).sha == head
    assert [commit.title for commit in api.list_repo_commits(repo)] == ["one", "initial commit"]


def test_deleting_and_a_missing_deletion(api: HfApi, repo: str) -> None:
    files = [CommitOperationAdd(name, b"x") for name in ("a.txt", "d/1.txt", "d/2.txt")]
    api.create_commit(repo, files, commit_message="add")
    api.create_commit(repo, [CommitOperationDelete("a.txt"), CommitOperationDelete("d/")], commit_message="remove")
    assert api.list_repo_files(repo) == [".gitattributes"]
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, [CommitOperationDelete("a.txt")], commit_message="again")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a//b", ".git/config", "a\\b", "a\x00b", "", "."])
def test_traversal_is_refused(path: str, api: HfApi, repo: str, server: Server) -> None:
    rows = [
        {"key": "header", "value": {"summary": "bad"}},
        {"key": "file", "value": {"path": path, "content": "eA==", "encoding": "base64"}},
    ]
    head = api.repo_info(repo).sha
    body = "\n".join(map(json.dumps, rows)).encode()
    status, _, _ = request(
        server, "POST", f"/api/models/{repo}/commit/main", body, authorization=f"Bearer {server.token}"
    )
    assert status == 400
    assert api.repo_info(repo).sha == head


@pytest.mark.parametrize(
    "path",
    [
        "/local/x/resolve/main/../../../../token",
        "/local/x/resolve/main/%2e%2e%2f%2e%2e%2ftoken",
        "/local/..%2f..%2ftoken/resolve/main/a",
        "/../../../etc/passwd",
        "/lfs/..%2f..%2ftoken/3",
        "/xet/..%2f/v1/xorbs/default/..%2ftoken",
    ],
)
def test_reads_outside_the_store_find_nothing(path: str, server: Server) -> None:
    for method in ("GET", "PUT", "POST"):
        status, _, body = request(server, method, path)
        assert 400 <= status < 500
        assert server.token.encode() not in body


def test_writing_needs_the_token(repo: str, server: Server) -> None:
    for token in (False, "hf_wrong"):
        stranger = HfApi(endpoint=server.url, token=token)
        with pytest.raises(HfHubHTTPError) as refused:
            stranger.create_repo("local/mine")
        assert refused.value.response.status_code == 401
        with pytest.raises(HfHubHTTPError) as refused:
            stranger.create_commit(repo, [CommitOperationAdd("a", b"1")], commit_message="no")
        assert refused.value.response.status_code == 401
        with pytest.raises(HfHubHTTPError) as refused:
            stranger.create_tag(repo, tag="v1")
        assert refused.value.response.status_code == 401
        assert stranger.list_repo_files(repo) == [".gitattributes"]  # reading is free


def test_private_repo_is_not_there_for_strangers(api: HfApi, server: Server) -> None:
    api.create_repo("local/secret", private=True)
    assert api.model_info("local/secret").private
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=server.url, token=False).model_info("local/secret")
    _, _, page = request(server, "GET", "/")
    assert b"local/secret" not in page


def test_ranges_and_etags(api: HfApi, repo: str, server: Server) -> None:
    data = bytes(range(256)) * 20
    api.upload_file(path_or_fileobj=data, path_in_repo="a.bin", repo_id=repo)
    path = f"/{repo}/resolve/main/a.bin"
    status, headers, body = request(server, "GET", path, Range="bytes=100-199")
    assert (status, body) == (206, data[100:200])
    assert headers["content-range"] == f"bytes 100-199/{len(data)}"
    assert headers["x-linked-etag"].strip('"') == hashlib.sha256(data).hexdigest()
    assert request(server, "GET", path, Range="bytes=5000-")[2] == data[5000:]
    assert request(server, "GET", path, Range="bytes=99999-")[0] == 416
    status, headers, body = request(server, "HEAD", path)
    assert (status, headers["content-length"], body) == (200, str(len(data)), b"")
    assert request(server, "GET", path, **{"If-None-Match": headers["etag"]})[0] == 304


def test_tags_and_branches(api: HfApi, repo: str, tmp_path: Path) -> None:
    api.upload_file(path_or_fileobj=b"one", path_in_repo="a.txt", repo_id=repo)
    api.create_tag(repo, tag="v1")
    api.create_branch(repo, branch="next/big")
    api.upload_file(path_or_fileobj=b"two", path_in_repo="a.txt", repo_id=repo, revision="next/big")
    read = {
        revision: Path(api.hf_hub_download(repo, "a.txt", revision=revision, cache_dir=tmp_path)).read_bytes()
        for revision in ("v1", "main", "next/big", "refs/heads/next/big")
    }
    assert read == {"v1": b"one", "main": b"one", "next/big": b"two", "refs/heads/next/big": b"two"}
    refs = api.list_repo_refs(repo)
    assert [tag.name for tag in refs.tags] == ["v1"]
    assert [branch.name for branch in refs.branches] == ["main", "next/big"]
    with pytest.raises(HfHubHTTPError) as refused:
        api.create_tag(repo, tag="v1")
    assert refused.value.response.status_code == 409
    api.delete_tag(repo, tag="v1")
    assert api.list_repo_refs(repo).tags == []


def test_missing_things_have_their_names(api: HfApi, repo: str, tmp_path: Path) -> None:
    with pytest.raises(EntryNotFoundError):
        api.hf_hub_download(repo, "absent.txt", cache_dir=tmp_path)
    with pytest.raises(RevisionNotFoundError):
        api.hf_hub_download(repo, "a.txt", revision="absent", cache_dir=tmp_path)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("local/absent")
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info(repo)  # a model of that name is no dataset


def test_repos_of_three_kinds_are_apart(api: HfApi) -> None:
    for kind in ("model", "dataset", "space"):
        url = api.create_repo("local/same", repo_type=kind, space_sdk="gradio" if kind == "space" else None)
        assert url.repo_type == kind and url.repo_id == "local/same"
        api.upload_file(path_or_fileobj=kind.encode(), path_in_repo="kind.txt", repo_id="local/same", repo_type=kind)
    with pytest.raises(HfHubHTTPError) as refused:
        api.create_repo("local/same")
    assert refused.value.response.status_code == 409
    api.create_repo("local/same", exist_ok=True)
    assert api.space_info("local/same").sdk == "gradio"
    api.delete_repo("local/same", repo_type="dataset")
    assert not api.repo_exists("local/same", repo_type="dataset")
    assert api.repo_exists("local/same")


def test_wrong_bytes_and_forged_addresses_are_refused(api: HfApi, repo: str, server: Server) -> None:
    oid = hashlib.sha256(b"right").hexdigest()
    body = json.dumps({"operation": "upload", "objects": [{"oid": oid, "size": 5}]}).encode()
    authorization = f"Bearer {server.token}"
    _, _, answer = request(server, "POST", f"/{repo}.git/info/lfs/objects/batch", body, authorization=authorization)
    address = json.loads(answer)["objects"][0]["actions"]["upload"]["href"].removeprefix(server.url)
    assert request(server, "PUT", address, b"wrong")[0] == 400
    assert request(server, "PUT", address, b"right and more")[0] == 413
    assert request(server, "PUT", address[:-1] + "x", b"right")[0] == 401
    assert not list((server.store / "incoming").iterdir())
    assert request(server, "PUT", address, b"right")[0] == 200
    rows = [{"key": "header", "value": {"summary": "s"}}]
    rows += [{"key": "lfsFile", "value": {"path": "a.bin", "algo": "sha256", "oid": "0" * 64}}]
    body = "\n".join(map(json.dumps, rows)).encode()
    assert request(server, "POST", f"/api/models/{repo}/commit/main", body, authorization=authorization)[0] == 400


def test_only_loopback_names_are_served(server: Server) -> None:
    assert request(server, "GET", "/", Host="evil.example")[0] == 400
    assert request(server, "GET", "/", Host="localhost")[0] == 200


def test_pages_show_cards_and_run_nothing(api: HfApi, repo: str, server: Server) -> None:
    api.upload_file(path_or_fileobj=b"# Card <script>alert(1)</script>", path_in_repo="README.md", repo_id=repo)
    _, _, index = request(server, "GET", "/")
    assert f'href="/{repo}"'.encode() in index
    status, headers, page = request(server, "GET", f"/{repo}")
    assert status == 200 and b"Card &lt;script&gt;" in page and b"<script" not in page
    assert "default-src 'none'" in headers["content-security-policy"]


def test_large_trees_come_in_pages(api: HfApi, repo: str) -> None:
    names = {f"d/{number:04}.txt" for number in range(1100)}
    api.create_commit(repo, [CommitOperationAdd(name, b"x") for name in sorted(names)], commit_message="many")
    assert {item.path for item in api.list_repo_tree(repo, "d")} == names
    assert sum(1 for _ in api.list_repo_tree(repo, "d", expand=True)) == 1100
