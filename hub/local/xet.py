"""Routes that receive Xet uploads: a token, xorbs, and shards, from which files are rebuilt as plain blobs.

Only receiving: downloads go through resolve, and clients are told of no chunk that they did not send themselves.
"""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.access import LIFETIME_SECONDS, bearer
from hub.local.bodies import read_body, receive_blob
from hub.local.context import base_url, part, store_of, writable_repo
from hub.local.errors import HubError
from hub.local.names import sha256_name
from hub.local.store import Store
from hub.local.xet_format import MAX_XORB_BYTES, Run, ShardFile, chunk_places, read_shard, unpack_run

MAX_SHARD_BYTES = 64 << 20


def write_token(request: Request) -> Response:
    """GET /api/T/owner/name/xet-write-token/rev"""
    writable_repo(request)
    store = store_of(request)
    token = store.access.sign(f"xet {store.session}")
    expires = int(time.time()) + LIFETIME_SECONDS
    # The session is part of the address because clients remember, per address, which chunks it has.
    url = f"{base_url(request)}/xet/{store.session}"
    headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
    return JSONResponse({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)


def _admit(request: Request) -> Store:
    store = store_of(request)
    if part(request, "session") != store.session:
        raise HubError(404, "The server was restarted; ask for a new Xet token")
    store.access.check(f"xet {store.session}", bearer(request))
    return store


async def xorb(request: Request) -> Response:
    """POST /xet/session/v1/xorbs/prefix/hash"""
    store = _admit(request)
    place = store.xorbs / sha256_name(part(request, "hash"))
    if place.exists():
        return JSONResponse({"was_inserted": False})
    writer = await receive_blob(request, store.blobs, MAX_XORB_BYTES)
    writer.close(sync=False)
    writer.path.replace(place)
    return JSONResponse({"was_inserted": True})


async def shard(request: Request) -> Response:
    """POST /xet/session/v1/shards: rebuild every file it describes"""
    store = _admit(request)
    for file in read_shard(await read_body(request, MAX_SHARD_BYTES)):
        await run_in_threadpool(_rebuild, store, file)
    return JSONResponse({"result": 1})


def absent(request: Request) -> Response:
    """Xet routes that this Hub leaves out; a client that knows the token falls back on a 404."""
    _admit(request)
    raise HubError(404, "Not here")


def _rebuild(store: Store, file: ShardFile) -> None:
    if file.sha256 is None:
        raise HubError(400, "A file of the shard has no sha256")
    if store.blobs.size(file.sha256) is not None:
        return
    writer = store.blobs.writer()
    try:
        for run in file.runs:
            for piece in _pieces(store, run):
                writer.write(piece)
        store.blobs.adopt(writer, file.sha256)
    except (HubError, OSError):
        writer.discard()
        raise


def _pieces(store: Store, run: Run) -> list[bytes]:
    path = store.xorbs / run.xorb
    if not path.exists():
        raise HubError(400, f"The shard names xorb {run.xorb}, which was not uploaded")
    pieces = list(unpack_run(path, _places(path), run))
    if sum(map(len, pieces)) != run.size:
        raise HubError(400, f"A run of xorb {run.xorb} has another size than the shard says")
    return pieces


@lru_cache(maxsize=64)
def _places(xorb: Path) -> list[int]:
    return chunk_places(xorb)
