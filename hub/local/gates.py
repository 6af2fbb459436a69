"""Routes of gated repositories: asking for access, and the owners' lists and decisions."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object
from hub.local.context import part, readable_repo, store_of, text_field, writable_repo
from hub.local.database import Repo
from hub.local.errors import HubError
from hub.local.store import Store
from hub.local.times import time_text

STATUSES = ("pending", "accepted", "rejected")


async def ask(request: Request) -> Response:
    """POST /P owner/name/ask-access: the request of the user whose token it carries; a body's fields are kept"""
    repo = readable_repo(request)
    store = store_of(request)
    account = store.access.known_account(request)
    if repo.gated is None:
        raise HubError(400, f"{repo.name.id} is not gated")
    fields = await read_json_object(request) if "json" in request.headers.get("content-type", "") else {}
    if len(json.dumps(fields)) > 10_000:
        raise HubError(413, "The fields of a request are longer than 10000 characters")
    status = "accepted" if repo.gated == "auto" else "pending"
    return JSONResponse({"status": await run_in_threadpool(_ask, store, repo, account.name, status, fields)})


def _ask(store: Store, repo: Repo, user: str, status: str, fields: dict[str, Any]) -> str:
    with store.database.transaction() as connection:
        row = (repo.key, user, secrets.token_hex(12), status, time.time(), json.dumps(fields))
        connection.execute(
            "INSERT OR IGNORE INTO requests (repo, user, id, status, created, fields) VALUES (?,?,?,?,?,?)", row
        )
        query = "SELECT status FROM requests WHERE repo = ? AND user = ?"
        return str(connection.execute(query, (repo.key, user)).fetchone()[0])


def listed(request: Request) -> Response:
    """GET /api/T/owner/name/user-access-request/status"""
    repo, status = _gated(request), part(request, "status")
    if status not in STATUSES:
        raise HubError(400, f"A request is {', '.join(STATUSES)}, not {status[:50]}")
    query = "SELECT user, id, created, fields FROM requests WHERE repo = ? AND status = ? ORDER BY created"
    rows = store_of(request).database.rows(query, repo.key, status)
    return JSONResponse([_row(status, *row) for row in rows])


def _row(status: str, user: str, number: str, created: float, fields: str | None) -> dict[str, Any]:
    shown = {"user": user, "fullname": user, "email": None}
    row = {"requestId": number, "user": shown, "status": status, "timestamp": time_text(created)}
    return {**row, "fields": json.loads(fields or "{}") or None}


def _gated(request: Request) -> Repo:
    repo = writable_repo(request)
    if repo.gated is None:
        raise HubError(400, f"{repo.name.id} is not gated")
    return repo


async def handle(request: Request) -> Response:
    """POST /api/T/owner/name/user-access-request/handle: accept, reject, or back to pending"""
    repo = _gated(request)
    body = await read_json_object(request)
    status = body.get("status")
    if status not in STATUSES:
        raise HubError(400, f"A request becomes {', '.join(STATUSES)}, not {str(status)[:50]}")
    field = "user" if body.get("user") is not None else "requestId"
    value = text_field(body, field, 100)
    column = "user" if field == "user" else "id"
    await run_in_threadpool(_set, store_of(request), repo, column, value, status)
    return JSONResponse({"success": True})


def _set(store: Store, repo: Repo, column: str, value: str, status: str) -> None:
    with store.database.transaction() as connection:
        query = f"SELECT status FROM requests WHERE repo = ? AND {column} = ?"
        found = connection.execute(query, (repo.key, value)).fetchone()
        if found is None:
            raise HubError(404, f"There is no access request of {value}")
        if found[0] == status:
            raise HubError(404, f"The access request of {value} is {status} already")
        connection.execute(f"UPDATE requests SET status = ? WHERE repo = ? AND {column} = ?", (status, repo.key, value))


async def grant(request: Request) -> Response:
    """POST /api/T/owner/name/user-access-request/grant: let a user in who has not asked"""
    repo = _gated(request)
    store = store_of(request)
    user = text_field(await read_json_object(request), "user", 100)
    if user not in store.access.people.names():
        raise HubError(404, f"There is no user {user}")
    await run_in_threadpool(_grant, store, repo, user)
    return JSONResponse({"success": True})


def _grant(store: Store, repo: Repo, user: str) -> None:
    with store.database.transaction() as connection:
        query = "SELECT status FROM requests WHERE repo = ? AND user = ?"
        if connection.execute(query, (repo.key, user)).fetchone() == ("accepted",):
            raise HubError(400, f"{user} has access already")
        row = (repo.key, user, secrets.token_hex(12), "accepted", time.time(), "{}")
        connection.execute(
            "INSERT OR REPLACE INTO requests (repo, user, id, status, created, fields) VALUES (?,?,?,?,?,?)", row
        )
