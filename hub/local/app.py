"""The application: which address is which route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.local import commits, lfs, pages, refs, repos, resolve, trees, xet
from hub.local.errors import HubError, error_response, no_repo
from hub.local.names import KINDS, PREFIX
from hub.local.store import Store

HOSTS = ["127.0.0.1", "localhost", "[::1]"]
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


def make_app(store: Store) -> Starlette:
    """The Hub over one store."""
    middleware = [
        # Without this a page on the web could reach the server through a name that resolves to 127.0.0.1.
        Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
        Middleware(RawPath),
    ]
    routes = [*_common(), *(route for kind in KINDS for route in _of_kind(kind)), *_pages(), _nothing()]
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={HubError: error_response})
    app.state.store = store
    return app


def _common() -> list[BaseRoute]:
    session = "/xet/{session}"
    return [
        Route("/api/whoami-v2", repos.whoami),
        Route("/api/repos/create", repos.create, methods=["POST"]),
        Route("/api/repos/delete", repos.delete, methods=["DELETE"]),
        Route("/api/validate-yaml", repos.validate_yaml, methods=["POST"]),
        Route("/lfs/{oid}/{size:int}", lfs.upload, methods=["PUT"]),
        Route(session + "/v1/xorbs/{prefix}/{hash}", xet.xorb, methods=["POST"]),
        Route(session + "/v1/shards", xet.shard, methods=["POST"]),
        Route(session + "/{rest:path}", xet.absent, methods=["GET", "POST", "PUT"]),
    ]


def _of_kind(kind: str) -> list[BaseRoute]:
    api, root = f"/api/{kind}s{REPO}", f"/{PREFIX[kind]}"
    objects = f"{root}{{owner}}/{{name}}.git/info/lfs/objects"

    def route(path: str, endpoint: Callable[[Request], Any], method: str = "GET") -> Route:
        found = Route(path, endpoint, methods=[method])
        return _with_kind(found, kind)

    return [
        route(f"/api/{kind}s", repos.listing),
        route(api, repos.info),
        route(api + "/revision/{revision}", repos.info),
        route(api + "/settings", repos.settings, "PUT"),
        route(api + "/refs", refs.refs),
        route(api + "/commits/{revision}", refs.commits),
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
        route(objects + "/batch", lfs.batch, "POST"),
        route(objects + "/verify", lfs.verify, "POST"),
        route(root + "{owner}/{name}/resolve/{revision}/{path:path}", resolve.resolve),
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
    return [*shown]


def _nothing() -> Route:
    def nothing(request: Request) -> Response:
        raise no_repo(request.scope["path"].strip("/"))

    return Route("/{path:path}", nothing, methods=["GET", "HEAD", "POST", "PUT", "DELETE"])
