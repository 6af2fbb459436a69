"""What every route needs: the store, and the repository and revision that an address names."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote

from starlette.requests import Request

from hub.local.database import Commit, Repo
from hub.local.errors import HubError, no_repo
from hub.local.names import RepoName, repo_name
from hub.local.store import Store


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
    """The repository in the address, if the request may read it. Raises HubError 404, for private ones too."""
    store = store_of(request)
    repo = store.database.repo(named_repo(request))
    if repo.private and store.access.user(request) is None:
        raise no_repo(repo.name.id)
    return repo


def writable_repo(request: Request) -> Repo:
    """The repository in the address, if the request may write to it. Raises HubError 401 or 404."""
    store_of(request).access.writer(request)
    return readable_repo(request)


def commit_at(request: Request, repo: Repo) -> Commit:
    """The commit that the address's revision names, `main` without one. Raises HubError 404."""
    return store_of(request).database.commit_of(repo, part(request, "revision") or "main")


def base_url(request: Request) -> str:
    """The server's address as the client wrote it, without a slash at the end."""
    return f"{request.url.scheme}://{request.url.netloc}"


def time_text(seconds: float) -> str:
    """A moment as the Hub writes it, in UTC with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
