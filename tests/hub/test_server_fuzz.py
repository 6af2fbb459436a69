"""Any request gets an answer that is no 500: hypothesis against the application, and odd bytes against the server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from starlette.testclient import TestClient

from hub.local.app import make_app
from hub.local.blobs import Blobs
from hub.local.oids import git_oid
from hub.local.store import Store
from hub.local.users import read_people
from hub.local.xet_format import read_shard
from tests.hub.test_server_safety import shard

ANN = "Bearer hf_ann_token"
TOKENS = (ANN, ANN, ANN, ANN, "", "Bearer hf_eve_token", "Bearer hf_wrong", "Basic x", "Bearer é")
OID = "5" * 64


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    people = read_people("ann:hf_ann_token:write,eve:hf_eve_token:read", "lab:ann", "local")
    store = Store(tmp_path_factory.mktemp("fuzz") / "hub", people)
    with TestClient(make_app(store, ("*",)), base_url="http://localhost", follow_redirects=False) as found:
        ann = {"authorization": ANN}
        for kind in ("model", "dataset", "space"):
            body = {"name": "r", "organization": "ann", "type": kind, "sdk": "static"}
            assert found.post("/api/repos/create", json=body, headers=ann).status_code == 200
            rows = [{"key": "header", "value": {"summary": "s"}}]
            rows += [{"key": "file", "value": {"path": "d/a.txt", "content": "eA==", "encoding": "base64"}}]
            text = "\n".join(map(json.dumps, rows))
            assert found.post(f"/api/{kind}s/ann/r/commit/main", content=text, headers=ann).status_code == 200
        asked = {"title": "A title", "description": "", "pullRequest": True}
        assert found.post("/api/models/ann/r/discussions", json=asked, headers=ann).status_code == 200
        yield found


texts = some.one_of(
    some.sampled_from(
        ["main", "refs/pr/1", "ann", "r", "d/a.txt", "README.md", "..", "../x", "", "\x00", "a" * 3000, OID]
    ),
    some.sampled_from(
        ["\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"), "é/ü", "%2e%2e", "a\r\nb"]
    ),
    some.text(max_size=30),
)
numbers = some.one_of(
    some.integers(-5, 5), some.sampled_from([2**31, 2**63, 2**64, -(2**63) - 1, 10**30]), some.floats()
)
KEYS = (
    "name organization type sdk visibility private gated fromRepo toRepo files path size sample gitIgnore "
    "content repoType operation transfers objects oid parts partNumber etag hash_algo summary description "
    "parentCommit srcPath srcRevision encoding algo paths expand startingPoint tag message title comment "
    "status pullRequest user requestId key value flavor sleepTimeSeconds seconds enabled volumes secrets "
    "variables hardware namespace item id note position theme repository"
).split()
values: Any = some.recursive(
    some.one_of(some.none(), some.booleans(), numbers, texts),
    lambda inner: some.one_of(
        some.lists(inner, max_size=4), some.dictionaries(some.one_of(some.sampled_from(KEYS), texts), inner, max_size=6)
    ),
    max_leaves=12,
)
GOOD: dict[str, list[Any]] = {
    "name": ["r", "s", "t"],
    "organization": ["ann", "lab", None],
    "type": ["model", "dataset", "space"],
    "sdk": ["static", "gradio"],
    "visibility": ["private", "public", "protected"],
    "gated": ["auto", "manual", False],
    "fromRepo": ["ann/s", "ann/t"],
    "toRepo": ["lab/s", "ann/t"],
    "repository": ["ann/copy", "lab/copy"],
    "content": ["---\nlicense: mit\n---", "---\na: &a [*a]\n---", "x"],
    "operation": ["upload", "download"],
    "oid": [OID, "0" * 64],
    "files": [[{"path": "d/a.txt", "size": 3, "sample": "eA=="}], [{"path": "x.bin", "size": 2**70}], [{}]],
    "objects": [[{"oid": OID, "size": 3}], [{"oid": OID, "size": 2**40}], [{"oid": OID, "size": -1}]],
    "parts": [[{"partNumber": 1, "etag": "x"}], [{}], [[]]],
    "tag": ["v1", "a..b", "refs/x"],
    "startingPoint": ["main", "refs/pr/1", "absent"],
    "message": ["squash", "a\n\nb"],
    "title": ["A title", "x"],
    "comment": ["well", ""],
    "status": ["open", "closed", "accepted", "rejected"],
    "user": ["ann", "eve", "nobody"],
    "key": ["KEY", "1"],
    "value": ["v"],
    "flavor": ["cpu-basic", "x"],
    "seconds": [60, -2],
    "volumes": [[{"type": "model", "source": "a/b", "mountPath": "/x"}], [{}]],
    "namespace": ["ann", "lab"],
    "item": [{"type": "model", "id": "ann/r"}, {"type": "model", "id": "r"}],
    "paths": [["d", "d/a.txt"], [None]],
    "pullRequest": [True, False],
}
objects = some.fixed_dictionaries(
    {},
    optional={key: some.one_of(*[some.sampled_from(GOOD[key])] * 3, values) if key in GOOD else values for key in KEYS},
)
bodies = some.one_of(
    objects.map(lambda value: json.dumps(value).encode()),
    objects.map(lambda value: json.dumps(value).encode()),
    objects.map(lambda value: json.dumps(value).encode()),
    values.map(lambda value: json.dumps(value).encode()),
    some.binary(max_size=200),
)
heads = some.fixed_dictionaries(
    {"authorization": some.sampled_from(TOKENS)},
    optional={
        "range": some.one_of(
            some.sampled_from(["bytes=0-", "bytes=5-1", "bytes=-9", "bytes=0-0,2-3"]), some.text(max_size=9)
        ),
        "if-none-match": some.sampled_from(["*", '"x"', "W/"]),
        "content-type": some.sampled_from(["application/json", "application/x-www-form-urlencoded", "x"]),
        "content-encoding": some.sampled_from(["gzip", *["identity"] * 5]),
        "x-forwarded-proto": some.just("https"),
    },
)


def routes(client: TestClient) -> list[tuple[str, str]]:
    app: Any = client.app
    return [(method, route.path) for route in app.routes for method in sorted(route.methods - {"HEAD"})]


def send(client: TestClient, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    encoded = {name: value.encode("utf-8", "replace") for name, value in headers.items()}
    encoded = {name: value for name, value in encoded.items() if not set(value) & set(b"\r\n\x00")}
    answer = client.request(method, path, content=body, headers=encoded)  # an exception in the server is raised here
    assert answer.status_code < 500, (method, path, body, answer.text)
    for value in answer.headers.values():
        assert value.isprintable()
    return answer.status_code


def fill(path: str, draw: Any) -> str:
    import re

    known = {"owner": "ann", "name": "r", "revision": "main", "num": "1", "ref": "main", "path": "d/a.txt", "oid": OID}

    def part(match: re.Match[str]) -> str:
        name = match.group(1).partition(":")[0]
        text = draw(texts) if draw(some.integers(0, 3)) == 3 else known.get(name, "1")
        return quote(text.encode("utf-8", "replace"), safe="/" if ":path" in match.group(0) else "")

    return re.sub(r"\{([a-z:]+)\}", part, path)


QUERY = (
    *("", "?expand=1&recursive=1", "?cursor=3", "?cursor=x", "?limit=0&blobs=1", "?create_pr=1", "?p=9", "?diff=1"),
    *("?repo=1&signature=1.a", "?search=%FF&filter=,&sort=x", "?include_prs=1", "?limit=99999999999999999999"),
)


def fuzz(client: TestClient, examples: int) -> None:
    """So many requests to each route."""
    for number, (method, path) in enumerate(routes(client)):
        fuzz_route(client, method, path, examples, number)


def fuzz_route(client: TestClient, route_method: str, path: str, examples: int, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(some.data())
    def run(data: Any) -> None:
        head = route_method == "GET" and not data.draw(some.integers(0, 3))
        address = fill(path, data.draw) + data.draw(some.sampled_from(QUERY))
        send(client, "HEAD" if head else route_method, address, data.draw(bodies), data.draw(heads))

    run()


def fuzz_commits(client: TestClient, examples: int) -> None:
    packed = some.binary(max_size=50).map(lambda data: base64.b64encode(data).decode())
    good = some.sampled_from(["d/a.txt", "b.txt", "e/f.txt", "d"])
    lines = some.fixed_dictionaries(
        {
            "key": some.sampled_from(["header", "file", "lfsFile", "deletedFile", "deletedFolder", "copyFile", "x"]),
            "value": some.fixed_dictionaries(
                {"content": some.one_of(packed, packed, packed, texts), "encoding": some.just("base64")},
                optional={
                    "path": some.one_of(good, good, texts),
                    **{name: some.one_of(texts, numbers) for name in ("oid", "size", "srcRevision", "algo")},
                    "srcPath": some.one_of(good, texts),
                    **{name: values for name in ("summary", "description", "parentCommit")},
                },
            ),
        }
    )

    @seed(11)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(some.lists(lines, max_size=3), some.sampled_from(["", "?create_pr=1"]), some.booleans())
    def run(rows: list[Any], query: str, named: bool) -> None:
        head = [{"key": "header", "value": {"summary": "s"}}] if named else []
        body = "\n".join(map(json.dumps, [*head, *rows])).encode()
        send(client, "POST", f"/api/datasets/ann/r/commit/main{query}", body, {"authorization": ANN})

    run()


def check_store(client: TestClient) -> None:
    """Every commit can be read, and each of its files has the bytes that its ids name."""
    app: Any = client.app
    store: Store = app.state.store
    blobs = Blobs(store.root)
    for repo in store.database.repos():
        for (commit,) in store.database.rows("SELECT id FROM commits WHERE repo = ?", repo.key):
            for path, entry in store.database.tree(repo, commit).items():
                content = blobs.read(entry.sha256, entry.size)
                assert entry.lfs or git_oid(content) == entry.oid
                assert ".." not in path.split("/") and not path.startswith("/")
    assert not list(blobs.incoming.iterdir())
    assert {path.name for path in Path(store.root).parent.iterdir()} == {"hub"}


def test_no_request_makes_a_500(client: TestClient) -> None:
    fuzz(client, 4)
    fuzz_commits(client, 200)
    check_store(client)


@pytest.mark.slow
def test_no_request_of_very_many_makes_a_500(client: TestClient) -> None:
    fuzz(client, 100)
    fuzz_commits(client, 3_000)
    check_store(client)


@settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate])
@seed(3)
@given(some.binary(max_size=300), some.integers(0, 280), some.booleans())
def test_any_bytes_are_a_shard_or_refused(data: bytes, place: int, keep: bool) -> None:
    from hub.local.errors import HubError

    whole = bytearray(shard(OID, "1" * 64, 3, 7))
    whole[place : place + len(data)] = data
    try:
        read_shard(bytes(whole) if keep else data)
    except HubError as error:
        assert error.status == 400
