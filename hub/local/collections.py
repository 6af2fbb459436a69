"""Routes of collections: named lists of repositories."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object
from hub.local.context import part, store_of, text_field
from hub.local.errors import HubError, no_repo
from hub.local.names import KINDS, repo_name
from hub.local.times import time_text

MAX_ITEMS = 500
THEMES = ("orange", "blue", "green", "purple", "pink", "indigo")
Body = dict[str, Any]


async def create(request: Request) -> Response:
    """POST /api/collections"""
    store = store_of(request)
    asked = await read_json_object(request)
    owner = text_field(asked, "namespace", 100, store.access.known_account(request).name)
    store.access.writer(request, owner, "collection")
    title = text_field(asked, "title", 60).strip()
    if not title:
        raise HubError(400, '"title" is not allowed to be empty')
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "collection"
    body = {"title": title, "description": text_field(asked, "description", 150, ""), "items": [], "theme": "blue"}
    slug = f"{owner}/{words}-{secrets.token_hex(12)}"
    return JSONResponse(await run_in_threadpool(_insert, request, slug, owner, asked.get("private") is True, body))


def _insert(request: Request, slug: str, owner: str, private: bool, body: Body) -> Body:
    store = store_of(request)
    with store.database.transaction() as connection:
        for other, text in connection.execute("SELECT slug, body FROM collections WHERE owner = ?", (owner,)):
            if json.loads(text)["title"] == body["title"]:
                raise HubError(409, "This collection exists already", body={"slug": other})
        row = (slug, owner, private, time.time(), json.dumps(body))
        connection.execute("INSERT INTO collections VALUES (?,?,?,?,?)", row)
    return _shown(request, *row)


def listing(request: Request) -> Response:
    """GET /api/collections?owner&item"""
    store, query = store_of(request), request.query_params
    account = store.access.account(request)
    found = []
    for row in store.database.rows("SELECT * FROM collections ORDER BY updated DESC"):
        seen = not row[2] or (account is not None and account.belongs_to(row[1]))
        if seen and query.get("owner") in (None, row[1]):
            found.append({name: value for name, value in _shown(request, *row).items() if name != "position"})
    if item := query.get("item"):
        found = [body for body in found if item in [f"{one['type']}s/{one['id']}" for one in body["items"]]]
    return JSONResponse(found)


def _slug(request: Request) -> str:
    return f"{part(request, 'owner')}/{part(request, 'slug')}"


def _find(request: Request, writing: bool) -> tuple[str, str, bool, float, str]:
    store, slug = store_of(request), _slug(request)
    rows = store.database.rows("SELECT * FROM collections WHERE slug = ?", slug)
    account = store.access.known_account(request) if writing else store.access.account(request)
    if not rows or (rows[0][2] and not (account and account.belongs_to(rows[0][1]))):
        raise HubError(404, f"Collection not found: {slug}")
    if writing:
        store.access.writer(request, rows[0][1], "collection")
    found: tuple[str, str, bool, float, str] = rows[0]
    return found


def info(request: Request) -> Response:
    """GET /api/collections/owner/slug"""
    return JSONResponse(_shown(request, *_find(request, writing=False)))


def _shown(request: Request, slug: str, owner: str, private: int, updated: float, text: str) -> Body:
    """A collection, without the items that the request may not see."""
    store, body = store_of(request), json.loads(text)
    account = store.access.account(request)
    items = []
    for place, item in enumerate(body.pop("items")):
        try:
            repo = store.database.repo(repo_name(item["type"], *item["id"].split("/", 1)))
        except HubError:
            continue  # it was deleted
        if not repo.private or (account is not None and account.belongs_to(repo.name.owner)):
            note = {"text": item["note"]} if item["note"] else None
            row = {"_id": item["_id"], "type": item["type"], "id": repo.name.id, "position": place, "note": note}
            items.append({**row, "repoType": item["type"], "private": repo.private, "author": repo.name.owner})
    kind = "org" if owner in store.access.people.orgs else "user"
    head = {"slug": slug, "owner": {"name": owner, "fullname": owner, "type": kind}, "items": items, **body}
    return {**head, "lastUpdated": time_text(updated), "private": bool(private), "position": 0, "upvotes": 0}


def _edit(request: Request, change: Callable[[Body], None], private: bool | None = None) -> Body:
    with store_of(request).database.transaction() as connection:
        slug, owner, was_private, _, text = _find(request, writing=True)
        body = json.loads(text)
        change(body)
        row = (slug, owner, was_private if private is None else private, time.time(), json.dumps(body))
        connection.execute("INSERT OR REPLACE INTO collections VALUES (?,?,?,?,?)", row)
    return _shown(request, *row)


async def update(request: Request) -> Response:
    """PATCH /api/collections/owner/slug"""
    asked = await read_json_object(request)
    fields: Body = {key: text_field(asked, key, 150) for key in ("title", "description", "theme") if key in asked}
    if fields.get("theme", "blue") not in THEMES or not fields.get("title", "-").strip():
        raise HubError(400, f'A collection has a title, and a "theme" of {", ".join(THEMES)}')
    private = asked.get("private") if isinstance(asked.get("private"), bool) else None
    body = await run_in_threadpool(_edit, request, lambda body: body.update(fields), private)
    return JSONResponse({"success": True, "data": body})


def delete(request: Request) -> Response:
    """DELETE /api/collections/owner/slug"""
    slug = _find(request, writing=True)[0]
    with store_of(request).database.transaction() as connection:
        connection.execute("DELETE FROM collections WHERE slug = ?", (slug,))
    return JSONResponse({"success": True})


async def add_item(request: Request) -> Response:
    """POST /api/collections/owner/slug/items"""
    asked = await read_json_object(request)
    item = asked.get("item")
    kind, name = (item.get("type"), item.get("id")) if isinstance(item, dict) else (None, None)
    if kind not in KINDS or not isinstance(name, str) or "/" not in name:
        raise HubError(400, "An item has type (model, dataset, space) and id")
    row = {"_id": secrets.token_hex(12), "type": kind, "id": name, "note": text_field(asked, "note", 500, "")}
    return JSONResponse(await run_in_threadpool(_edit, request, lambda body: _append(request, body, row)))


def _append(request: Request, body: Body, row: Body) -> None:
    store = store_of(request)
    repo = store.database.repo(repo_name(row["type"], *row["id"].split("/", 1)))
    account = store.access.known_account(request)
    if repo.private and not account.belongs_to(repo.name.owner):
        raise no_repo(row["id"])
    if any((item["type"], item["id"]) == (row["type"], row["id"]) for item in body["items"]):
        raise HubError(409, "This item is in the collection already")
    if len(body["items"]) >= MAX_ITEMS:
        raise HubError(400, f"A collection has at most {MAX_ITEMS} items")
    body["items"].append(row)


async def change_item(request: Request) -> Response:
    """PATCH /api/collections/owner/slug/items/id: its note or position"""
    asked = await read_json_object(request)
    note, position = asked.get("note"), asked.get("position")
    if not isinstance(note, str | None) or type(position) not in (int, type(None)):
        raise HubError(400, "An item's note is text, and its position a number")

    def change(body: Body) -> None:
        item = _taken(request, body)
        item["note"] = item["note"] if note is None else note[:500]
        place = item.pop("place")
        body["items"].insert(place if position is None else max(0, min(position, len(body["items"]))), item)

    return JSONResponse(await run_in_threadpool(_edit, request, change))


def _taken(request: Request, body: Body) -> Body:
    wanted = part(request, "item")
    for place, item in enumerate(body["items"]):
        if item["_id"] == wanted:
            found: Body = body["items"].pop(place)
            return {**found, "place": place}
    raise HubError(404, "There is no such item in the collection")


async def delete_item(request: Request) -> Response:
    """DELETE /api/collections/owner/slug/items/id"""

    def change(body: Body) -> None:
        _taken(request, body)

    return JSONResponse(await run_in_threadpool(_edit, request, change))
