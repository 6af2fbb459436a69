"""Commits beyond adding files, through the real client: copies, pull requests, squashing, listings; collections."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi, constants
from huggingface_hub.errors import BadRequestError, EntryNotFoundError, HfHubHTTPError, RevisionNotFoundError

from tests.hub.processes import Server
from tests.hub.test_server import api, repo, request  # noqa: F401


def read(client: HfApi, name: str, path: str, cache: Path, revision: str = "main") -> bytes:
    return Path(client.hf_hub_download(name, path, revision=revision, cache_dir=cache)).read_bytes()


def test_copies_of_regular_and_large_files(api: HfApi, repo: str, tmp_path: Path) -> None:  # noqa: F811
    files = [CommitOperationAdd("a.txt", b"small"), CommitOperationAdd("w.bin", b"\x00large" * 500)]
    first = api.create_commit(repo, files, commit_message="add").oid
    copies = [CommitOperationCopy("a.txt", "b/a.txt"), CommitOperationCopy("w.bin", "b/w.bin")]
    moves = [*copies, CommitOperationDelete("a.txt"), CommitOperationDelete("w.bin")]
    api.create_commit(repo, moves, commit_message="move")
    assert api.list_repo_files(repo) == [".gitattributes", "b/a.txt", "b/w.bin"]
    assert (
        read(api, repo, "b/a.txt", tmp_path) == b"small" and read(api, repo, "b/w.bin", tmp_path) == b"\x00large" * 500
    )
    api.create_commit(repo, [CommitOperationCopy("w.bin", "old.bin", src_revision=first)], commit_message="back")
    assert read(api, repo, "old.bin", tmp_path) == b"\x00large" * 500
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, [CommitOperationCopy("absent", "c")], commit_message="no")


def test_the_copy_operation_of_the_protocol(api: HfApi, repo: str, server: Server, tmp_path: Path) -> None:  # noqa: F811
    api.upload_file(path_or_fileobj=b"1", path_in_repo="a.txt", repo_id=repo)

    def commit(value: dict[str, str]) -> int:
        rows = [{"key": "header", "value": {"summary": "copy"}}, {"key": "copyFile", "value": value}]
        body = "\n".join(map(json.dumps, rows)).encode()
        path = f"/api/models/{repo}/commit/main"
        return request(server, "POST", path, body, authorization=f"Bearer {server.token}")[0]

    assert commit({"path": "b.txt", "srcPath": "a.txt"}) == 200
    assert read(api, repo, "b.txt", tmp_path) == b"1"
    assert commit({"path": "c.txt", "srcPath": "absent"}) == 404
    assert commit({"path": "a.txt/x", "srcPath": "b.txt"}) == 400  # a file and a folder at once
    assert commit({"path": "../x", "srcPath": "b.txt"}) == 400


def test_a_pull_request_from_opening_to_merging(api: HfApi, repo: str, tmp_path: Path) -> None:  # noqa: F811
    files = [CommitOperationAdd("a.txt", b"one\n"), CommitOperationAdd("b.txt", b"one\n")]
    head = api.create_commit(repo, files, commit_message="files").oid
    change = [CommitOperationAdd("a.txt", b"two\n"), CommitOperationDelete("b.txt")]
    done = api.create_commit(
        repo, change, commit_message="Better a", commit_description="why", create_pr=True, parent_commit=head
    )
    assert done.pr_num == 1 and done.pr_url and done.pr_url.endswith("/discussions/1")
    assert (
        read(api, repo, "a.txt", tmp_path, "refs/pr/1") == b"two\n" and read(api, repo, "a.txt", tmp_path) == b"one\n"
    )
    details = api.get_discussion_details(repo, 1)
    assert (details.title, details.status, details.is_pull_request) == ("Better a", "open", True)
    assert [event.type for event in details.events] == ["comment", "commit"]
    assert details.conflicting_files == [] and details.target_branch == "refs/heads/main"
    assert details.diff and "-one" in details.diff and "+two" in details.diff
    assert [ref.ref for ref in api.list_repo_refs(repo, include_pull_requests=True).pull_requests or []] == [
        "refs/pr/1"
    ]
    with pytest.raises(RevisionNotFoundError):
        more = [CommitOperationAdd("a.txt", b"three")]
        api.create_commit(repo, more, commit_message="x", create_pr=True, parent_commit="0" * 40)
    assert len(list(api.get_repo_discussions(repo))) == 1  # the refused one left nothing

    api.upload_file(path_or_fileobj=b"c", path_in_repo="c.txt", repo_id=repo)
    api.merge_pull_request(repo, 1)
    assert api.list_repo_files(repo) == [".gitattributes", "a.txt", "c.txt"]
    assert api.list_repo_commits(repo)[0].title == "Better a (#1)"
    assert api.get_discussion_details(repo, 1).merge_commit_oid == api.repo_info(repo).sha


def test_a_pull_request_that_conflicts_is_not_merged(api: HfApi, repo: str) -> None:  # noqa: F811
    api.upload_file(path_or_fileobj=b"2", path_in_repo="a.txt", repo_id=repo, create_pr=True)
    api.upload_file(path_or_fileobj=b"3", path_in_repo="a.txt", repo_id=repo)
    assert api.get_discussion_details(repo, 1).conflicting_files == ["a.txt"]
    with pytest.raises(HfHubHTTPError, match="conflicts") as refused:
        api.merge_pull_request(repo, 1)
    assert refused.value.response.status_code == 409


def test_discussions(api: HfApi, repo: str) -> None:  # noqa: F811
    found = api.create_discussion(repo, "A question", description="What <b>is</b> it?")
    assert found.num == 1 and not found.is_pull_request and found.events[0].content == "What <b>is</b> it?"  # type: ignore[attr-defined]
    comment = api.comment_discussion(repo, 1, "An answer")
    edited = api.edit_discussion_comment(repo, 1, comment.id, "A better answer")
    assert edited.content == "A better answer" and edited.edited
    assert api.hide_discussion_comment(repo, 1, comment.id).hidden
    assert api.rename_discussion(repo, 1, "Another title").new_title == "Another title"
    assert api.change_discussion_status(repo, 1, "closed").new_status == "closed"
    draft = api.create_pull_request(repo, "Later")
    assert draft.num == 2 and draft.status == "draft" and draft.git_reference == "refs/pr/2"
    listed = list(api.get_repo_discussions(repo))
    assert [(one.num, one.title, one.status) for one in listed] == [
        (2, "Later", "draft"),
        (1, "Another title", "closed"),
    ]
    assert [one.num for one in api.get_repo_discussions(repo, discussion_type="pull_request")] == [2]
    with pytest.raises(HfHubHTTPError) as absent:
        api.get_discussion_details(repo, 99)
    assert absent.value.response.status_code == 404


def test_squashing_keeps_files_and_forgets_history(api: HfApi, repo: str) -> None:  # noqa: F811
    for number in range(3):
        api.upload_file(path_or_fileobj=b"%d" % number, path_in_repo=f"{number}.txt", repo_id=repo)
    files = api.list_repo_files(repo)
    api.create_branch(repo, branch="kept")
    api.super_squash_history(repo, commit_message="All of it")
    assert [commit.title for commit in api.list_repo_commits(repo)] == ["All of it"]
    assert api.list_repo_files(repo) == files
    assert len(api.list_repo_commits(repo, revision="kept")) == 4
    with pytest.raises(RevisionNotFoundError):
        api.super_squash_history(repo, branch="absent")


def test_each_file_names_the_commit_that_changed_it(api: HfApi, repo: str) -> None:  # noqa: F811
    api.create_commit(repo, [CommitOperationAdd("d/a", b"1"), CommitOperationAdd("b", b"1")], commit_message="first")
    api.create_commit(repo, [CommitOperationAdd("d/a", b"2")], commit_message="second")
    api.create_commit(repo, [CommitOperationAdd("c", b"3")], commit_message="third")
    rows = {row.path: row.last_commit.title for row in api.list_repo_tree(repo, recursive=True, expand=True)}  # type: ignore[union-attr]
    assert rows == {".gitattributes": "initial commit", "d": "second", "d/a": "second", "b": "first", "c": "third"}
    (row,) = api.get_paths_info(repo, ["d/a"], expand=True)
    assert row.last_commit is not None and row.last_commit.oid == api.list_repo_commits(repo)[1].commit_id


def test_commit_list_and_paths_come_in_pages(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    for number in range(5):
        api.upload_file(path_or_fileobj=b"%d" % number, path_in_repo="a.txt", repo_id=repo)
    path, titles = f"/api/models/{repo}/commits/main?limit=2", []
    while path:
        _, headers, body = request(server, "GET", path)
        titles += [row["title"] for row in json.loads(body)]
        link = headers.get("link", "")
        path = link.partition("<")[2].partition(">")[0].removeprefix(server.url)
    assert len(titles) == 6 and titles[-1] == "initial commit"


def test_refs_that_cannot_be(api: HfApi, repo: str) -> None:  # noqa: F811
    for call in (
        lambda: api.create_branch(repo, branch="refs/pr/5"),
        lambda: api.create_branch(repo, branch="a..b"),
        lambda: api.delete_branch(repo, branch="main"),
        lambda: api.create_tag(repo, tag="has space"),
    ):
        with pytest.raises(BadRequestError):
            call()
    api.create_branch(repo, branch="x")
    api.create_branch(repo, branch="x", exist_ok=True)
    with pytest.raises(HfHubHTTPError, match="already exists") as taken:
        api.create_branch(repo, branch="x")
    assert taken.value.response.status_code == 409
    with pytest.raises(RevisionNotFoundError):
        api.create_branch(repo, branch="y", revision="absent")
    api.create_tag(repo, tag="v1")
    with pytest.raises(BadRequestError):  # tags do not move by commits
        api.upload_file(path_or_fileobj=b"1", path_in_repo="a", repo_id=repo, revision="refs/tags/v1")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(repo, tag="absent")


def test_an_upload_in_parts(api: HfApi, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    file = tmp_path / "big.bin"
    with file.open("wb") as stream:
        stream.write(b"start")
        stream.truncate((130 << 20) + 3)  # three parts
    parts: list[str] = []
    from huggingface_hub import lfs

    original = lfs._get_sorted_parts_urls
    monkeypatch.setattr(
        lfs, "_get_sorted_parts_urls", lambda **names: parts.extend(original(**names)) or original(**names)
    )
    api.upload_file(path_or_fileobj=file, path_in_repo="big.bin", repo_id=repo)
    assert len(parts) == 3
    got = Path(api.hf_hub_download(repo, "big.bin", cache_dir=tmp_path / "cache"))
    assert got.stat().st_size == file.stat().st_size
    with got.open("rb") as one, file.open("rb") as other:
        while piece := one.read(1 << 22):
            assert piece == other.read(1 << 22)


def test_duplicating_and_collections(api: HfApi, repo: str, tmp_path: Path) -> None:  # noqa: F811
    api.create_commit(repo, [CommitOperationAdd("w.bin", b"\x00w" * 99)], commit_message="w")
    copy = api.duplicate_repo(repo, to_id=repo + "-copy")
    assert read(api, copy.repo_id, "w.bin", tmp_path) == b"\x00w" * 99
    made = api.create_collection("Release of all", description="three repositories", private=True)
    again = api.create_collection("Release of all", exists_ok=True)
    assert again.slug == made.slug and made.slug.startswith("local/release-of-all-")
    added = api.add_collection_item(made.slug, repo, "model", note="weights")
    assert [(item.item_id, item.note) for item in added.items] == [(repo, "weights")]
    api.add_collection_item(made.slug, copy.repo_id, "model")
    api.add_collection_item(made.slug, copy.repo_id, "model", exists_ok=True)
    with pytest.raises(HfHubHTTPError):
        api.add_collection_item(made.slug, "local/absent", "model")
    items = api.get_collection(made.slug).items
    api.update_collection_item(made.slug, items[1].item_object_id, position=0)
    assert [item.item_id for item in api.get_collection(made.slug).items] == [copy.repo_id, repo]
    api.delete_collection_item(made.slug, items[0].item_object_id)
    assert api.update_collection_metadata(made.slug, title="Other").title == "Other"
    with pytest.raises(HfHubHTTPError):
        HfApi(endpoint=api.endpoint, token=False).get_collection(made.slug)  # private
    api.delete_collection(made.slug)
    assert list(api.list_collections(owner="local")) == []
