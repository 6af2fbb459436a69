"""Routes of the LFS protocol: which objects are missing, their upload, and the check that they arrived."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object, receive_blob
from hub.local.context import base_url, part, store_of, writable_repo
from hub.local.errors import HubError
from hub.local.names import sha256_name

MAX_OBJECT_BYTES = 200 << 30


async def batch(request: Request) -> Response:
    """POST /P owner/name.git/info/lfs/objects/batch"""
    writable_repo(request)
    body = await read_json_object(request)
    objects = body.get("objects")
    if body.get("operation") != "upload" or not isinstance(objects, list):
        raise HubError(400, "Only uploads go through LFS here; downloads use resolve")
    return JSONResponse({"transfer": "basic", "objects": [_object(request, item) for item in objects]})


def _object(request: Request, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(item.get("size"), int):
        raise HubError(400, "An object needs oid and size")
    oid, size = sha256_name(item.get("oid")), item["size"]
    store = store_of(request)
    row: dict[str, Any] = {"oid": oid, "size": size}
    if store.blobs.size(oid) == size:
        return row
    signature = store.access.sign(f"upload {oid} {size}")
    repo = base_url(request) + request.url.path.removesuffix("/objects/batch")
    upload = {"href": f"{base_url(request)}/lfs/{oid}/{size}?signature={quote(signature)}"}
    verify = {"href": f"{repo}/objects/verify", "header": {}}
    return {**row, "authenticated": True, "actions": {"upload": upload, "verify": verify}}


async def upload(request: Request) -> Response:
    """PUT /lfs/oid/size: the address is signed, so the client sends no token"""
    oid, size = sha256_name(part(request, "oid")), int(request.path_params["size"])
    store = store_of(request)
    store.access.check(f"upload {oid} {size}", request.query_params.get("signature", ""))
    writer = await receive_blob(request, store.blobs, min(size, MAX_OBJECT_BYTES))
    await run_in_threadpool(store.blobs.adopt, writer, oid)
    return Response(status_code=200)


async def verify(request: Request) -> Response:
    """POST /P owner/name.git/info/lfs/objects/verify"""
    writable_repo(request)
    body = await read_json_object(request)
    if store_of(request).blobs.size(sha256_name(body.get("oid"))) != body.get("size"):
        raise HubError(404, "The object is not stored with this size")
    return JSONResponse({})
