"""The application: which address is which route."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.local import (
    collections,
    commits,
    discussions,
    gates,
    lfs,
    listings,
    pages,
    refs,
    repos,
    resolve,
    spaces,
    trees,
    xet,
)
from hub.local.errors import HubError, error_response, no_repo
from hub.local.names import KINDS, PREFIX
from hub.local.store import Store

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
REPO = "/{owner}/{name}"


class RawPath:
    """Routes match the path as it was sent: a revision such as refs%2Fheads%2Fmain is one segment of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Replace the unquoted path by the raw one."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("ascii", "replace")}
        await self._app(scope, receive, send)


def make_app(store: Store, hosts: Sequence[str] = LOOPBACK_NAMES) -> Starlette:
    """The Hub over one store.

    Args:
        store: what it serves.
        hosts: names it answers to in the Host header; ("*",) for any.
    """
    middleware = [
        # Without this a page on the web could reach the server through a name that resolves to 127.0.0.1.
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        Middleware(RawPath),
    ]
    routes = [*_common(), *(route for kind in KINDS for route in _of_kind(kind)), *_pages(), _nothing()]
    handlers = {HubError: error_response, ClientDisconnect: _gone, sqlite3.OperationalError: _busy, OSError: _disk}
    app = Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)
    app.state.store = store
    return app


def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to read it


def _busy(request: Request, error: Exception) -> Response:
    if not any(word in str(error) for word in ("locked", "full", "disk", "readonly")):
        raise error
    return error_response(request, HubError(503, f"The database of this Hub cannot take this now: {error}"))


