"""Routes of discussions and pull requests."""

from __future__ import annotations

import difflib
import json
from html import escape
from itertools import islice
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local import pulls
from hub.local.blobs import DamagedBlob
from hub.local.bodies import read_json_object
from hub.local.context import part, readable_repo, store_of, text_field
from hub.local.database import Repo
from hub.local.errors import HubError
from hub.local.pulls import Discussion
from hub.local.refs import page_number
from hub.local.store import Store
from hub.local.times import time_text
from hub.local.treestore import Entry, FrozenTree
from hub.local.users import Account

PAGE = 50
MAX_DIFF_FILE = 256 << 10
MAX_DIFF_LINES = 5000


def listing(request: Request) -> Response:
    """GET /api/T/owner/name/discussions?type&status&author&p"""
    repo = readable_repo(request)
    query = request.query_params
    kind, status, author = query.get("type"), query.get("status"), query.get("author")
    found = [
        one
        for one in pulls.every(store_of(request), repo)
        if (kind in (None, "all") or one.pull == (kind == "pull_request"))
        and (status in (None, "all") or (one.status in ("open", "draft")) == (status == "open"))
        and author in (None, one.author)
    ]
    start = page_number(request, "p") * PAGE
    rows = [_row(repo, one) for one in found[start : start + PAGE]]
    return JSONResponse({"discussions": rows, "count": len(found), "start": start, "numClosedDiscussions": 0})


def _row(repo: Repo, one: Discussion) -> dict[str, Any]:
    row = {"num": one.num, "title": one.title, "status": one.status, "isPullRequest": one.pull}
    row |= {"author": {"name": one.author}, "createdAt": time_text(one.created), "pinned": False}
    return {**row, "repo": {"name": repo.name.id, "type": repo.name.kind}}


def details(request: Request) -> Response:
    """GET /api/T/owner/name/discussions/num?diff=1"""
    repo, store = readable_repo(request), store_of(request)
    one = pulls.find(store, repo, _number(request))
    query = "SELECT id, kind, author, created, data FROM events WHERE repo = ? AND num = ? ORDER BY number"
    events = [_event(*row) for row in store.database.rows(query, repo.key, one.num)]
    body = {**_row(repo, one), "events": events}
    if one.pull:
        base, ours, theirs = pulls.trees_of(store, repo, one)
        events += _commit_events(store, repo, one)
        body["changes"] = {"base": "refs/heads/main", "mergeCommitId": one.merged}
        body["filesWithConflicts"] = pulls.conflicts(base, ours, theirs) if one.status in ("open", "draft") else []
        if request.query_params.get("diff") == "1":
            body["diff"] = _diff(store, base, theirs)
    events.sort(key=lambda event: str(event["createdAt"]))
    return JSONResponse(body)


def _event(number: str, kind: str, author: str, created: float, data: str) -> dict[str, Any]:
    value = json.loads(data)
    if kind == "comment":
        text = value["raw"]
        shown = {"raw": text, "html": f"<p>{escape(text)}</p>", "updatedAt": time_text(value.get("edited", created))}
        value = {"edited": "edited" in value, "hidden": bool(value.get("hidden")), "history": []}
        value["latest"] = {**shown, "author": {"name": author}}
    return {"id": number, "type": kind, "author": {"name": author}, "createdAt": time_text(created), "data": value}


def _commit_events(store: Store, repo: Repo, one: Discussion) -> list[dict[str, Any]]:
    head = store.database.commit_of(repo, one.ref.name)
    events = []
    for commit in islice(store.database.history(repo, head), 500):
        if commit.id == one.base:
            break
        event = {"id": commit.id[:24], "type": "commit", "author": {"name": commit.author}}
        events.append(
            {**event, "createdAt": time_text(commit.created), "data": {"subject": commit.title, "oid": commit.id}}
        )
    return events


def _diff(store: Store, base: FrozenTree, theirs: FrozenTree) -> str:
    lines: list[str] = []
    for path in sorted(base.keys() | theirs.keys()):
        old, new = base.get(path), theirs.get(path)
        if (old and old.content) != (new and new.content) and len(lines) < MAX_DIFF_LINES:
            lines.append(f"diff --git a/{path} b/{path}")
            before, after = _text(store, old), _text(store, new)
            if before is None or after is None:
                lines.append(f"Binary files a/{path} and b/{path} differ")
            else:
                names = (f"a/{path}" if old else "/dev/null", f"b/{path}" if new else "/dev/null")
                lines += islice(difflib.unified_diff(before, after, *names, lineterm=""), MAX_DIFF_LINES)
    return "\n".join(lines)


def _text(store: Store, entry: Entry | None) -> list[str] | None:
    if entry is None:
        return []
    if entry.lfs or entry.size > MAX_DIFF_FILE:
        return None
    try:
        return store.blobs.read(entry.sha256, entry.size).decode().splitlines()
    except (DamagedBlob, UnicodeDecodeError):
        return None


