"""What every route needs: the store, and the repository and revision that an address names."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.requests import Request

from hub.local.database import Commit, Repo
from hub.local.errors import HubError, gated_repo, no_repo
from hub.local.names import RepoName, repo_name
from hub.local.store import Store
from hub.local.users import Account

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def store_of(request: Request) -> Store:
    """The store that this application serves."""
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


def part(request: Request, name: str) -> str:
    """A segment of the address, unquoted. Routes match the raw path, where a revision is one segment."""
    return unquote(str(request.path_params.get(name, "")), errors="replace")


def named_repo(request: Request) -> RepoName:
    """The repository name in the address. Raises HubError 404 when no repository can have it."""
    kind = str(request.path_params["kind"])
    try:
        return repo_name(kind, part(request, "owner"), part(request, "name"))
    except HubError:
        raise no_repo(f"{part(request, 'owner')}/{part(request, 'name')}") from None


def readable_repo(request: Request) -> Repo:
    """The repository in the address, if the request may see it.

    Raises:
        HubError: 404, for private ones of others too; 307 to the new name of one that was moved.
    """
    store = store_of(request)
    name = named_repo(request)
    repo = store.database.repo(name)
    account = store.access.account(request)
    if repo.private and not (account and account.belongs_to(repo.name.owner)):
        raise no_repo(name.id)
    if repo.name != name:
        raise _moved(request, repo.name)
    return repo


def _moved(request: Request, name: RepoName) -> HubError:
    old = f"/{request.path_params['owner']}/{request.path_params['name']}"
    path = str(request.scope["path"]).replace(old, f"/{name.id}", 1)  # still quoted, see app.py
    query = request.url.query
    location = path + (f"?{query}" if query else "")
    return HubError(307, f"Temporary Redirect. Redirecting to {location}", headers={"Location": location})


def downloadable_repo(request: Request) -> Repo:
    """The repository in the address, if the request may read its files. Raises HubError 404; 401 or 403 if gated."""
    repo = readable_repo(request)
    if repo.gated is None:
        return repo
    store = store_of(request)
    account = store.access.account(request)
    if account is not None and account.belongs_to(repo.name.owner):
        return repo
    rows = store.database.rows(
        "SELECT status FROM requests WHERE repo = ? AND user = ?", repo.key, account.name if account else ""
    )
    status = str(rows[0][0]) if rows and account else None
    if status != "accepted":
        raise gated_repo(repo.name.kind, repo.name.id, f"{base_url(request)}/{repo.name.url_path}", account, status)
    return repo


def writable_repo(request: Request) -> Repo:
    """The repository in the address, if the request may write to it. Raises HubError 401, 403 or 404."""
    writer(request)
    return readable_repo(request)


def writer(request: Request) -> Account:
    """The account, which may write to the repository in the address. Raises HubError 401, 403 or 404."""
    store = store_of(request)
    store.access.known_account(request)
    repo = readable_repo(request)
    return store.access.writer(request, repo.name.owner, repo.name.kind)


def commit_at(request: Request, repo: Repo) -> Commit:
    """The commit that the address's revision names, `main` without one. Raises HubError 404."""
    return store_of(request).database.commit_of(repo, part(request, "revision") or "main")


def base_url(request: Request) -> str:
    """The server's address as the client wrote it, without a slash at the end. Raises HubError 400."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise HubError(400, "Invalid host header")
    return f"http://{host}"


def text_field(body: dict[str, object], key: str, most: int = 65_536, default: str | None = None) -> str:
    """A string of a JSON body. Raises HubError 400 when it is missing, no string, or too long."""
    value = body.get(key, default)
    if not isinstance(value, str) or len(value) > most:
        raise HubError(400, f'"{key}" must be a string of at most {most} characters')
    return value
