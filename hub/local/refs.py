"""Routes about refs and history: branches, tags, the list of commits, squashing."""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object
from hub.local.context import (
    base_url,
    commit_at,
    part,
    readable_repo,
    store_of,
    text_field,
    writable_repo,
    writer,
)
from hub.local.database import Commit, Ref
from hub.local.errors import HubError
from hub.local.names import ref_name
from hub.local.times import time_text

PAGE = 1000


def refs(request: Request) -> Response:
    """GET /api/T/owner/name/refs"""
    repo = readable_repo(request)
    database = store_of(request).database
    body: dict[str, Any] = {"converts": []}
    for kind, key in (("branch", "branches"), ("tag", "tags")):
        body[key] = [_ref_row(Ref(kind, name), target) for name, target in database.refs(repo, kind)]
    if request.query_params.get("include_prs"):
        found = [_ref_row(Ref("pr", name), target) for name, target in database.refs(repo, "pr")]
        body["pullRequests"] = sorted(found, key=lambda row: int(row["name"].rpartition("/")[2]))
    return JSONResponse(body)


def _ref_row(ref: Ref, target: str) -> dict[str, Any]:
    return {"name": ref.name, "ref": ref.full, "targetCommit": target}


def commits(request: Request) -> Response:
    """GET /api/T/owner/name/commits/rev, 1000 a page or `limit`"""
    repo = readable_repo(request)
    size = _limit(request)
    start = page_number(request) * size
    history = store_of(request).database.history(repo, commit_at(request, repo))
    found = list(islice(history, start, start + size + 1))
    headers = next_page(request) if len(found) > size else {}
    return JSONResponse([_shown(commit) for commit in found[:size]], headers=headers)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "")
    return min(max(int(text), 1), PAGE) if text.isascii() and text.isdigit() and len(text) < 10 else PAGE


def page_number(request: Request, name: str = "cursor") -> int:
    """The `cursor` of a paged listing, 0 without one. Raises HubError 400."""
    cursor = request.query_params.get(name, "0")
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise HubError(400, "Invalid cursor")
    return int(cursor)


def next_page(request: Request) -> dict[str, str]:
    """The Link header that names the following page."""
    query = str(request.url.include_query_params(cursor=page_number(request) + 1).query)
    path = request.scope["path"]  # still quoted, see app.py
    return {"Link": f'<{base_url(request)}{path}?{query}>; rel="next"'}


def _shown(commit: Commit) -> dict[str, Any]:
    return {
        "id": commit.id,
        "title": commit.title,
        "message": commit.message,
        "date": time_text(commit.created),
        "authors": [{"user": commit.author}],
        "formatted": {"title": commit.title, "message": commit.message},
    }


async def create_branch(request: Request) -> Response:
    """POST /api/T/owner/name/branch/name"""
    repo = writable_repo(request)
    body = await read_json_object(request)
    database = store_of(request).database
    start = database.commit_of(repo, str(body.get("startingPoint") or "main")).id
    await run_in_threadpool(database.add_ref, repo, Ref("branch", ref_name(part(request, "ref"))), start)
    return JSONResponse({})


async def create_tag(request: Request) -> Response:
    """POST /api/T/owner/name/tag/rev"""
    repo = writable_repo(request)
    body = await read_json_object(request)
    database = store_of(request).database
    target = database.commit_of(repo, part(request, "ref"))
    await run_in_threadpool(database.add_ref, repo, Ref("tag", ref_name(body.get("tag"))), target.id)
    return JSONResponse({})


def delete_branch(request: Request) -> Response:
    """DELETE /api/T/owner/name/branch/name"""
    repo, name = writable_repo(request), part(request, "ref")
    if name == "main":
        raise HubError(400, "The main branch cannot be deleted")
    store_of(request).database.delete_ref(repo, Ref("branch", name))
    return JSONResponse({})


def delete_tag(request: Request) -> Response:
    """DELETE /api/T/owner/name/tag/name"""
    store_of(request).database.delete_ref(writable_repo(request), Ref("tag", part(request, "ref")))
    return JSONResponse({})


async def super_squash(request: Request) -> Response:
    """POST /api/T/owner/name/super-squash/branch: its history becomes one commit"""
    account = writer(request)
    repo = writable_repo(request)
    message = text_field(await read_json_object(request), "message", default="Super-squash")
    branch = part(request, "ref").removeprefix("refs/heads/")
    title, _, text = message.partition("\n\n")
    oid = await run_in_threadpool(
        store_of(request).database.squash, repo, branch, (title.strip() or "Super-squash", text, account.name)
    )
    return JSONResponse({"success": True, "commitOid": oid})
