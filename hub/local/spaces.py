"""Routes of Spaces: runtime, hardware, pause, restart, variables, secrets. No Space runs here; files are served."""

from __future__ import annotations

import time
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.bodies import read_json_object
from hub.local.context import readable_repo, store_of, writable_repo
from hub.local.database import Repo
from hub.local.describe import card_data
from hub.local.errors import HubError
from hub.local.spacestate import HARDWARE, State, hardware_name, sleep_seconds, volumes_list
from hub.local.store import Store
from hub.local.times import time_text

NOT_RUN = "The embedded Hub serves the files of Spaces and runs none; `make demo` runs the one of this repository"


def runtime_of(store: Store, repo: Repo, state: State | None = None) -> dict[str, Any]:
    """A Space's runtime as the Hub shows it: what is wrong with its files, else paused, else stopped."""
    state = store.spaces.read(repo) if state is None else state
    tree = store.database.tree(repo, store.database.commit_of(repo, "main").id)
    card = card_data(store, tree)
    file = card.get("app_file") or {"static": "index.html", "docker": "Dockerfile"}.get(repo.sdk or "", "app.py")
    message: str | None
    if "README.md" not in tree or not card.get("sdk"):
        stage, message = "CONFIG_ERROR", "Missing configuration in README.md: sdk"
    elif file not in tree:
        stage, message = "NO_APP_FILE", f"No application file: {str(file)[:200]}"
    else:
        stage, message = ("PAUSED", None) if state["paused"] else ("STOPPED", NOT_RUN)
    body: dict[str, Any] = {
        "stage": stage,
        "hardware": {"current": None, "requested": state["hardware"] or "cpu-basic"},
    }
    body |= {"storage": None, "gcTimeout": state["sleep"], "replicas": {"current": 0, "requested": 1}}
    body |= {"devMode": state["dev_mode"], "volumes": state["volumes"], "errorMessage": message}
    return {**body, "restartedAt": state["restarted"]}


def runtime(request: Request) -> Response:
    """GET /api/spaces/owner/name/runtime"""
    return JSONResponse(runtime_of(store_of(request), readable_repo(request)))


async def _change(request: Request, **fields: Any) -> Response:
    repo = writable_repo(request)
    store = store_of(request)
    state = await run_in_threadpool(lambda: store.spaces.change(repo, **fields))
    return JSONResponse(await run_in_threadpool(runtime_of, store, repo, state))


async def hardware(request: Request) -> Response:
    """POST /api/spaces/owner/name/hardware"""
    writable_repo(request)
    body = await read_json_object(request)
    fields: dict[str, Any] = {"hardware": hardware_name(body.get("flavor"))}
    if body.get("sleepTimeSeconds") is not None:
        fields["sleep"] = sleep_seconds(body["sleepTimeSeconds"])
    return await _change(request, **fields)


async def sleeptime(request: Request) -> Response:
    """POST /api/spaces/owner/name/sleeptime"""
    writable_repo(request)
    return await _change(request, sleep=sleep_seconds((await read_json_object(request)).get("seconds")))


async def pause(request: Request) -> Response:
    """POST /api/spaces/owner/name/pause"""
    return await _change(request, paused=True)


async def restart(request: Request) -> Response:
    """POST /api/spaces/owner/name/restart"""
    return await _change(request, paused=False, restarted=time_text(time.time()))


async def dev_mode(request: Request) -> Response:
    """POST /api/spaces/owner/name/dev-mode"""
    writable_repo(request)
    return await _change(request, dev_mode=(await read_json_object(request)).get("enabled") is True)


async def set_volumes(request: Request) -> Response:
    """PUT /api/spaces/owner/name/volumes"""
    writable_repo(request)
    return await _change(request, volumes=volumes_list((await read_json_object(request)).get("volumes")))


async def delete_volumes(request: Request) -> Response:
    """DELETE /api/spaces/owner/name/volumes"""
    if not store_of(request).spaces.read(writable_repo(request))["volumes"]:
        raise HubError(400, "The Space has no volumes")
    return await _change(request, volumes=None)


def variables(request: Request) -> Response:
    """GET /api/spaces/owner/name/variables"""
    return JSONResponse(store_of(request).spaces.read(writable_repo(request))["variables"])


def secrets(request: Request) -> Response:
    """GET /api/spaces/owner/name/secrets: names, never values"""
    return JSONResponse(store_of(request).spaces.read(writable_repo(request))["secrets"])


async def put_key(request: Request) -> Response:
    """POST /api/spaces/owner/name/variables or secrets"""
    repo, field = writable_repo(request), _field(request)
    body = await read_json_object(request)
    state = await run_in_threadpool(store_of(request).spaces.put, repo, field, body)
    return JSONResponse(state[field])


async def drop_key(request: Request) -> Response:
    """DELETE /api/spaces/owner/name/variables or secrets"""
    repo, field = writable_repo(request), _field(request)
    body = await read_json_object(request)
    state = await run_in_threadpool(store_of(request).spaces.drop, repo, field, body.get("key"))
    return JSONResponse(state[field])


def _field(request: Request) -> str:
    return str(request.scope["path"]).rpartition("/")[2]


def all_hardware(request: Request) -> Response:
    """GET /api/spaces/hardware: the flavours that may be asked for; none is given"""
    rows = [{"name": name, "prettyName": name, "cpu": "", "ram": "", "accelerator": None} for name in HARDWARE]
    return JSONResponse([{**row, "unitCostMicroUSD": 0, "unitCostUSD": 0.0, "unitLabel": "minute"} for row in rows])


def templates(request: Request) -> Response:
    """GET /api/spaces/templates: there are none"""
    return JSONResponse([])
