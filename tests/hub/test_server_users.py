"""Several users and an organisation on one embedded Hub: who sees, writes and is let into what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, HfFileSystem, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
)

from hub.local.users import read_people
from records.errors import UserError
from tests.hub.processes import Server, start_server
from tests.hub.test_server import request

USERS = "ann:hf_ann_token:write,bob:hf_bob_token:write,eve:hf_eve_token:read,root:hf_root_token:admin"
ORGS = "lab:ann+bob=read+eve=admin"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = start_server(tmp_path_factory.mktemp("users"), USERS=USERS, ORGS=ORGS)
    yield found
    found.kill()


@pytest.fixture
def of(server: Server):  # type: ignore[no-untyped-def]
    return lambda name: HfApi(endpoint=server.url, token=f"hf_{name}_token" if name else False)


def status_of(call) -> int:  # type: ignore[no-untyped-def]
    with pytest.raises(HfHubHTTPError) as refused:
        call()
    return refused.value.response.status_code


def test_who_am_i(of) -> None:  # type: ignore[no-untyped-def]
    found = of("ann").whoami()
    assert found["name"] == "ann" and found["auth"]["accessToken"]["role"] == "write"
    assert [(org["name"], org["roleInOrg"]) for org in found["orgs"]] == [("lab", "write")]
    assert of("eve").whoami()["auth"]["accessToken"]["role"] == "read"
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        of("nobody").whoami()
    assert of("ann").get_user_overview("bob").username == "bob"
    assert of("ann").get_organization_overview("lab").name == "lab"
    assert [user.username for user in of("ann").list_organization_members("lab")] == ["ann", "bob", "eve"]


def test_who_may_write_where(of) -> None:  # type: ignore[no-untyped-def]
    ann, bob, eve, root = (of(name) for name in ("ann", "bob", "eve", "root"))
    assert ann.create_repo("mine").repo_id == "ann/mine"
    ann.create_repo("lab/ours")
    ann.upload_file(path_or_fileobj=b"a", path_in_repo="a.txt", repo_id="lab/ours")
    for call in (
        lambda: bob.create_repo("lab/his"),  # reads in the organisation
        lambda: bob.create_repo("ann/his"),
        lambda: bob.create_repo("nowhere/his"),
        lambda: eve.create_repo("eves"),  # administers the organisation, with a token that reads
        lambda: eve.create_repo("lab/eves"),
        lambda: bob.upload_file(path_or_fileobj=b"b", path_in_repo="b.txt", repo_id="lab/ours"),
        lambda: bob.delete_repo("ann/mine"),
        lambda: bob.update_repo_settings("ann/mine", private=True),
        lambda: bob.create_tag("ann/mine", tag="v1"),
        lambda: bob.super_squash_history("ann/mine"),
    ):
        assert status_of(call) == 403
    anonymous = of(None)
    assert status_of(lambda: anonymous.upload_file(path_or_fileobj=b"b", path_in_repo="b", repo_id="lab/ours")) == 401
    root.upload_file(path_or_fileobj=b"r", path_in_repo="r.txt", repo_id="lab/ours")
    assert set(bob.list_repo_files("lab/ours")) == {".gitattributes", "a.txt", "r.txt"}
    assert ann.auth_check("lab/ours", write=True) is None
    assert status_of(lambda: bob.auth_check("lab/ours", write=True)) == 403
    assert {repo.id for repo in ann.list_user_repos(namespace="lab")} >= {"lab/ours"}


def test_private_repositories_exist_for_their_people_only(of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ann = of("ann")
    ann.create_repo("lab/hidden", private=True)
    ann.upload_file(path_or_fileobj=b"s", path_in_repo="s.txt", repo_id="lab/hidden")
    for name in ("bob", "eve", "root"):
        assert of(name).model_info("lab/hidden").private
    ann.create_repo("ann/diary", private=True)
    for name in ("bob", "eve", None):
        stranger = of(name)
        for call in (
            lambda api=stranger: api.model_info("ann/diary"),
            lambda api=stranger: api.list_repo_files("ann/diary"),
            lambda api=stranger: api.hf_hub_download("ann/diary", "s.txt", cache_dir=tmp_path),
            lambda api=stranger: api.list_repo_refs("ann/diary"),
            lambda api=stranger: list(api.get_repo_discussions("ann/diary")),
        ):
            with pytest.raises(RepositoryNotFoundError):
                call()
        assert "ann/diary" not in {model.id for model in stranger.list_models()}
    assert "ann/diary" in {model.id for model in ann.list_models(author="ann")}
    ann.update_repo_settings("ann/diary", private=False)
    assert of(None).model_info("ann/diary").id == "ann/diary"


def test_a_hash_gives_no_right_to_others_content(of, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    ann, bob = of("ann"), of("bob")
    ann.create_repo("ann/secret-weights", private=True)
    addition = CommitOperationAdd("w.bin", b"\x00secret" * 1000)
    ann.create_commit("ann/secret-weights", [addition], commit_message="weights")
    bob.create_repo("bob/thief")
    oid = addition.upload_info.sha256.hex()
    rows = [
        {"key": "header", "value": {"summary": "take"}},
        {"key": "lfsFile", "value": {"path": "w.bin", "algo": "sha256", "oid": oid, "size": 7000}},
    ]
    body = "\n".join(map(json.dumps, rows)).encode()
    answer = as_client(bob, "POST", "/api/models/bob/thief/commit/main", body)
    assert answer[0] == 400 and b"was not uploaded to this repository" in answer[2]
    batch = json.dumps({"operation": "upload", "objects": [{"oid": oid, "size": 7000}]}).encode()
    _, _, listed = as_client(bob, "POST", "/bob/thief.git/info/lfs/objects/batch", batch)
    assert "upload" in json.loads(listed)["objects"][0]["actions"]  # as if nobody had it


def as_client(api: HfApi, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """A raw request with a client's token."""
    server = Server(None, api.endpoint, str(api.token), Path())  # type: ignore[arg-type]
    return request(server, method, path, body, authorization=f"Bearer {api.token}")


