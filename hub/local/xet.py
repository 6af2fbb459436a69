"""Routes that receive Xet uploads: a token, xorbs, and shards, from which files are rebuilt as plain blobs.

Only receiving: downloads go through resolve, and clients are told of no chunk that they did not send themselves.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.access import LIFETIME_SECONDS, bearer
from hub.local.bodies import read_body, receive_blob
from hub.local.context import base_url, part, readable_repo, store_of, writable_repo
from hub.local.errors import HubError
from hub.local.names import sha256_name
from hub.local.pulls import pull_account
from hub.local.store import Store
from hub.local.xet_format import MAX_XORB_BYTES, ShardFile, chunk_places, read_shard, unpack_run

MAX_SHARD_BYTES = 64 << 20
SPARE_BYTES = 64 << 20


def write_token(request: Request) -> Response:
    """GET /api/T/owner/name/xet-write-token/rev[?create_pr=1]"""
    revision = part(request, "revision")
    store = store_of(request)
    if request.query_params.get("create_pr") or revision.startswith("refs/pr/"):
        repo = readable_repo(request)
        pull_account(store, request, repo, revision)
    else:
        repo = writable_repo(request)
    # Session and repository are part of the address because clients remember, per address, which chunks it has.
    session = f"{store.session}-{repo.key}"
    token = store.access.sign(f"xet {session}")
    expires = int(time.time()) + LIFETIME_SECONDS
    url = f"{base_url(request)}/xet/{session}"
    headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
    return JSONResponse({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)


def _admit(request: Request) -> tuple[Store, int]:
    """The store, and the key of the repository that the token was given for. Raises HubError 401 or 404."""
    store = store_of(request)
    session, _, repo = part(request, "session").partition("-")
    if session != store.session or not (repo.isascii() and repo.isdigit() and len(repo) < 19):
        raise HubError(404, "The server was restarted; ask for a new Xet token")
    store.access.check(f"xet {session}-{repo}", bearer(request))
    return store, int(repo)


def _xorb_path(store: Store, repo: int, name: str) -> Path:
    # Apart for each repository: nobody can put a wrong xorb, or find one, where another user's belongs.
    return store.xorbs / f"{repo}-{name}"


async def xorb(request: Request) -> Response:
    """POST /xet/session-repo/v1/xorbs/prefix/hash"""
    store, repo = _admit(request)
    place = _xorb_path(store, repo, sha256_name(part(request, "hash")))
    if place.exists():
        return JSONResponse({"was_inserted": False})
    writer = await receive_blob(request, store.blobs, MAX_XORB_BYTES)
    await run_in_threadpool(writer.close, False)
    writer.path.replace(place)
    return JSONResponse({"was_inserted": True})


async def shard(request: Request) -> Response:
    """POST /xet/session-repo/v1/shards: rebuild every file it describes"""
    store, repo = _admit(request)
    files = read_shard(await read_body(request, MAX_SHARD_BYTES))
    for file in files:
        await run_in_threadpool(_rebuild, store, repo, file)
    await run_in_threadpool(store.database.add_objects, repo, [file.sha256 for file in files if file.sha256])
    return JSONResponse({"result": 1})


def absent(request: Request) -> Response:
    """Xet routes that this Hub leaves out; a client that knows the token falls back on a 404."""
    _admit(request)
    raise HubError(404, "Not here")


def _rebuild(store: Store, repo: int, file: ShardFile) -> None:
    if file.sha256 is None:
        raise HubError(400, "A file of the shard has no sha256")
    if store.blobs.size(file.sha256) is not None:
        # Naming a hash is not enough to have a file that others sent: these bytes must have been sent too.
        digest = hashlib.sha256()
        for piece in _pieces(store, repo, file):
            digest.update(piece)
        if digest.hexdigest() != file.sha256:
            raise HubError(400, f"The uploaded bytes have sha256 {digest.hexdigest()}, not {file.sha256}")
        return
    size = sum(run.size for run in file.runs)
    if size + SPARE_BYTES > shutil.disk_usage(store.root).free:
        raise HubError(507, f"A file of the shard has {size} bytes, and the disk of this Hub has no room for it")
    writer = store.blobs.writer()
    try:
        for piece in _pieces(store, repo, file):
            writer.write(piece)
        store.blobs.adopt(writer, file.sha256)
    except OSError:
        writer.discard()
        raise HubError(507, "The disk of this Hub is full") from None
    except HubError:
        writer.discard()
        raise


def _pieces(store: Store, repo: int, file: ShardFile) -> Iterator[bytes]:
    """The file's bytes, a chunk at a time. Raises HubError 400 as soon as a run is longer or shorter than it says."""
    for run in file.runs:
        path = _xorb_path(store, repo, run.xorb)
        if not path.exists():
            raise HubError(400, f"The shard names xorb {run.xorb}, which was not uploaded")
        left = run.size
        for piece in unpack_run(path, _places(path), run):
            left -= len(piece)
            if left < 0:
                break
            yield piece
        if left:
            raise HubError(400, f"A run of xorb {run.xorb} has another size than the shard says")


@lru_cache(maxsize=64)
def _places(xorb: Path) -> list[int]:
    return chunk_places(xorb)
