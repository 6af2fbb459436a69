"""Routes that create, delete, move and copy repositories, and change their settings."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object
from hub.local.card_check import check_card
from hub.local.context import base_url, downloadable_repo, store_of, text_field, writable_repo
from hub.local.database import Repo
from hub.local.errors import HubError, no_repo
from hub.local.names import KINDS, RepoName, repo_name
from hub.local.oids import LARGE_PATTERNS, git_oid
from hub.local.spacestate import first_state
from hub.local.store import Store
from hub.local.times import time_text
from hub.local.treestore import Entry, Tree, as_if_new
from hub.local.users import Account

GATES = ("auto", "manual")


async def create(request: Request) -> Response:
    """POST /api/repos/create"""
    store = store_of(request)
    account = store.access.known_account(request)
    body = await read_json_object(request)
    name = _body_name(body, account)
    _admit_creator(request, account, name)
    private = _is_private(body, name.kind)
    sdk = body.get("sdk")
    if name.kind == "space" and sdk not in ("gradio", "docker", "static", "streamlit"):
        raise HubError(400, "A Space needs an sdk: gradio, docker, static or streamlit")
    state = first_state(body) if name.kind == "space" else None
    tree = await run_in_threadpool(_first_tree, store)
    words = ("initial commit", "", account.name)
    url = f"{base_url(request)}/{name.url_path}"
    repo = await run_in_threadpool(_create, store, name, private, sdk if state is not None else None, tree, words, url)
    if state is not None:
        await run_in_threadpool(store.spaces.write, repo, state)
    return JSONResponse({"url": url, "name": name.id, "id": name.id})


def _create(
    store: Store, name: RepoName, private: bool, sdk: str | None, tree: Tree, words: tuple[str, str, str], url: str
) -> Repo:
    try:
        return store.database.create_repo(name, private, sdk, tree, words)
    except HubError as error:
        error.body["url"] = url  # clients that take an existing repository read it
        raise


def _admit_creator(request: Request, account: Account, name: RepoName) -> None:
    access = store_of(request).access
    known = {*access.people.names(), *access.people.orgs}
    if account.role != "read" and not account.may_write(name.owner):
        reason = "" if name.owner in known else "; there is no such user or organisation"
        raise HubError(
            403, f'You don\'t have the rights to create a {name.kind} under the namespace "{name.owner}"{reason}'
        )
    access.writer(request, name.owner, name.kind)


def _is_private(body: dict[str, Any], kind: str, now: bool = False) -> bool:
    visibility = body.get("visibility")
    if visibility is None:
        return body.get("private", now) is True
    # A protected Space runs for everyone and shows its files to nobody else; here only the files are.
    if visibility not in (("public", "private", "protected") if kind == "space" else ("public", "private")):
        raise HubError(400, f"Invalid visibility for a {kind}: {str(visibility)[:100]}")
    return bool(visibility != "public")


def _body_name(body: dict[str, Any], account: Account) -> RepoName:
    owner, name = body.get("organization") or account.name, body.get("name")
    if isinstance(name, str) and "/" in name:
        owner, _, name = name.partition("/")
    return repo_name(str(body.get("type") or "model"), str(owner), str(name))


def _first_tree(store: Store) -> Tree:
    attributes = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LARGE_PATTERNS).encode()
    entry = Entry(store.blobs.store(attributes), len(attributes), git_oid(attributes), False)
    return {".gitattributes": entry}


def _own_repo(request: Request, name: RepoName) -> Repo:
    """A repository named in the body, if the request may change it. Raises HubError 401, 403 or 404."""
    store = store_of(request)
    account = store.access.known_account(request)
    repo = store.database.repo(name)
    if repo.private and not account.belongs_to(repo.name.owner):
        raise no_repo(name.id)
    store.access.writer(request, repo.name.owner, repo.name.kind)
    return repo


async def delete(request: Request) -> Response:
    """DELETE /api/repos/delete"""
    store = store_of(request)
    name = _body_name(await read_json_object(request), store.access.known_account(request))
    repo = _own_repo(request, name)
    if repo.name != name:  # only the name it has now deletes a repository
        raise no_repo(name.id)
    await run_in_threadpool(store.database.delete_repo, repo)
    return JSONResponse({})


async def move(request: Request) -> Response:
    """POST /api/repos/move: the old name redirects"""
    store = store_of(request)
    account = store.access.known_account(request)
    body = await read_json_object(request)
    kind = body.get("type") or "model"
    if kind not in KINDS:
        raise HubError(400, f"Invalid repo type: {str(kind)[:100]}")
    old, new = (_pair_name(body, key, kind) for key in ("fromRepo", "toRepo"))
    repo = _own_repo(request, old)
    _admit_creator(request, account, new)
    await run_in_threadpool(store.database.move_repo, repo, new)
    return JSONResponse({"url": f"{base_url(request)}/{new.url_path}", "name": new.id})


def _pair_name(body: dict[str, Any], key: str, kind: str) -> RepoName:
    owner, _, name = text_field(body, key, 200).partition("/")
    return repo_name(kind, owner, name)


async def settings(request: Request) -> Response:
    """PUT /api/T/owner/name/settings"""
    repo = writable_repo(request)
    body = await read_json_object(request)
    private = _is_private(body, repo.name.kind, repo.private)
    gated = body.get("gated", repo.gated or False)
    if gated is not False and (gated not in GATES or repo.name.kind == "space"):
        raise HubError(400, f'"gated" must be auto, manual or false for a model or dataset, not {str(gated)[:100]}')
    await run_in_threadpool(store_of(request).database.set_access, repo, private, gated or None)
    return JSONResponse({"private": private, "gated": gated})


async def duplicate(request: Request) -> Response:
    """POST /api/T/owner/name/duplicate: a new repository with the same files"""
    source = await run_in_threadpool(downloadable_repo, request)
    store = store_of(request)
    account = store.access.known_account(request)
    body = await read_json_object(request)
    name = _pair_name(body, "repository", source.name.kind)
    _admit_creator(request, account, name)
    tree = store.database.tree(source, store.database.commit_of(source, "main").id)
    words = (f"Duplicate from {source.name.id}", "", account.name)
    url = f"{base_url(request)}/{name.url_path}"
    private = _is_private(body, name.kind, source.private)
    repo = await run_in_threadpool(_create, store, name, private, source.sdk, as_if_new(tree), words, url)
    if name.kind == "space":
        await run_in_threadpool(store.spaces.write, repo, first_state(body))
    return JSONResponse({"url": url, "name": name.id, "id": name.id})


def auth_check(request: Request) -> Response:
    """GET /api/T/owner/name/auth-check[/write]"""
    if request.scope["path"].endswith("/write"):
        writable_repo(request)
    else:
        downloadable_repo(request)
    return JSONResponse({"success": True})


async def validate_yaml(request: Request) -> Response:
    """POST /api/validate-yaml: the checks of a card's front matter"""
    body = await read_json_object(request)
    content = text_field(body, "content", 4 << 20)
    kind = body.get("repoType") or "model"
    if kind not in KINDS:
        raise HubError(400, f"Invalid repo type: {str(kind)[:100]}")
    errors, warnings = await run_in_threadpool(check_card, content, kind)
    shown = {"errors": [{"message": text} for text in errors], "warnings": [{"message": text} for text in warnings]}
    return JSONResponse(shown, 400 if errors else 200)


def whoami(request: Request) -> Response:
    """GET /api/whoami-v2"""
    account = store_of(request).access.known_account(request)
    token = {"displayName": account.name, "role": account.role, "createdAt": time_text(0)}
    orgs = [_org(name, role) for name, role in sorted(account.orgs.items())]
    body: dict[str, Any] = {
        "type": "user",
        "id": account.name,
        "name": account.name,
        "fullname": account.name,
        "orgs": orgs,
    }
    body |= {"auth": {"type": "access_token", "accessToken": token}, "email": None, "emailVerified": False}
    return JSONResponse({**body, "canPay": False, "periodEnd": None, "isPro": False, "avatarUrl": ""})


def _org(name: str, role: str) -> dict[str, Any]:
    body = {"type": "org", "id": name, "name": name, "fullname": name, "roleInOrg": role, "email": None}
    return {**body, "canPay": False, "periodEnd": None, "isEnterprise": False, "avatarUrl": ""}