def test_gated_repositories_let_in_who_was_accepted(of, server: Server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ann, bob = of("ann"), of("bob")
    ann.create_repo("ann/gated", repo_type="dataset")
    ann.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id="ann/gated", repo_type="dataset")
    ann.update_repo_settings("ann/gated", gated="manual", repo_type="dataset")
    assert bob.dataset_info("ann/gated").gated == "manual"

    def download(api: HfApi) -> str:
        return api.hf_hub_download("ann/gated", "x.txt", repo_type="dataset", cache_dir=tmp_path / str(api.token))

    for api, words in ((of(None), "Please log in"), (bob, "not in the authorized list")):
        with pytest.raises(GatedRepoError, match=words):
            download(api)
    with pytest.raises(GatedRepoError):
        bob.auth_check("ann/gated", repo_type="dataset")
    assert download(ann)  # the owner passes
    ask = "/datasets/ann/gated/ask-access"
    assert request(server, "POST", ask)[0] == 401
    assert as_client(bob, "POST", ask, b"")[0] == 200
    with pytest.raises(GatedRepoError, match="awaiting a review"):
        download(bob)
    assert [one.username for one in ann.list_pending_access_requests("ann/gated", repo_type="dataset")] == ["bob"]
    assert status_of(lambda: list(bob.list_pending_access_requests("ann/gated", repo_type="dataset"))) == 403
    ann.reject_access_request("ann/gated", "bob", repo_type="dataset", rejection_reason=None)
    with pytest.raises(GatedRepoError, match="rejected"):
        download(bob)
    ann.accept_access_request("ann/gated", "bob", repo_type="dataset")
    assert Path(download(bob)).read_bytes() == b"x"
    ann.grant_access("ann/gated", "eve", repo_type="dataset")
    assert Path(download(of("eve"))).read_bytes() == b"x"
    assert status_of(lambda: ann.grant_access("ann/gated", "nobody", repo_type="dataset")) == 404
    ann.update_repo_settings("ann/gated", gated="auto", repo_type="dataset")
    ann.cancel_access_request("ann/gated", "bob", repo_type="dataset")
    with pytest.raises(GatedRepoError):
        bob.auth_check("ann/gated", repo_type="dataset")
    ann.update_repo_settings("ann/gated", gated=False, repo_type="dataset")
    assert Path(download(of(None))).read_bytes() == b"x"


