"""Routes that change files: what a file is stored as (preupload), and the commit itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pathspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.blobs import BlobBatch
from hub.local.bodies import parse_object, read_json_object, read_lines
from hub.local.context import base_url, commit_at, part, readable_repo, store_of
from hub.local.database import Ref, Repo, Words
from hub.local.errors import HubError
from hub.local.names import file_path, sha256_name
from hub.local.oids import git_oid, is_large, pointer
from hub.local.pulls import open_pull, pull_account
from hub.local.store import Store
from hub.local.treestore import Entry, FrozenTree, Tree
from hub.local.users import Account

MAX_LINE_BYTES = 32 << 20
MAX_OPERATIONS = 100_000
Change = Callable[[Tree], None]


async def preupload(request: Request) -> Response:
    """POST /api/T/owner/name/preupload/rev"""
    repo, _ = _committer(request)
    tree = store_of(request).database.tree(repo, commit_at(request, repo).id)
    body = await read_json_object(request)
    files, ignored = body.get("files"), body.get("gitIgnore")
    if not isinstance(files, list):
        raise HubError(400, "files must be a list")
    ignore = _ignore_rules(ignored) if isinstance(ignored, str) else None
    return JSONResponse({"files": [_upload_mode(file, tree, ignore) for file in files]})


def _ignore_rules(text: str) -> pathspec.PathSpec:
    try:
        return pathspec.PathSpec.from_lines("gitignore", text[:65_536].splitlines()[:1000])
    except (ValueError, RecursionError):
        raise HubError(400, "gitIgnore is not a .gitignore file") from None


def _upload_mode(file: Any, tree: FrozenTree, ignore: pathspec.PathSpec | None) -> dict[str, Any]:
    if not isinstance(file, dict) or not isinstance(file.get("size"), int) or file["size"] < 0:
        raise HubError(400, "a file needs path, sample and size")
    path = file_path(file.get("path"))
    large = is_large(path, file["size"], _decode(file.get("sample", "")))
    ignored = ignore is not None and ignore.match_file(path)
    row: dict[str, Any] = {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": ignored}
    if path in tree:
        row["oid"] = tree[path].sha256 if tree[path].lfs else tree[path].oid
    return row


def _committer(request: Request) -> tuple[Repo, Account]:
    """Who may write, or, with create_pr or on a pull request, who may open one. Raises HubError 401, 403, 404."""
    repo = readable_repo(request)
    access = store_of(request).access
    revision = part(request, "revision")
    if _creates_pull(request) or revision.startswith("refs/pr/"):
        return repo, pull_account(store_of(request), request, repo, revision)
    account = access.known_account(request)
    if account.role != "read" and not account.may_write(repo.name.owner):
        raise HubError(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
    return repo, access.writer(request, repo.name.owner, repo.name.kind)


def _creates_pull(request: Request) -> bool:
    return request.query_params.get("create_pr", "").lower() in ("1", "true")


async def commit(request: Request) -> Response:
    """POST /api/T/owner/name/commit/rev[?create_pr=1]"""
    repo, account = _committer(request)
    store = store_of(request)
    ref = _branch(store, repo, part(request, "revision"))
    batch = store.blobs.batch()
    try:
        header, changes = await _read_changes(request, repo, batch)
        parent, words = _words(header, account.name)
        await run_in_threadpool(batch.finish)
    except OSError:
        raise HubError(507, "The disk of this Hub is full") from None
    finally:
        batch.discard()
    target = f"{base_url(request)}/{repo.name.url_path}"
    body: dict[str, Any] = {"success": True, "hookOutput": "", "pullRequestUrl": None}
    if _creates_pull(request):
        if ref != Ref("branch", "main"):
            raise HubError(400, "Pull Requests are opened against main")
        number, oid = await run_in_threadpool(open_pull, store, repo, ref, parent, _apply_all(changes), words)
        body["pullRequestUrl"] = f"{target}/discussions/{number}"
    else:
        oid = await run_in_threadpool(store.database.commit, repo, ref, parent, _apply_all(changes), words)
    return JSONResponse({**body, "commitOid": oid, "commitUrl": f"{target}/commit/{oid}"})


def _branch(store: Store, repo: Repo, revision: str) -> Ref:
    store.database.commit_of(repo, revision)  # 404 when there is no such revision
    found = store.database.find_ref(repo, revision)
    if found is None or found[0].kind == "tag":
        raise HubError(400, f"Commits go to a branch or pull request, and {revision[:100]} is neither")
    return found[0]


async def _read_changes(request: Request, repo: Repo, batch: BlobBatch) -> tuple[dict[str, Any], list[Change]]:
    header: dict[str, Any] | None = None
    changes: list[Change] = []
    async for line in read_lines(request, MAX_LINE_BYTES):
        if not line.strip():
            continue
        row = parse_object(line)
        key, value = row.get("key"), row.get("value")
        if not isinstance(value, dict):
            raise HubError(400, "A commit line needs key and value")
        if key == "header":
            header = value
        elif len(changes) >= MAX_OPERATIONS:
            raise HubError(413, f"A commit may hold {MAX_OPERATIONS} operations; make several")
        else:
            changes.append(await run_in_threadpool(_change, store_of(request), repo, batch, key, value))
    return header or {}, changes


def _words(header: dict[str, Any], author: str) -> tuple[str | None, Words]:
    title, message, parent = header.get("summary"), header.get("description") or "", header.get("parentCommit")
    if not isinstance(title, str) or not title.strip() or not isinstance(message, str):
        raise HubError(400, "A commit needs a summary")
    if parent is not None and not isinstance(parent, str):
        raise HubError(400, "parentCommit must be a commit id")
    return parent, (title, message, author)


def _change(store: Store, repo: Repo, batch: BlobBatch, key: Any, value: dict[str, Any]) -> Change:
    path = file_path(str(value.get("path", "")).rstrip("/"))
    if key == "file":
        return _put(path, _regular_entry(batch, value))
    if key == "lfsFile":
        return _put(path, _large_entry(store, repo, path, value))
    if key == "copyFile":
        return _copy(store, repo, path, value)
    if key == "deletedFile":
        return lambda tree: _delete(tree, [path], path)
    if key == "deletedFolder":
        return lambda tree: _delete(tree, [name for name in tree if name.startswith(path + "/")], path)
    raise HubError(400, f"Unknown operation: {str(key)[:100]!r}")


def _regular_entry(batch: BlobBatch, value: dict[str, Any]) -> Entry:
    content = value.get("content")
    if not isinstance(content, str):
        raise HubError(400, "A file needs content")
    data = _decode(content) if value.get("encoding") == "base64" else content.encode()
    return Entry(batch.add(data), len(data), git_oid(data), False)


def _large_entry(store: Store, repo: Repo, path: str, value: dict[str, Any]) -> Entry:
    sha256 = sha256_name(value.get("oid"))
    size = store.blobs.size(sha256)
    # Knowing a hash gives no right to content that others sent to their repositories.
    if size is None or not store.database.has_object(repo, sha256):
        raise HubError(400, f"The content of {path} was not uploaded to this repository: no LFS object {sha256}")
    if value.get("size", size) != size:
        raise HubError(400, f"The LFS object {sha256} of {path} has {size} bytes, not {str(value['size'])[:30]}")
    return Entry(sha256, size, git_oid(pointer(sha256, size)), True)


def _copy(store: Store, repo: Repo, path: str, value: dict[str, Any]) -> Change:
    source = file_path(value.get("srcPath"))
    revision = value.get("srcRevision")
    other = (
        store.database.tree(repo, store.database.commit_of(repo, revision).id) if isinstance(revision, str) else None
    )

    def change(tree: Tree) -> None:
        found = (tree if other is None else other).get(source)
        if found is None:
            raise HubError(404, f'A file with the name "{source}" doesn\'t exist', "EntryNotFound")
        _put(path, replace(found, commit=""))(tree)

    return change


def _put(path: str, entry: Entry) -> Change:
    return lambda tree: tree.update({path: entry})


def _delete(tree: Tree, paths: list[str], named: str) -> None:
    if not paths or any(path not in tree for path in paths):
        raise HubError(404, f'A file with the name "{named}" doesn\'t exist', "EntryNotFound")
    for path in paths:
        del tree[path]


def _apply_all(changes: list[Change]) -> Callable[[Tree], None]:
    def change(tree: Tree) -> None:
        for step in changes:
            step(tree)
        _refuse_clashes(tree)

    return change


def _refuse_clashes(tree: Tree) -> None:
    folders: set[str] = set()
    for path in tree:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    if clash := folders & tree.keys():
        raise HubError(400, f"{min(clash)} is a file and a folder at once")


def _decode(text: Any) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise HubError(400, "Not valid base64") from None