def _number(request: Request) -> int:
    text = part(request, "num")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise HubError(404, "Discussion not found", "DiscussionNotFound")
    return int(text)


async def create(request: Request) -> Response:
    """POST /api/T/owner/name/discussions"""
    repo, store = readable_repo(request), store_of(request)
    account = _author(request)
    body = await read_json_object(request)
    title, text = text_field(body, "title", 200).strip(), text_field(body, "description", default="")
    if len(title) < 3:
        raise HubError(400, "A title has at least 3 characters")
    pull = body.get("pullRequest") is True
    number = await run_in_threadpool(pulls.open_discussion, store, repo, title, text, account.name, pull)
    return JSONResponse({"num": number, "pullRequest": pull, "title": title})


def _author(request: Request) -> Account:
    account = store_of(request).access.known_account(request)
    if account.role == "read":
        raise HubError(403, "Forbidden: you must use a write token to do this")
    return account


async def comment(request: Request) -> Response:
    """POST /api/T/owner/name/discussions/num/comment"""
    text = text_field(await read_json_object(request), "comment")
    if not text.strip():
        raise HubError(400, "A comment cannot be empty")
    return JSONResponse({"newMessage": await run_in_threadpool(_note, request, "comment", {"raw": text})})


def _note(request: Request, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    repo, store, account = readable_repo(request), store_of(request), _author(request)
    with store.database.transaction() as connection:
        one = pulls.find(store, repo, _number(request))
        if kind != "comment" and one.author != account.name:
            store.access.writer(request, repo.name.owner, repo.name.kind)
        if kind == "title-change":
            data = {"from": one.title, **data}
            connection.execute(
                "UPDATE discussions SET title = ? WHERE repo = ? AND num = ?", (data["to"], repo.key, one.num)
            )
        if kind == "status-change":
            if one.status == "merged":
                raise HubError(400, "A merged Pull Request stays merged")
            values = (data["status"], repo.key, one.num)
            connection.execute("UPDATE discussions SET status = ? WHERE repo = ? AND num = ?", values)
        event = pulls.add_event(connection, repo, one.num, kind, account.name, data)
        row = connection.execute("SELECT id, kind, author, created, data FROM events WHERE id = ?", (event,)).fetchone()
    return _event(*row)


async def title(request: Request) -> Response:
    """POST /api/T/owner/name/discussions/num/title"""
    new = text_field(await read_json_object(request), "title", 200).strip()
    if len(new) < 3:
        raise HubError(400, "A title has at least 3 characters")
    return JSONResponse({"newTitle": await run_in_threadpool(_note, request, "title-change", {"to": new})})


async def status(request: Request) -> Response:
    """POST /api/T/owner/name/discussions/num/status"""
    body = await read_json_object(request)
    new = body.get("status")
    if new not in ("open", "closed"):
        raise HubError(400, "A status is open or closed")
    event = await run_in_threadpool(_note, request, "status-change", {"status": new})
    if isinstance(body.get("comment"), str) and body["comment"].strip():
        await run_in_threadpool(_note, request, "comment", {"raw": body["comment"][:65_536]})
    return JSONResponse({"newStatus": event})


async def merge(request: Request) -> Response:
    """POST /api/T/owner/name/discussions/num/merge"""
    repo, store = readable_repo(request), store_of(request)
    account = store.access.writer(request, repo.name.owner, repo.name.kind)
    body = await read_json_object(request)
    commit = await run_in_threadpool(pulls.merge, store, repo, _number(request), account.name)
    if isinstance(body.get("comment"), str) and body["comment"].strip():
        await run_in_threadpool(_note, request, "comment", {"raw": body["comment"][:65_536]})
    return JSONResponse({"success": True, "mergeCommitId": commit})


async def edit_comment(request: Request) -> Response:
    """POST /api/T/owner/name/discussions/num/comment/id/edit and …/hide"""
    hide = request.scope["path"].endswith("/hide")
    text = None if hide else text_field(await read_json_object(request), "content")
    return JSONResponse({"updatedComment": await run_in_threadpool(_edit, request, text)})


def _edit(request: Request, text: str | None) -> dict[str, Any]:
    repo, store, account = readable_repo(request), store_of(request), _author(request)
    query = "SELECT id, kind, author, created, data FROM events WHERE repo = ? AND num = ? AND id = ?"
    with store.database.transaction() as connection:
        values = (repo.key, _number(request), part(request, "comment"))
        row = connection.execute(query, values).fetchone()
        if row is None or row[1] != "comment":
            raise HubError(404, "There is no such comment")
        if row[2] != account.name:
            store.access.writer(request, repo.name.owner, repo.name.kind)
        data = json.loads(row[4]) | (
            {"raw": "This comment has been hidden", "hidden": True} if text is None else {"raw": text}
        )
        data["edited"] = row[3]
        connection.execute("UPDATE events SET data = ? WHERE id = ?", (json.dumps(data), row[0]))
    return _event(row[0], row[1], row[2], row[3], json.dumps(data))