def test_an_automatic_gate_opens_on_asking(of) -> None:  # type: ignore[no-untyped-def]
    of("ann").create_repo("ann/auto")
    of("ann").update_repo_settings("ann/auto", gated="auto")
    bob = of("bob")
    with pytest.raises(GatedRepoError):
        bob.auth_check("ann/auto")
    assert as_client(bob, "POST", "/ann/auto/ask-access", b"")[0] == 200
    bob.auth_check("ann/auto")
    assert [one.username for one in of("ann").list_accepted_access_requests("ann/auto")] == ["bob"]


def test_a_moved_repository_is_found_by_its_old_name(of, server: Server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ann = of("ann")
    ann.create_repo("ann/old", repo_type="dataset")
    ann.upload_file(path_or_fileobj=b"1", path_in_repo="d/a.txt", repo_id="ann/old", repo_type="dataset")
    ann.move_repo("ann/old", "lab/new", repo_type="dataset")
    assert ann.dataset_info("ann/old").id == "lab/new"
    got = ann.hf_hub_download("ann/old", "d/a.txt", repo_type="dataset", cache_dir=tmp_path / "a")
    assert Path(got).read_bytes() == b"1"
    ann.upload_file(path_or_fileobj=b"2", path_in_repo="d/b.txt", repo_id="ann/old", repo_type="dataset")
    assert set(ann.list_repo_files("lab/new", repo_type="dataset")) == {".gitattributes", "d/a.txt", "d/b.txt"}
    files = HfFileSystem(endpoint=server.url, token="hf_ann_token")
    assert files.cat("datasets/ann/old/d/b.txt") == b"2"
    status, headers, _ = request(server, "GET", "/datasets/ann/old/resolve/main/d/a.txt?x=1")
    assert status == 307 and headers["location"] == "/datasets/lab/new/resolve/main/d/a.txt?x=1"
    with pytest.raises(EntryNotFoundError):
        ann.hf_hub_download("ann/old", "absent", repo_type="dataset", cache_dir=tmp_path / "b")
    assert status_of(lambda: ann.create_repo("lab/new", repo_type="dataset")) == 409
    assert status_of(lambda: of("bob").move_repo("lab/new", "bob/new", repo_type="dataset")) == 403
    ann.create_repo("ann/old", repo_type="dataset")  # takes the name over
    assert ann.dataset_info("ann/old").id == "ann/old"
    with pytest.raises(RepositoryNotFoundError):
        ann.move_repo("ann/absent", "ann/else", repo_type="dataset")


def test_pull_requests_of_strangers(of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ann, bob = of("ann"), of("bob")
    ann.create_repo("ann/open")
    with pytest.raises(HfHubHTTPError, match="create_pr=1"):
        bob.upload_file(path_or_fileobj=b"b", path_in_repo="b.txt", repo_id="ann/open")
    done = bob.upload_file(path_or_fileobj=b"b", path_in_repo="b.txt", repo_id="ann/open", create_pr=True)
    assert done.pr_revision == "refs/pr/1"
    large = CommitOperationAdd("w.bin", b"\x00w" * 1000)
    bob.create_commit("ann/open", [large], commit_message="and this", revision=done.pr_revision)
    got = of(None).hf_hub_download("ann/open", "w.bin", revision="refs/pr/1", cache_dir=tmp_path)
    assert Path(got).read_bytes() == b"\x00w" * 1000
    assert ann.list_repo_files("ann/open") == [".gitattributes"]
    assert status_of(lambda: bob.merge_pull_request("ann/open", 1)) == 403
    ann.merge_pull_request("ann/open", 1, comment="thanks")
    assert ann.list_repo_files("ann/open") == [".gitattributes", "b.txt", "w.bin"]


@pytest.mark.parametrize(
    ("users", "orgs", "says"),
    [
        ("ann", "", "name:token:role"),
        ("ann:hf_secret_token:king", "", "name:token:role"),
        ("ann:hf_1111:read,ann:hf_2222:read", "", "twice"),
        ("ann:hf_1111:read,bob:hf_1111:read", "", "same token"),
        ("local:hf_1111:read", "", "own user"),
        ("api:hf_1111:read", "", "name:token:role"),
        ("ann:hf_1111:read", "lab", "organisation:member"),
        ("ann:hf_1111:read", "lab:bob", "bob"),
        ("ann:hf_1111:read", "ann:ann", "namespace"),
        ("ann:hf_1111:read", "lab:ann=king", "king"),
    ],
)
def test_what_cannot_be_read_is_named(users: str, orgs: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        read_people(users, orgs, "local")
    assert "secret" not in str(refused.value)
