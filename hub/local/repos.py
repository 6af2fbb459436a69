"""Routes about repositories: who am I, create, delete, settings, information, card checks."""

from __future__ import annotations

from typing import Any

import yaml
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object
from hub.local.context import base_url, commit_at, readable_repo, store_of, time_text, writable_repo
from hub.local.database import Commit, Entry, Repo, Tree
from hub.local.errors import HubError
from hub.local.names import RepoName, repo_name
from hub.local.oids import LARGE_PATTERNS, git_oid, pointer
from hub.local.store import Store

MAX_CARD_BYTES = 1 << 20


def whoami(request: Request) -> Response:
    """GET /api/whoami-v2"""
    user = store_of(request).access.writer(request)
    token = {"displayName": user, "role": "write", "createdAt": time_text(0)}
    body = {"type": "user", "id": user, "name": user, "fullname": user, "orgs": [], "auth": {"accessToken": token}}
    return JSONResponse({**body, "email": None, "isPro": False, "avatarUrl": ""})


async def create(request: Request) -> Response:
    """POST /api/repos/create"""
    store = store_of(request)
    user = store.access.writer(request)
    body = await read_json_object(request)
    name = _body_name(body, user)
    private = body.get("visibility") == "private" or body.get("private") is True
    sdk = body.get("sdk")
    if name.kind == "space" and not isinstance(sdk, str):
        raise HubError(400, "A Space needs an sdk")
    url = f"{base_url(request)}/{name.url_path}"
    try:
        tree = await run_in_threadpool(_first_tree, store)
        await run_in_threadpool(
            store.database.create_repo, name, private, sdk if isinstance(sdk, str) else None, user, tree
        )
    except HubError as error:
        error.body["url"] = url
        raise
    return JSONResponse({"url": url, "name": name.id, "id": name.id})


def _body_name(body: dict[str, Any], user: str) -> RepoName:
    owner, name = body.get("organization") or user, body.get("name")
    if isinstance(name, str) and "/" in name:
        owner, _, name = name.partition("/")
    return repo_name(str(body.get("type") or "model"), str(owner), str(name))


def _first_tree(store: Store) -> Tree:
    attributes = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LARGE_PATTERNS).encode()
    entry = Entry(store.blobs.store(attributes), len(attributes), git_oid(attributes), False)
    return {".gitattributes": entry}


async def delete(request: Request) -> Response:
    """DELETE /api/repos/delete"""
    store = store_of(request)
    user = store.access.writer(request)
    name = _body_name(await read_json_object(request), user)
    repo = await run_in_threadpool(store.database.repo, name)
    await run_in_threadpool(store.database.delete_repo, repo)
    return JSONResponse({})


async def settings(request: Request) -> Response:
    """PUT /api/T/owner/name/settings"""
    repo = writable_repo(request)
    body = await read_json_object(request)
    private = body.get("private", body.get("visibility") == "private" if "visibility" in body else repo.private)
    await run_in_threadpool(store_of(request).database.set_private, repo, bool(private))
    return JSONResponse({"private": bool(private)})


async def validate_yaml(request: Request) -> Response:
    """POST /api/validate-yaml: is the card's front matter a YAML mapping?"""
    body = await read_json_object(request)
    errors = []
    try:
        front_matter(str(body.get("content", "")))
    except ValueError as error:
        errors = [{"message": str(error)}]
    return JSONResponse({"errors": errors, "warnings": []}, 400 if errors else 200)


def info(request: Request) -> Response:
    """GET /api/T/owner/name[/revision/rev]"""
    repo = readable_repo(request)
    commit = commit_at(request, repo)
    tree = store_of(request).database.tree(repo, commit.id)
    with_blobs = request.query_params.get("blobs", "").lower() in ("1", "true")
    body = describe(store_of(request), repo, commit, tree)
    body["siblings"] = [_sibling(path, entry, with_blobs) for path, entry in tree.items()]
    return JSONResponse(body)


def listing(request: Request) -> Response:
    """GET /api/T: repositories that the request may read"""
    store = store_of(request)
    mine = store.access.user(request) is not None
    author = request.query_params.get("author")
    found = []
    for repo in store.database.repos():
        wanted = repo.name.kind == request.path_params["kind"] and author in (None, repo.name.owner)
        if wanted and (mine or not repo.private):
            commit = store.database.commit_of(repo, "main")
            found.append(describe(store, repo, commit, store.database.tree(repo, commit.id)))
    return JSONResponse(found)


def describe(store: Store, repo: Repo, commit: Commit, tree: Tree) -> dict[str, Any]:
    """A repository as the API shows it, without its files."""
    card = card_data(store, tree)
    body: dict[str, Any] = {
        **{"_id": repo.name.id, "id": repo.name.id, "author": repo.name.owner, "sha": commit.id},
        **{"private": repo.private, "gated": False, "disabled": False, "downloads": 0, "likes": 0},
        **{"createdAt": time_text(repo.created), "lastModified": time_text(commit.created)},
        **{"tags": [str(tag) for tag in _list(card.get("tags"))], "cardData": card},
    }
    if repo.name.kind == "model":
        body["modelId"] = repo.name.id
        body |= {key: card[key] for key in ("pipeline_tag", "library_name") if isinstance(card.get(key), str)}
    if repo.name.kind == "space":
        body["sdk"] = repo.sdk
    return body


def card_data(store: Store, tree: Tree) -> dict[str, Any]:
    """The front matter of README.md, {} where there is none that can be read."""
    entry = tree.get("README.md")
    if entry is None or entry.size > MAX_CARD_BYTES:
        return {}
    text = store.blobs.path(entry.sha256).read_text(encoding="utf-8", errors="replace")
    try:
        return front_matter(text)
    except ValueError:
        return {}


def front_matter(text: str) -> dict[str, Any]:
    """The YAML between the `---` lines at the start of a card, {} without them. Raises ValueError."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return {}
    ends = [number for number, line in enumerate(lines) if number and line.strip() == "---"]
    if not ends:
        raise ValueError("the front matter has no closing ---")
    try:
        value = yaml.safe_load("\n".join(lines[1 : ends[0]]))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"the front matter is not valid YAML: {error}") from None
    if not isinstance(value or {}, dict):
        raise ValueError("the front matter must be a mapping")
    plain: dict[str, Any] = _plain(value or {})
    return plain


def _plain(value: Any) -> Any:
    # YAML has dates and sets; JSON has neither.
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _sibling(path: str, entry: Entry, with_blobs: bool) -> dict[str, Any]:
    if not with_blobs:
        return {"rfilename": path}
    row: dict[str, Any] = {"rfilename": path, "size": entry.size, "blobId": entry.oid}
    if entry.lfs:
        size = len(pointer(entry.sha256, entry.size))
        row["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": size}
    return row
