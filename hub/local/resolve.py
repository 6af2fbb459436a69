"""The download route: one file of one revision, with ranges, served from its blob."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from hub.local.blobs import DamagedBlob
from hub.local.context import commit_at, downloadable_repo, part, store_of
from hub.local.downloads import BlobResponse, asked_range
from hub.local.errors import HubError, damaged_blob, no_entry


def resolve(request: Request) -> Response:
    """GET and HEAD /P owner/name/resolve/rev/path"""
    repo = downloadable_repo(request)
    commit = commit_at(request, repo)
    store = store_of(request)
    path = part(request, "path")
    entry = store.database.tree(repo, commit.id).get(path)
    if entry is None:
        raise no_entry(path, commit.id)
    tag = entry.sha256 if entry.lfs else entry.oid
    name = quote(path.rpartition("/")[2])
    # No X-Xet-Hash: downloads stay plain HTTP. nosniff and sandbox keep an uploaded page from running in a browser.
    headers = {"X-Repo-Commit": commit.id, "ETag": f'"{tag}"', "X-Content-Type-Options": "nosniff"}
    headers |= {"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "no-cache"}
    headers |= {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"inline; filename*=UTF-8''{name}; filename=\"{name}\"",
    }
    if entry.lfs:
        headers |= {"X-Linked-Etag": f'"{tag}"', "X-Linked-Size": str(entry.size)}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    try:
        if request.method == "HEAD":
            return Response(  # what the file is; whether its bytes are good, a GET tells
                None, headers={**headers, "Content-Length": str(entry.size)}, media_type="application/octet-stream"
            )
        wanted = _range(request, tag, entry.size, headers)
        if wanted:
            headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[1] - 1}/{entry.size}"
        return BlobResponse(store.blobs, entry.sha256, entry.size, wanted, headers)
    except DamagedBlob:
        raise damaged_blob(entry.sha256, path) from None


def _matches(header: str, tag: str) -> bool:
    tags = [item.strip().removeprefix("W/").strip('"') for item in header.split(",")]
    return tag in tags or "*" in tags


def _range(request: Request, tag: str, size: int, headers: dict[str, str]) -> tuple[int, int] | None:
    asked = request.headers.get("range")
    condition = request.headers.get("if-range")
    if asked is None or (condition is not None and condition.strip().strip('"') != tag):
        return None
    try:
        return asked_range(asked, size)
    except ValueError:
        more = {"Content-Range": f"bytes */{size}", "X-Repo-Commit": headers["X-Repo-Commit"]}
        raise HubError(416, f"Requested range not satisfiable: the file has {size} bytes", headers=more) from None
