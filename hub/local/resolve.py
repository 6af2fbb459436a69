"""The download route: one file of one revision, with ranges, served from its blob."""

from __future__ import annotations

import os

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hub.local.context import commit_at, part, readable_repo, store_of
from hub.local.errors import HubError, no_entry

PIECE_BYTES = 1 << 20


class BlobResponse(FileResponse):
    """A file response in large pieces: each is a trip through a thread."""

    chunk_size = PIECE_BYTES


def resolve(request: Request) -> Response:
    """GET and HEAD /P owner/name/resolve/rev/path"""
    repo = readable_repo(request)
    commit = commit_at(request, repo)
    store = store_of(request)
    path = part(request, "path")
    entry = store.database.tree(repo, commit.id).get(path)
    if entry is None:
        raise no_entry(path, commit.id)
    tag = entry.sha256 if entry.lfs else entry.oid
    # No X-Xet-Hash: downloads stay plain HTTP. nosniff and sandbox keep an uploaded page from running in a browser.
    headers = {"X-Repo-Commit": commit.id, "ETag": f'"{tag}"', "X-Content-Type-Options": "nosniff"}
    headers |= {"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "no-cache"}
    if entry.lfs:
        headers |= {"X-Linked-Etag": f'"{tag}"', "X-Linked-Size": str(entry.size)}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    file = store.blobs.path(entry.sha256)
    try:
        status = os.stat(file)
    except FileNotFoundError:
        raise HubError(500, f"The store has lost blob {entry.sha256} of {path}; publish the file again") from None
    return BlobResponse(file, headers=headers, media_type="application/octet-stream", stat_result=status)
