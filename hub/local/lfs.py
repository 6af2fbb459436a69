"""Routes of the LFS protocol: which objects are missing, their upload, and the check that they arrived."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object, receive_blob
from hub.local.context import base_url, part, store_of, writable_repo
from hub.local.database import Repo
from hub.local.errors import HubError
from hub.local.multipart import part_count, part_size
from hub.local.names import sha256_name
from hub.local.store import Store

MAX_OBJECT_BYTES = 200 << 30
MAX_OBJECTS = 10_000
MULTIPART_BYTES = 64 << 20
"""Objects larger than this are sent in parts, so that a broken connection costs one part."""


async def batch(request: Request) -> Response:
    """POST /P owner/name.git/info/lfs/objects/batch"""
    repo = writable_repo(request)
    body = await read_json_object(request)
    objects, transfers = body.get("objects"), body.get("transfers", ["basic"])
    if body.get("operation") != "upload" or not isinstance(objects, list) or not isinstance(transfers, list):
        raise HubError(400, "Only uploads go through LFS here; downloads use resolve")
    if len(objects) > MAX_OBJECTS:
        raise HubError(413, f"A batch may name {MAX_OBJECTS} objects; make several")
    if body.get("hash_algo", "sha256") != "sha256":
        raise HubError(409, "Only sha256 is known as hash_algo")
    in_parts = "multipart" in transfers
    rows = [_object(request, repo, item, in_parts) for item in objects]
    used = any("header" in row["actions"]["upload"] for row in rows if "actions" in row)
    return JSONResponse({"transfer": "multipart" if used else "basic", "objects": rows})


def _object(request: Request, repo: Repo, item: Any, in_parts: bool) -> dict[str, Any]:
    if not isinstance(item, dict) or type(item.get("size")) is not int or item["size"] < 0:
        raise HubError(400, "An object needs oid and size")
    oid, size = sha256_name(item.get("oid")), item["size"]
    store = store_of(request)
    row: dict[str, Any] = {"oid": oid, "size": size}
    if size > MAX_OBJECT_BYTES:
        return {**row, "error": {"code": 422, "message": f"Files of more than {MAX_OBJECT_BYTES} bytes are not taken"}}
    if store.blobs.size(oid) == size and store.database.has_object(repo, oid):
        return row
    verify = {"href": f"{base_url(request)}/{repo.name.url_path}.git/info/lfs/objects/verify", "header": {}}
    upload = _in_parts(request, repo, oid, size) if in_parts and size > MULTIPART_BYTES else None
    upload = upload or {"href": _address(request, repo, f"lfs/{oid}/{size}")}
    return {**row, "authenticated": True, "actions": {"upload": upload, "verify": verify}}


def _in_parts(request: Request, repo: Repo, oid: str, size: int) -> dict[str, Any]:
    parts = {
        f"{number:05}": _address(request, repo, f"lfs/{oid}/{size}/part/{number}")
        for number in range(1, part_count(size) + 1)
    }
    header = {"chunk_size": str(part_size(size)), **parts}
    return {"href": _address(request, repo, f"lfs/{oid}/{size}/complete"), "header": header}


def _address(request: Request, repo: Repo, path: str) -> str:
    signature = store_of(request).access.sign(f"{repo.key} {path}")
    return f"{base_url(request)}/{path}?repo={repo.key}&signature={quote(signature)}"


def _signed(request: Request, path: str) -> tuple[Store, int, str, int]:
    """(store, repository's key, oid, size) of a signed address. Raises HubError 400 or 401."""
    oid, size = sha256_name(part(request, "oid")), part(request, "size")
    repo = request.query_params.get("repo", "")
    if not all(text.isascii() and text.isdigit() and len(text) < 19 for text in (repo, size)):
        raise HubError(400, "Not an upload address")
    store = store_of(request)
    store.access.check(f"{repo} lfs/{oid}/{size}{path}", request.query_params.get("signature", ""))
    return store, int(repo), oid, int(size)


async def upload(request: Request) -> Response:
    """PUT /lfs/oid/size: the address is signed, so the client sends no token"""
    store, repo, oid, size = _signed(request, "")
    writer = await receive_blob(request, store.blobs, size)
    await run_in_threadpool(store.blobs.adopt, writer, oid)
    await run_in_threadpool(store.database.add_objects, repo, [oid])
    return Response(status_code=200)


async def upload_part(request: Request) -> Response:
    """PUT /lfs/oid/size/part/number"""
    number = part(request, "number")
    store, _, oid, size = _signed(request, f"/part/{number}")
    tag = await store.multipart.receive(request, oid, size, int(number))
    return Response(status_code=200, headers={"ETag": f'"{tag}"'})


async def complete(request: Request) -> Response:
    """POST /lfs/oid/size/complete: all parts were sent"""
    store, repo, oid, size = _signed(request, "/complete")
    body = await read_json_object(request)
    if body.get("oid") != oid or not isinstance(body.get("parts"), list):
        raise HubError(400, "Completing an upload needs oid and parts")
    if store.blobs.size(oid) != size:  # a client that missed the answer asks again
        await run_in_threadpool(store.multipart.complete, oid, size, body["parts"])
    await run_in_threadpool(store.database.add_objects, repo, [oid])
    return JSONResponse({"success": True})


async def verify(request: Request) -> Response:
    """POST /P owner/name.git/info/lfs/objects/verify"""
    repo = writable_repo(request)
    body = await read_json_object(request)
    oid = sha256_name(body.get("oid"))
    store = store_of(request)
    if not store.database.has_object(repo, oid) or store.blobs.size(oid) != body.get("size"):
        raise HubError(404, "The object is not stored with this size")
    return JSONResponse({})
