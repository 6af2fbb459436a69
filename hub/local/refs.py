"""Routes about refs and history: branches, tags, the list of commits."""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object
from hub.local.context import base_url, commit_at, part, readable_repo, store_of, time_text, writable_repo
from hub.local.database import Commit
from hub.local.errors import HubError
from hub.local.names import ref_name

PAGE = 1000


def refs(request: Request) -> Response:
    """GET /api/T/owner/name/refs"""
    repo = readable_repo(request)
    database = store_of(request).database
    body: dict[str, Any] = {"converts": []}
    for kind, key, prefix in (("branch", "branches", "refs/heads/"), ("tag", "tags", "refs/tags/")):
        found = database.refs(repo, kind)
        body[key] = [{"name": name, "ref": prefix + name, "targetCommit": target} for name, target in found]
    if request.query_params.get("include_prs"):
        body["pullRequests"] = []
    return JSONResponse(body)


def commits(request: Request) -> Response:
    """GET /api/T/owner/name/commits/rev, 1000 a page"""
    repo = readable_repo(request)
    start = page_number(request) * PAGE
    history = store_of(request).database.history(repo, commit_at(request, repo))
    found = list(islice(history, start, start + PAGE + 1))
    headers = next_page(request) if len(found) > PAGE else {}
    return JSONResponse([_shown(commit) for commit in found[:PAGE]], headers=headers)


def page_number(request: Request) -> int:
    """The `cursor` of a paged listing, 0 without one. Raises HubError 400."""
    cursor = request.query_params.get("cursor", "0")
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
    start = database.commit_of(repo, str(body.get("startingPoint") or "main"))
    await run_in_threadpool(database.add_ref, repo, "branch", ref_name(part(request, "ref")), start.id)
    return JSONResponse({})


async def create_tag(request: Request) -> Response:
    """POST /api/T/owner/name/tag/rev"""
    repo = writable_repo(request)
    body = await read_json_object(request)
    database = store_of(request).database
    target = database.commit_of(repo, part(request, "ref"))
    await run_in_threadpool(database.add_ref, repo, "tag", ref_name(body.get("tag")), target.id)
    return JSONResponse({})


def delete_branch(request: Request) -> Response:
    """DELETE /api/T/owner/name/branch/name"""
    name = part(request, "ref")
    if name == "main":
        raise HubError(400, "The main branch cannot be deleted")
    store_of(request).database.delete_ref(writable_repo(request), "branch", name)
    return JSONResponse({})


def delete_tag(request: Request) -> Response:
    """DELETE /api/T/owner/name/tag/name"""
    store_of(request).database.delete_ref(writable_repo(request), "tag", part(request, "ref"))
    return JSONResponse({})
