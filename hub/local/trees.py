"""Routes that list files: tree and paths-info."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import MAX_JSON_BYTES, parse_object, read_body
from hub.local.context import commit_at, part, readable_repo, store_of
from hub.local.database import Commit, Repo
from hub.local.errors import HubError, no_entry
from hub.local.oids import pointer
from hub.local.refs import next_page, page_number
from hub.local.store import Store
from hub.local.times import time_text
from hub.local.treestore import Entry, FrozenTree

PAGE = 1000
EXPANDED_PAGE = 50
MAX_PATHS = 20_000
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
    shown = rows[start : start + size]
    if expand:
        shown = _expanded(store_of(request), repo, commit, files, shown)
    return JSONResponse(shown, headers=headers)


def _listing(files: FrozenTree, folder: str, recursive: bool) -> list[Row]:
    prefix = f"{folder}/" if folder else ""
    inside = {path: entry for path, entry in files.items() if path.startswith(prefix)}
    rows = [row for row in folder_rows(inside) if row["path"].startswith(prefix)]
    rows += [file_row(path, entry) for path, entry in inside.items()]
    return [row for row in rows if recursive or "/" not in row["path"][len(prefix) :]]


def _parents(path: str) -> Iterator[str]:
    place = path.find("/")
    while place >= 0:
        yield path[:place]
        place = path.find("/", place + 1)


async def paths_info(request: Request) -> Response:
    """POST /api/T/owner/name/paths-info/rev; paths that do not exist are left out"""
    repo = readable_repo(request)
    commit = commit_at(request, repo)
    store = store_of(request)
    files = store.database.tree(repo, commit.id)
    paths, expand = _asked(await read_body(request, MAX_JSON_BYTES), request.headers.get("content-type", ""))
    if len(paths) > MAX_PATHS:
        raise HubError(413, f"A request may name {MAX_PATHS} paths; make several")
    rows = list(_named(files, [path.strip("/") for path in paths]))
    return JSONResponse(_expanded(store, repo, commit, files, rows) if expand else rows)


def _asked(body: bytes, content_type: str) -> tuple[list[str], bool]:
    if "json" in content_type:
        values = parse_object(body)
        paths = values.get("paths")
        if not isinstance(paths, list):
            raise HubError(400, "paths must be a list")
        return [str(path) for path in paths], bool(values.get("expand"))
    try:
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MAX_PATHS + 1)
    except ValueError:
        raise HubError(413, f"A request may name {MAX_PATHS} paths; make several") from None
    return form.get("paths", []), _is_true(form.get("expand", [""])[0])


def _named(files: FrozenTree, paths: list[str]) -> Iterable[Row]:
    folders = {row["path"]: row for row in folder_rows(files)} if any(path not in files for path in paths) else {}
    for path in paths:
        if path in files:
            yield file_row(path, files[path])
        elif path in folders:
            yield folders[path]


def file_row(path: str, entry: Entry) -> Row:
    """A file as the API lists it."""
    row: Row = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        size = len(pointer(entry.sha256, entry.size))
        row["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": size}
    return row


def folder_rows(files: FrozenTree) -> list[Row]:
    """Every folder above the files, as the API lists it; its id is a hash over what it holds."""
    digests: dict[str, Any] = {}
    for path, entry in files.items():
        for folder in _parents(path):
            digest = digests.get(folder) or digests.setdefault(folder, hashlib.sha1(usedforsecurity=False))
            digest.update(f"{path[len(folder) :]}\0{entry.oid}\0".encode())
    rows = sorted((folder, digest.hexdigest()) for folder, digest in digests.items())
    return [{"type": "directory", "oid": oid, "size": 0, "path": folder} for folder, oid in rows]


def _expanded(store: Store, repo: Repo, commit: Commit, files: FrozenTree, rows: list[Row]) -> list[Row]:
    """Rows with the last commit that changed each file, or a file in each folder."""
    touching = {row["path"]: _commits_of(files, row) for row in rows}
    known = store.database.commits(repo, {one for ids in touching.values() for one in ids})
    expanded = []
    for row in rows:
        found = [known[one] for one in touching[row["path"]] if one in known]
        last = max(found, key=lambda one: one.created, default=commit)
        shown = {"id": last.id, "title": last.title, "date": time_text(last.created)}
        expanded.append({**row, "lastCommit": shown})
    return expanded


def _commits_of(files: FrozenTree, row: Row) -> set[str]:
    if row["type"] == "file":
        return {files[row["path"]].commit}
    return {entry.commit for path, entry in files.items() if path.startswith(row["path"] + "/")}


def _is_true(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true")
