"""What an embedded Hub refuses: other hosts, forged headers, oversized or packed bodies, wrong hashes, odd bytes."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

import lz4.frame
import pytest
from huggingface_hub import HfApi

from tests.hub.processes import Server, start_server
from tests.hub.test_server import api, repo, request  # noqa: F401


def raw(server: Server, data: bytes) -> bytes:
    """What the server answers to bytes as they are."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", 'x"><script>', "", "a b", "[::1]x", "a" * 300]
)
def test_other_names_are_not_answered(host: str, server: Server) -> None:
    answer = raw(server, f"GET /api/models HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert status(answer) == 400


def test_forwarded_headers_change_nothing(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    body = json.dumps({"operation": "upload", "objects": [{"oid": "0" * 64, "size": 3}]}).encode()
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "1.2.3.4"}
    forged |= {
        "Forwarded": "host=evil.example;proto=https",
        "X-Original-URL": "/token",
        "X-HTTP-Method-Override": "DELETE",
    }
    _, headers, answer = request(
        server,
        "POST",
        f"/{repo}.git/info/lfs/objects/batch",
        body,
        **forged,
        authorization=f"Bearer {server.token}",
    )
    upload = json.loads(answer)["objects"][0]["actions"]["upload"]["href"]
    assert upload.startswith(server.url) and "evil" not in answer.decode() + str(headers)


def test_line_breaks_do_not_reach_headers(server: Server) -> None:
    for path in ("/local/%0d%0aSet-Cookie:%20a=b", "/local/x/resolve/main/a%0d%0aX-Evil:%201", "/api/models/a/b%00%1b"):
        code, headers, _ = request(server, "GET", path)
        assert code in (400, 404) and "set-cookie" not in headers and "x-evil" not in headers


@pytest.mark.parametrize("kind", ["one header", "many headers", "the address"])
def test_huge_heads_are_cut_off(kind: str, server: Server) -> None:
    start = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
    if kind == "one header":
        data = start + b"X-Big: " + b"a" * 5_000_000
    elif kind == "many headers":
        data = start + b"".join(b"X-%d: a\r\n" % number for number in range(300_000))
    else:
        data = b"GET /" + b"a" * 5_000_000
    try:
        answer = raw(server, data)
    except OSError:  # the server closed while bytes were on their way
        answer = b""
    assert status(answer) in (0, 431)
    assert request(server, "GET", "/")[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"POST /api/repos/create HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/repos/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n Folded: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    ],
    ids=range(9),
)
def test_what_is_no_request_is_refused(data: bytes, server: Server) -> None:
    assert status(raw(server, data)) in (0, 400, 404, 405)
    assert request(server, "GET", "/")[0] == 200


def test_bodies_have_bounds(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    who = {"authorization": f"Bearer {server.token}"}
    create, commit = "/api/repos/create", f"/api/models/{repo}/commit/main"
    assert request(server, "POST", create, b'{"a": "' + b"x" * (17 << 20) + b'"}', **who)[0] == 413
    assert request(server, "POST", create, b"[" * 100_000, **who)[0] == 400
    assert request(server, "POST", create, b'{"name": "\\ud800"}', **who)[0] == 400
    assert request(server, "POST", create, b'{"name": NaN}', **who)[0] == 400
    assert request(server, "POST", commit, b"x" * (33 << 20), **who)[0] == 413
    packed = gzip.compress(b"\0" * 50_000_000)
    for path in (create, commit, f"/api/models/{repo}/preupload/main"):
        assert request(server, "POST", path, packed, **who, **{"Content-Encoding": "gzip"})[0] == 415
    head = f"POST {create} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
    claimed = raw(server, f"{head}Content-Length: 99999999999999\r\n\r\n".encode())
    assert status(claimed) in (0, 413)


def test_writes_need_a_token(repo: str, server: Server) -> None:  # noqa: F811
    for method, path in (
        ("POST", "/api/repos/create"),
        ("DELETE", "/api/repos/delete"),
        ("POST", "/api/repos/move"),
        ("PUT", f"/api/models/{repo}/settings"),
        ("POST", f"/api/models/{repo}/commit/main"),
        ("POST", f"/api/models/{repo}/commit/main?create_pr=1"),
        ("POST", f"/api/models/{repo}/preupload/main"),
        ("POST", f"/api/models/{repo}/branch/x"),
        ("DELETE", f"/api/models/{repo}/branch/x"),
        ("POST", f"/api/models/{repo}/tag/main"),
        ("POST", f"/api/models/{repo}/super-squash/main"),
        ("POST", f"/api/models/{repo}/duplicate"),
        ("POST", f"/api/models/{repo}/discussions"),
        ("POST", f"/{repo}.git/info/lfs/objects/batch"),
        ("POST", f"/{repo}.git/info/lfs/objects/verify"),
        ("GET", f"/api/models/{repo}/xet-write-token/main"),
        ("PUT", f"/lfs/{'0' * 64}/3?repo=1&signature=9999999999.0"),
        ("POST", "/api/collections"),
        ("GET", "/api/whoami-v2"),
    ):
        assert request(server, method, path, b"{}")[0] == 401, (method, path)
        assert request(server, method, path, b"{}", authorization="Bearer hf_wrong")[0] == 401, (method, path)


def xet(api: HfApi, repo: str, server: Server) -> tuple[str, dict[str, str]]:  # noqa: F811
    path = f"/api/models/{repo}/xet-write-token/main"
    _, headers, _ = request(server, "GET", path, authorization=f"Bearer {server.token}")
    token = headers["x-xet-access-token"]
    return headers["x-xet-cas-url"].removeprefix(server.url), {"authorization": f"Bearer {token}"}


def shard(sha256: str, xorb: str, count: int, size: int, runs: int = 1) -> bytes:
    def words(text: str) -> bytes:
        return struct.pack("<4Q", *(int(text[place : place + 16], 16) for place in range(0, 64, 16)))

    body = struct.pack("<32sIIQ", b"f" * 32, 1 << 30, runs, 0)
    body += struct.pack("<32sIIII", words(xorb), 0, size, 0, count) * runs
    body += words(sha256) + b"\0" * 16
    return b"HFRepoMetaData\0".ljust(48, b"\0") + body + b"\xff" * 32 + b"\0" * 16


def test_xorbs_that_unpack_into_too_much_or_something_else(api: HfApi, repo: str, server: Server) -> None:  # noqa: F811
    cas, who = xet(api, repo, server)
    packed = lz4.frame.compress(b"\0" * 1_000_000)
    chunk = b"\0" + len(packed).to_bytes(3, "little") + b"\1" + (1_000_000).to_bytes(3, "little") + packed
    name = "1" * 64
    assert request(server, "POST", f"{cas}/v1/xorbs/default/{name}", chunk * 100, **who)[0] == 200
    for wanted in (
        shard(hashlib.sha256(b"").hexdigest(), name, 100, 100_000_000),  # another sha256
        shard("2" * 64, name, 100, 7),  # another size
        shard("2" * 64, name, 100, 0xFFFFFFFF, runs=40_000),  # 160 TB
        shard("2" * 64, "3" * 64, 1, 7),  # no such xorb
        shard("2" * 64, name, 101, 7),  # no such chunk
    ):
        assert request(server, "POST", f"{cas}/v1/shards", wanted, **who)[0] in (400, 507)
    assert not list((server.store / "incoming").iterdir())
    assert request(server, "POST", f"{cas}/v1/shards", b"", authorization="Bearer 9999999999.x")[0] == 401
    other = cas.rpartition("-")[0] + "-99"
    assert request(server, "POST", f"{other}/v1/shards", b"", **who)[0] == 401  # the token is for one repository


def test_nothing_was_written_outside_the_store(server: Server) -> None:
    allowed = {"blobs", "incoming", "hub.sqlite", "hub.sqlite-wal", "hub.sqlite-shm", "lock", "server.json"}
    found = {path.name for path in server.store.iterdir()} - allowed - {"store.json", "token"}
    assert all(name.startswith("xorbs-") for name in found)
    assert {path.name for path in server.store.parent.iterdir()} == {"hub"}
    for name in ("token", "store.json"):
        assert (server.store / name).stat().st_mode & 0o077 == 0


def test_loopback_unless_told(tmp_path: Path) -> None:
    server = start_server(tmp_path / "a")
    port = server.url.rpartition(":")[2]
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    server.kill()
    assert f"0100007F:{int(port):04X} 00000000:0000 0A" in listening
    assert f"00000000:{int(port):04X} " not in listening.replace(" 00000000:0000", "")


def test_another_address_when_told(tmp_path: Path) -> None:
    server = start_server(tmp_path, "--host", "0.0.0.0")
    try:
        assert server.url.startswith("http://127.0.0.1:")
        assert request(server, "GET", "/", Host="machine.example:1")[0] == 200
        link = request(server, "GET", "/api/models", Host="a<b")[0]
        assert link in (200, 400)
    finally:
        server.kill()
