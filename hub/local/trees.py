"""Routes that list files: tree and paths-info."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import MAX_JSON_BYTES, parse_object, read_body
from hub.local.context import commit_at, part, readable_repo, store_of, time_text
from hub.local.database import Commit, Entry, Tree
from hub.local.errors import HubError, no_entry
from hub.local.oids import pointer
from hub.local.refs import next_page, page_number

PAGE = 1000
EXPANDED_PAGE = 50
Row = dict[str, Any]


def tree(request: Request) -> Response:
    """GET /api/T/owner/name/tree/rev[/path]?recursive&expand"""
    repo = readable_repo(request)
    commit = commit_at(request, repo)
    files = store_of(request).database.tree(repo, commit.id)
    folder = part(request, "path").strip("/")
    expand = _is_true(request.query_params.get("expand"))
    rows = _listing(files, folder, _is_true(request.query_params.get("recursive")))
    if folder and not rows:
        raise no_entry(folder, commit.id)
    size = EXPANDED_PAGE if expand else PAGE
    start = page_number(request) * size
    headers = next_page(request) if len(rows) > start + size else {}
    return JSONResponse([_expanded(row, commit, expand) for row in rows[start : start + size]], headers=headers)


def _listing(files: Tree, folder: str, recursive: bool) -> list[Row]:
    prefix = f"{folder}/" if folder else ""
    inside = [path for path in files if path.startswith(prefix)]
    folders = sorted({name for path in inside for name in _parents(path) if name.startswith(prefix) and name != folder})
    rows = [folder_row(files, name) for name in folders] + [file_row(path, files[path]) for path in inside]
    return [row for row in rows if recursive or "/" not in row["path"][len(prefix) :]]


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


async def paths_info(request: Request) -> Response:
    """POST /api/T/owner/name/paths-info/rev; paths that do not exist are left out"""
    repo = readable_repo(request)
    commit = commit_at(request, repo)
    files = store_of(request).database.tree(repo, commit.id)
    paths, expand = _asked(await read_body(request, MAX_JSON_BYTES), request.headers.get("content-type", ""))
    rows = [_expanded(row, commit, expand) for row in _named(files, paths)]
    return JSONResponse(rows)


def _asked(body: bytes, content_type: str) -> tuple[list[str], bool]:
    if "json" in content_type:
        values = parse_object(body)
        paths = values.get("paths")
        if not isinstance(paths, list):
            raise HubError(400, "paths must be a list")
        return [str(path) for path in paths], bool(values.get("expand"))
    form = parse_qs(body.decode("utf-8", "replace"))
    return form.get("paths", []), _is_true(form.get("expand", [""])[0])


def _named(files: Tree, paths: list[str]) -> Iterable[Row]:
    for path in (path.strip("/") for path in paths):
        if path in files:
            yield file_row(path, files[path])
        elif any(name.startswith(path + "/") for name in files):
            yield folder_row(files, path)


def file_row(path: str, entry: Entry) -> Row:
    """A file as the API lists it."""
    row: Row = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        size = len(pointer(entry.sha256, entry.size))
        row["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": size}
    return row


def folder_row(files: Tree, folder: str) -> Row:
    """A folder as the API lists it; its id is a hash over what it holds."""
    inside = [(path, entry.oid) for path, entry in files.items() if path.startswith(folder + "/")]
    oid = hashlib.sha1(repr(sorted(inside)).encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": folder}


def _expanded(row: Row, commit: Commit, expand: bool) -> Row:
    if not expand:
        return row
    return {**row, "lastCommit": {"id": commit.id, "title": commit.title, "date": time_text(commit.created)}}


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true")
