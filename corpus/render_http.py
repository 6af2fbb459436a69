"""An API call as an HTTP request on the command line."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any
from urllib.parse import quote, urlencode

from corpus.api import Api

HOLE = re.compile(r"\{([+/]?)([^{}]+)\}")
AUTHORIZATION = {
    "google": "Authorization: Bearer $(gcloud auth print-access-token)",
    "microsoft": "Authorization: Bearer $ACCESS_TOKEN",
}
"""Header without which a platform answers nothing."""


def http_request(api: Api) -> dict[str, Any] | None:
    """What an API's examples say of its HTTP request, None where they do not.

    `{"method": "POST", "url": "https://…/boxes/{id}", "query": [names], "headers": [names], "media": of the body}`;
    `{+name}` in an address keeps slashes (RFC 6570), and parameters in no place go into the body.
    """
    return next((part for part in api.examples if "method" in part and "url" in part), None)


def curl(api: Api, request: dict[str, Any], arguments: dict[str, Any]) -> str:
    """The command line that sends the arguments."""
    left = dict(arguments)
    url = HOLE.sub(lambda hole: _in_path(left.pop(hole[2], hole[2]), keep=bool(hole[1])), request["url"])
    method = request["method"].upper()
    has_body = method not in ("GET", "HEAD", "DELETE")
    query = {name: left.pop(name) for name in list(left) if name in request.get("query", ()) or not has_body}
    headers = {name: left.pop(name) for name in request.get("headers", ()) if name in left}
    headers |= {name: query.pop(name) for name in request.get("headers", ()) if name in query}
    if query:
        url += "?" + urlencode({name: _plain(value) for name, value in query.items()}, doseq=True)
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}{shlex.quote(url)}"]
    if api.provider in AUTHORIZATION:
        lines.append(f'-H "{AUTHORIZATION[api.provider]}"')
    lines += [f"-H {shlex.quote(f'{name}: {_plain(value)}')}" for name, value in headers.items()]
    if left:
        lines += _body(_whole_or_parts(api, left), request.get("media") or "application/json")
    return " \\\n  ".join(lines)


def _whole_or_parts(api: Api, left: dict[str, Any]) -> Any:
    """A body that is no object of properties stands under the one name `body`."""
    whole = set(left) == {"body"} and api.parameters["properties"]["body"].get("type") in (None, "array", "object")
    return left["body"] if whole else left


def _body(content: Any, media: str) -> list[str]:
    if "form" in media and isinstance(content, dict):
        flag = "-F" if "multipart" in media else "--data-urlencode"
        return [f"{flag} {shlex.quote(f'{name}={_plain(value)}')}" for name, value in content.items()]
    return [
        f'-H "Content-Type: {media}"',
        f"-d {shlex.quote(json.dumps(content, ensure_ascii=False))}",
    ]


def _in_path(value: Any, *, keep: bool) -> str:
    return quote(str(_plain(value)), safe="/" if keep else "")


def _plain(value: Any) -> Any:
    """A value as addresses and headers hold it; lists stay, for an address repeats their name."""
    if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
        return [_plain(part) for part in value]
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value
