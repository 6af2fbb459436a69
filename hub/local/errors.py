"""Errors of the embedded Hub, in the shape that clients turn into their own exceptions."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.users import Account

_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")
MAX_HEADER = 1000


class HubError(Exception):
    """A refusal with an HTTP status.

    Args:
        status: HTTP status.
        message: one line for the person; goes into the body and `X-Error-Message`.
        code: `X-Error-Code` (RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo, …), or None.
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


def gated_repo(kind: str, repo_id: str, url: str, account: Account | None, status: str | None) -> HubError:
    """401 or 403: the files of a gated repository, for someone who has not been let in."""
    if account is None:
        message = f"Access to {kind} {repo_id} is restricted. You must have access to it and be authenticated to access"
        return HubError(401, f"{message} it. Please log in.", "GatedRepo")
    if status == "pending":
        message = f"Your request to access {kind} {repo_id} is awaiting a review from the repo authors."
    elif status == "rejected":
        message = f"Your request to access {kind} {repo_id} has been rejected by the repo's authors."
    else:
        message = f"Access to {kind} {repo_id} is restricted and you are not in the authorized list."
        message += f" Visit {url} to ask for access."
    return HubError(403, message, "GatedRepo")


def damaged_blob(sha256: str, path: str) -> HubError:
    """410: what the disk holds is not what was stored.

    Not a 500, which clients ask for again and again: only a person can mend it.
    """
    text = f"The store's blob {sha256} of {path} is damaged: restore it, or upload the file again"
    return HubError(410, text, "DamagedBlob", {"Cache-Control": "no-store"})


def error_response(request: Request, error: Exception) -> Response:
    """The JSON answer for a HubError."""
    assert isinstance(error, HubError)
    # Header values are one line of printable characters; messages may quote what the client sent.
    message = _NOT_PRINTABLE.sub("?", error.message)[:MAX_HEADER]
    headers = {"X-Error-Message": message, **error.headers} if error.status >= 400 else error.headers
    if error.code:
        headers = {**headers, "X-Error-Code": error.code}
    text = error.message.encode("utf-8", "replace").decode()
    return JSONResponse({"error": text, **error.body}, error.status, headers)
