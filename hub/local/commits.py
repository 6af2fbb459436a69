"""Routes that change files: what a file is stored as (preupload), and the commit itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import parse_object, read_json_object, read_lines
from hub.local.context import base_url, commit_at, part, store_of, writable_repo
from hub.local.database import Entry, Tree
from hub.local.errors import HubError
from hub.local.names import file_path, sha256_name
from hub.local.oids import git_oid, is_large, pointer
from hub.local.store import Store

MAX_LINE_BYTES = 32 << 20
Change = Callable[[Tree], None]


async def preupload(request: Request) -> Response:
    """POST /api/T/owner/name/preupload/rev"""
    repo = writable_repo(request)
    tree = store_of(request).database.tree(repo, commit_at(request, repo).id)
    files = (await read_json_object(request)).get("files")
    if not isinstance(files, list):
        raise HubError(400, "files must be a list")
    return JSONResponse({"files": [_upload_mode(file, tree) for file in files]})


def _upload_mode(file: Any, tree: Tree) -> dict[str, Any]:
    if not isinstance(file, dict) or not isinstance(file.get("size"), int):
        raise HubError(400, "a file needs path, sample and size")
    path = file_path(file.get("path"))
    large = is_large(path, file["size"], _decode(file.get("sample", "")))
    row: dict[str, Any] = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
    if path in tree:
        row["oid"] = tree[path].sha256 if tree[path].lfs else tree[path].oid
    return row


async def commit(request: Request) -> Response:
    """POST /api/T/owner/name/commit/rev"""
    repo = writable_repo(request)
    store = store_of(request)
    author = store.access.writer(request)
    if request.query_params.get("create_pr") in ("1", "true"):
        raise HubError(400, "The embedded Hub has no pull requests")
    branch = part(request, "revision").removeprefix("refs/heads/")
    store.database.commit_of(repo, branch)
    header: dict[str, Any] = {}
    changes: list[Change] = []
    async for line in read_lines(request, MAX_LINE_BYTES):
        if line.strip():
            row = parse_object(line)
            key, value = row.get("key"), row.get("value")
            if not isinstance(value, dict):
                raise HubError(400, "A commit line needs key and value")
            if key == "header":
                header = value
            else:
                changes.append(await run_in_threadpool(_change, store, key, value))
    parent, words = _words(header, author)
    oid = await run_in_threadpool(store.database.commit, repo, branch, parent, _apply_all(changes), words)
    url = f"{base_url(request)}/{repo.name.url_path}/commit/{oid}"
    return JSONResponse({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})


def _words(header: dict[str, Any], author: str) -> tuple[str | None, tuple[str, str, str]]:
    title, message, parent = header.get("summary"), header.get("description") or "", header.get("parentCommit")
    if not isinstance(title, str) or not title.strip() or not isinstance(message, str):
        raise HubError(400, "A commit needs a summary")
    if parent is not None and not isinstance(parent, str):
        raise HubError(400, "parentCommit must be a commit id")
    return parent, (title, message, author)


def _change(store: Store, key: Any, value: dict[str, Any]) -> Change:
    path = file_path(str(value.get("path", "")).rstrip("/"))
    if key == "file":
        return _put(path, _regular_entry(store, value))
    if key == "lfsFile":
        return _put(path, _large_entry(store, path, value))
    if key == "deletedFile":
        return lambda tree: _delete(tree, [path], path)
    if key == "deletedFolder":
        return lambda tree: _delete(tree, [name for name in tree if name.startswith(path + "/")], path)
    raise HubError(400, f"Unknown operation: {str(key)[:100]!r}")


def _regular_entry(store: Store, value: dict[str, Any]) -> Entry:
    content = value.get("content")
    if not isinstance(content, str):
        raise HubError(400, "A file needs content")
    data = _decode(content) if value.get("encoding") == "base64" else content.encode("utf-8", "surrogatepass")
    return Entry(store.blobs.store(data), len(data), git_oid(data), False)


def _large_entry(store: Store, path: str, value: dict[str, Any]) -> Entry:
    sha256 = sha256_name(value.get("oid"))
    size = store.blobs.size(sha256)
    if size is None:
        raise HubError(400, f"The content of {path} was not uploaded: no blob {sha256}")
    return Entry(sha256, size, git_oid(pointer(sha256, size)), True)


def _put(path: str, entry: Entry) -> Change:
    def change(tree: Tree) -> None:
        above = path.split("/")
        clash = any("/".join(above[:depth]) in tree for depth in range(1, len(above)))
        if clash or any(name.startswith(path + "/") for name in tree):
            raise HubError(400, f"{path} is a file and a folder at once")
        tree[path] = entry

    return change


def _delete(tree: Tree, paths: list[str], named: str) -> None:
    if not paths or any(path not in tree for path in paths):
        raise HubError(404, f"A file with this name doesn't exist: {named}", "EntryNotFound")
    for path in paths:
        del tree[path]


def _apply_all(changes: list[Change]) -> Callable[[Tree], Tree]:
    def change(tree: Tree) -> Tree:
        for step in changes:
            step(tree)
        return tree

    return change


def _decode(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise HubError(400, "Not valid base64") from None
