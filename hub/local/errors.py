"""Errors of the embedded Hub, in the shape that clients turn into their own exceptions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class HubError(Exception):
    """A refusal with an HTTP status.

    Args:
        status: HTTP status.
        message: one line for the person; goes into the body and `X-Error-Message`.
        code: `X-Error-Code` (RepoNotFound, RevisionNotFound, EntryNotFound), or None.
        headers: further response headers.
        body: further fields of the JSON body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        body: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}
        self.body = body or {}


def no_repo(repo_id: str) -> HubError:
    """404: there is no such repository (or the token may not see it)."""
    return HubError(404, f"Repository not found: {repo_id}", "RepoNotFound")


def no_revision(revision: str) -> HubError:
    """404: the repository has no such branch, tag or commit."""
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_entry(path: str, commit: str) -> HubError:
    """404: the revision has no such file. The client caches that per commit, so the commit must be named."""
    return HubError(404, f"Entry not found: {path}", "EntryNotFound", {"X-Repo-Commit": commit})


def error_response(request: Request, error: Exception) -> Response:
    """The JSON answer for a HubError."""
    assert isinstance(error, HubError)
    # Header values are Latin-1 on the wire and must hold no line breaks; messages may quote what the client sent.
    message = error.message.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")
    headers = {"X-Error-Message": message, **error.headers}
    if error.code:
        headers["X-Error-Code"] = error.code
    return JSONResponse({"error": error.message, **error.body}, error.status, headers)
