"""Routes that tell about repositories and people: information, lists, users, organisations, large files."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.context import commit_at, part, readable_repo, store_of
from hub.local.database import Repo
from hub.local.describe import describe, sibling
from hub.local.errors import HubError
from hub.local.refs import next_page, page_number
from hub.local.spaces import runtime_of
from hub.local.times import time_text

PAGE = 1000


def info(request: Request) -> Response:
    """GET /api/T/owner/name[/revision/rev]"""
    repo = readable_repo(request)
    store = store_of(request)
    commit = commit_at(request, repo)
    tree = store.database.tree(repo, commit.id)
    with_blobs = request.query_params.get("blobs", "").lower() in ("1", "true")
    body = describe(store, repo, commit, tree)
    if repo.name.kind == "space":
        body["runtime"] = runtime_of(store, repo)
    body["siblings"] = [sibling(path, entry, with_blobs) for path, entry in tree.items()]
    return JSONResponse(_expanded(request, body))


def _expanded(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    fields = request.query_params.getlist("expand") + request.query_params.getlist("expand[]")
    if not fields:
        return body
    return {key: value for key, value in body.items() if key in fields or key in ("_id", "id", "modelId")}


def listing(request: Request) -> Response:
    """GET /api/T: repositories that the request may see, with search, author, filter, gated, sort and limit"""
    store = store_of(request)
    query = request.query_params
    account = store.access.account(request)
    needle, author = query.get("search", "").lower(), query.get("author")
    filters = [item for text in query.getlist("filter") for item in text.split(",") if item]
    rows = []
    for repo in store.database.repos(request.path_params["kind"]):
        seen = not repo.private or (account is not None and account.belongs_to(repo.name.owner))
        if seen and author in (None, repo.name.owner) and needle in repo.name.id.lower():
            row = _row(request, repo)
            if all(item in row["tags"] or item == row.get("pipeline_tag") for item in filters):
                rows.append(row)
    if (gated := query.get("gated")) is not None:
        rows = [row for row in rows if bool(row["gated"]) == (gated.lower() in ("1", "true"))]
    rows = _sorted(rows, query.get("sort"))
    return _page(request, [_expanded(request, row) for row in rows])


def _row(request: Request, repo: Repo) -> dict[str, Any]:
    database = store_of(request).database
    commit = database.commit_of(repo, "main")
    return describe(store_of(request), repo, commit, database.tree(repo, commit.id))


def _sorted(rows: list[dict[str, Any]], key: str | None) -> list[dict[str, Any]]:
    names = {"created_at": "createdAt", "createdAt": "createdAt", "last_modified": "lastModified"}
    field = names.get(key or "", "lastModified" if key == "lastModified" else "")
    return sorted(rows, key=lambda row: str(row[field]), reverse=True) if field else rows


def _page(request: Request, rows: list[dict[str, Any]]) -> Response:
    text = request.query_params.get("limit", "")
    size = min(max(int(text), 1), PAGE) if text.isascii() and text.isdigit() and len(text) < 10 else PAGE
    start = page_number(request) * size
    headers = next_page(request) if len(rows) > start + size else {}
    return JSONResponse(rows[start : start + size], headers=headers)


def own_repos(request: Request) -> Response:
    """GET /api/settings/repositories, /api/organizations/name/settings/repositories: all of one namespace"""
    store = store_of(request)
    account = store.access.known_account(request)
    owner = part(request, "org") or account.name
    if not account.belongs_to(owner):
        raise HubError(403, f"You are no member of {owner}")
    rows = []
    for repo in (repo for repo in store.database.repos() if repo.name.owner == owner):
        shown = _row(request, repo)
        visibility = "private" if repo.private else "public"
        row = {"id": repo.name.id, "type": repo.name.kind, "visibility": visibility, "private": repo.private}
        rows.append({**row, "updatedAt": shown["lastModified"], "storage": shown["usedStorage"], "storagePercent": 0.0})
    return _page(request, rows)


def user_overview(request: Request) -> Response:
    """GET /api/users/name/overview"""
    people, name = store_of(request).access.people, part(request, "user")
    accounts = [account for account in people.accounts.values() if account.name == name]
    if not accounts:
        raise HubError(404, "This user does not exist")
    orgs = [{"name": org, "fullname": org, "avatarUrl": ""} for org in sorted(accounts[0].orgs)]
    return JSONResponse({**_user_row(name), **_counts(request, name), "orgs": orgs})


def org_overview(request: Request) -> Response:
    """GET /api/organizations/name/overview"""
    people, name = store_of(request).access.people, part(request, "org")
    if name not in people.orgs:
        raise HubError(404, "This organization does not exist")
    body = {"name": name, "fullname": name, "avatarUrl": "", "type": "org", "numUsers": len(people.orgs[name])}
    return JSONResponse({**body, **_counts(request, name), "isFollowing": False, "plan": None})


def org_members(request: Request) -> Response:
    """GET /api/organizations/name/members"""
    people, name = store_of(request).access.people, part(request, "org")
    if name not in people.orgs:
        raise HubError(404, "This organization does not exist")
    return _page(request, [_user_row(member) for member in sorted(people.orgs[name])])


def _user_row(name: str) -> dict[str, Any]:
    return {"user": name, "fullname": name, "avatarUrl": "", "type": "user", "isPro": False, "createdAt": time_text(0)}


def _counts(request: Request, owner: str) -> dict[str, int]:
    repos = [repo for repo in store_of(request).database.repos() if repo.name.owner == owner and not repo.private]
    return {
        f"num{kind.capitalize()}s": sum(repo.name.kind == kind for repo in repos)
        for kind in ("model", "dataset", "space")
    }


def lfs_files(request: Request) -> Response:
    """GET /api/T/owner/name/lfs-files: large files of main"""
    repo = readable_repo(request)
    database = store_of(request).database
    commit = database.commit_of(repo, "main")
    rows = [
        {"fileOid": entry.sha256, "filename": path, "oid": entry.sha256, "pushedAt": time_text(commit.created)}
        | {"ref": "refs/heads/main", "size": entry.size}
        for path, entry in database.tree(repo, commit.id).items()
        if entry.lfs
    ]
    return _page(request, rows)
