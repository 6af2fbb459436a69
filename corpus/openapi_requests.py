"""The HTTP request of an OpenAPI operation: method, address, and where its parameters go."""

from __future__ import annotations

from typing import Any

from corpus.openapi_schemas import resolved

PLACES = {"query": "query", "header": "headers"}


def request_of(
    document: dict[str, Any], method: str, path: str, item: dict[str, Any], operation: dict[str, Any]
) -> dict[str, Any]:
    """What `corpus.render_http` makes a request of; empty where the document names no server.

    `{"method": "POST", "url": "https://…/boxes/{id}", "query": [names], "headers": [names], "media": of the body}`,
    the last three where there are any.

    Raises:
        MalformedDocument: unresolved_reference or reference_cycle.
    """
    server = _server(document)
    if not server:
        return {}
    found: dict[str, Any] = {"method": method.upper(), "url": server.rstrip("/") + path}
    parts = [part for owner in (item, operation) for part in _list(owner.get("parameters"))]
    for parameter in (resolved(document, part) for part in parts):
        if place := PLACES.get(str(parameter.get("in"))):
            found.setdefault(place, []).append(str(parameter.get("name")))
    if media := _media(document, operation):
        found["media"] = media
    return found


def _server(document: dict[str, Any]) -> str:
    """Address of the first server (version 3), or host and base path (version 2)."""
    if isinstance(document.get("host"), str):
        schemes = _list(document.get("schemes"))
        scheme = "http" if schemes and "https" not in schemes else "https"
        return f"{scheme}://{document['host']}{document.get('basePath') or ''}"
    servers = [part for part in _list(document.get("servers")) if isinstance(part, dict)]
    url = _with_defaults(servers[0]) if servers else ""
    # A variable that is left in the address would look like a parameter of the path.
    return url if url.startswith(("http://", "https://")) and "{" not in url else ""


def _with_defaults(server: dict[str, Any]) -> str:
    """The address with the default of every variable in it."""
    url, variables = str(server.get("url") or ""), server.get("variables")
    for name, variable in variables.items() if isinstance(variables, dict) else ():
        if isinstance(variable, dict) and "default" in variable:
            url = url.replace("{" + str(name) + "}", str(variable["default"]))
    return url


def _media(document: dict[str, Any], operation: dict[str, Any]) -> str:
    content = resolved(document, operation.get("requestBody")).get("content")
    kinds = list(content) if isinstance(content, dict) else []
    kinds = kinds or [*_list(operation.get("consumes")), *_list(document.get("consumes"))]
    return str(min(kinds, key=lambda kind: ("json" not in str(kind), "form" not in str(kind)))) if kinds else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