def _disk(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return error_response(request, HubError(507, "The disk of this Hub is full"))
    raise error


def _common() -> list[BaseRoute]:
    upload, session = "/lfs/{oid}/{size}", "/xet/{session}"
    org = "/api/organizations/{org}"
    return [
        Route("/api/whoami-v2", repos.whoami),
        Route("/api/repos/create", repos.create, methods=["POST"]),
        Route("/api/repos/delete", repos.delete, methods=["DELETE"]),
        Route("/api/repos/move", repos.move, methods=["POST"]),
        Route("/api/validate-yaml", repos.validate_yaml, methods=["POST"]),
        Route("/api/settings/repositories", listings.own_repos),
        Route(org + "/settings/repositories", listings.own_repos),
        Route(org + "/overview", listings.org_overview),
        Route(org + "/members", listings.org_members),
        Route("/api/users/{user}/overview", listings.user_overview),
        Route("/api/spaces/hardware", spaces.all_hardware),
        Route("/api/spaces/templates", spaces.templates),
        *_of_collections(),
        Route(upload, lfs.upload, methods=["PUT"]),
        Route(upload + "/part/{number}", lfs.upload_part, methods=["PUT"]),
        Route(upload + "/complete", lfs.complete, methods=["POST"]),
        Route(session + "/v1/xorbs/{prefix}/{hash}", xet.xorb, methods=["POST"]),
        Route(session + "/v1/shards", xet.shard, methods=["POST"]),
        Route(session + "/{rest:path}", xet.absent, methods=["GET", "POST", "PUT"]),
    ]


def _of_collections() -> list[BaseRoute]:
    one = "/api/collections/{owner}/{slug}"
    return [
        Route("/api/collections", collections.listing),
        Route("/api/collections", collections.create, methods=["POST"]),
        Route(one, collections.info),
        Route(one, collections.update, methods=["PATCH"]),
        Route(one, collections.delete, methods=["DELETE"]),
        Route(one + "/items", collections.add_item, methods=["POST"]),
        Route(one + "/items/{item}", collections.change_item, methods=["PATCH"]),
        Route(one + "/items/{item}", collections.delete_item, methods=["DELETE"]),
    ]


def _of_kind(kind: str) -> list[BaseRoute]:
    api, root = f"/api/{kind}s{REPO}", f"/{PREFIX[kind]}"
    objects = f"{root}{{owner}}/{{name}}.git/info/lfs/objects"
    talk, request = api + "/discussions/{num}", api + "/user-access-request"

    def route(path: str, endpoint: Callable[[Request], Any], method: str = "GET") -> Route:
        return _with_kind(Route(path, endpoint, methods=[method]), kind)

    return [
        route(f"/api/{kind}s", listings.listing),
        route(api, listings.info),
        route(api + "/revision/{revision}", listings.info),
        route(api + "/settings", repos.settings, "PUT"),
        route(api + "/duplicate", repos.duplicate, "POST"),
        route(api + "/auth-check", repos.auth_check),
        route(api + "/auth-check/write", repos.auth_check),
        route(api + "/lfs-files", listings.lfs_files),
        route(api + "/refs", refs.refs),
        route(api + "/commits/{revision}", refs.commits),
        route(api + "/super-squash/{ref}", refs.super_squash, "POST"),
        route(api + "/branch/{ref}", refs.create_branch, "POST"),
        route(api + "/branch/{ref}", refs.delete_branch, "DELETE"),
        route(api + "/tag/{ref}", refs.create_tag, "POST"),
        route(api + "/tag/{ref}", refs.delete_tag, "DELETE"),
        route(api + "/preupload/{revision}", commits.preupload, "POST"),
        route(api + "/commit/{revision}", commits.commit, "POST"),
        route(api + "/tree/{revision}", trees.tree),
        route(api + "/tree/{revision}/{path:path}", trees.tree),
        route(api + "/paths-info/{revision}", trees.paths_info, "POST"),
        route(api + "/xet-write-token/{revision}", xet.write_token),
        route(request + "/handle", gates.handle, "POST"),
        route(request + "/grant", gates.grant, "POST"),
        route(request + "/{status}", gates.listed),
        route(api + "/discussions", discussions.listing),
        route(api + "/discussions", discussions.create, "POST"),
        route(talk, discussions.details),
        route(talk + "/comment", discussions.comment, "POST"),
        route(talk + "/comment/{comment}/edit", discussions.edit_comment, "POST"),
        route(talk + "/comment/{comment}/hide", discussions.edit_comment, "POST"),
        route(talk + "/title", discussions.title, "POST"),
        route(talk + "/status", discussions.status, "POST"),
        route(talk + "/merge", discussions.merge, "POST"),
        *(_of_spaces(api, route) if kind == "space" else []),
        route(objects + "/batch", lfs.batch, "POST"),
        route(objects + "/verify", lfs.verify, "POST"),
        route(root + "{owner}/{name}/ask-access", gates.ask, "POST"),
        route(root + "{owner}/{name}/resolve/{revision}/{path:path}", resolve.resolve),
    ]


def _of_spaces(api: str, route: Callable[..., Route]) -> list[Route]:
    keys = [
        route(f"{api}/{field}", endpoint, method)
        for field, show in (("variables", spaces.variables), ("secrets", spaces.secrets))
        for endpoint, method in ((show, "GET"), (spaces.put_key, "POST"), (spaces.drop_key, "DELETE"))
    ]
    return [
        *keys,
        route(api + "/runtime", spaces.runtime),
        route(api + "/hardware", spaces.hardware, "POST"),
        route(api + "/sleeptime", spaces.sleeptime, "POST"),
        route(api + "/pause", spaces.pause, "POST"),
        route(api + "/restart", spaces.restart, "POST"),
        route(api + "/dev-mode", spaces.dev_mode, "POST"),
        route(api + "/volumes", spaces.set_volumes, "PUT"),
        route(api + "/volumes", spaces.delete_volumes, "DELETE"),
    ]


def _with_kind(route: Route, kind: str) -> Route:
    inner = route.app

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["path_params"] = {**scope["path_params"], "kind": kind}
        await inner(scope, receive, send)

    route.app = app
    return route


def _pages() -> list[BaseRoute]:
    shown = [Route("/", pages.index)]
    for kind in sorted(KINDS, key=lambda kind: -len(PREFIX[kind])):
        shown.append(_with_kind(Route(f"/{PREFIX[kind]}{{owner}}/{{name}}", pages.repo_page), kind))
    rows = "/datasets/{owner}/{name}/viewer/{config}/{split}"
    return [*shown, _with_kind(Route(rows, pages.rows_page), "dataset")]


def _nothing() -> Route:
    def nothing(request: Request) -> Response:
        raise no_repo(request.scope["path"].strip("/"))

    return Route("/{path:path}", nothing, methods=["GET", "HEAD", "POST", "PUT", "DELETE"])
