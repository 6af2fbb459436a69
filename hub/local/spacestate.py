"""What is kept about a Space besides its files: requested hardware, sleep time, pause, variables, names of secrets."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from hub.local.database import Database, Repo
from hub.local.errors import HubError
from hub.local.times import time_text

HARDWARE = (
    *("cpu-basic", "cpu-upgrade", "zero-a10g", "t4-small", "t4-medium", "l4x1", "l4x4", "l40sx1", "l40sx4", "l40sx8"),
    *("a10g-small", "a10g-large", "a10g-largex2", "a10g-largex4", "a100-large", "a100x4", "a100x8"),
    *("rtx-pro-6000", "rtx-pro-6000x2", "rtx-pro-6000x4", "rtx-pro-6000x8"),
)
MAX_KEYS = 100
MAX_VALUE = 32_768
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
State = dict[str, Any]


class Spaces:
    """The states of a store's Spaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, repo: Repo) -> State:
        """A Space's state."""
        rows = self._database.rows("SELECT state FROM spaces WHERE repo = ?", repo.key)
        state: State = json.loads(rows[0][0]) if rows else {}
        return {**_empty(), **state}

    def write(self, repo: Repo, state: State) -> None:
        """Replace a Space's state."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO spaces VALUES (?,?)", (repo.key, json.dumps(state)))

    def change(self, repo: Repo, **fields: Any) -> State:
        """Change fields of a Space's state; the whole state."""
        with self._database.transaction():
            state = {**self.read(repo), **fields}
            self.write(repo, state)
            return state

    def put(self, repo: Repo, field: str, item: dict[str, Any]) -> State:
        """Add or replace a variable or secret. Raises HubError 400."""
        with self._database.transaction():
            state = self.read(repo)
            key, value = _checked(field, item)
            if key in state["secrets" if field == "variables" else "variables"]:
                raise HubError(400, f"Collision on variables and secrets names: {key}")
            state[field] = {**state[field], key: value}
            if len(state[field]) > MAX_KEYS:
                raise HubError(400, f"A Space has at most {MAX_KEYS} {field}")
            self.write(repo, state)
            return state

    def drop(self, repo: Repo, field: str, key: object) -> State:
        """Remove a variable or secret. Raises HubError 404."""
        with self._database.transaction():
            state = self.read(repo)
            if not isinstance(key, str) or key not in state[field]:
                raise HubError(404, f"The Space has no {field.removesuffix('s')} {str(key)[:100]}")
            state[field] = {name: value for name, value in state[field].items() if name != key}
            self.write(repo, state)
            return state


def _empty() -> State:
    return {
        **{"hardware": None, "sleep": None, "paused": False, "restarted": None, "dev_mode": False},
        **{"volumes": None, "variables": {}, "secrets": {}},
    }


def first_state(body: dict[str, Any]) -> State:
    """The state that a request to create a Space asks for. Raises HubError 400."""
    state = _empty()
    if body.get("hardware") is not None:
        state["hardware"] = hardware_name(body["hardware"])
    if body.get("sleepTimeSeconds") is not None:
        state["sleep"] = sleep_seconds(body["sleepTimeSeconds"])
    for field in ("variables", "secrets"):
        items = body.get(field) or []
        if not isinstance(items, list) or len(items) > MAX_KEYS:
            raise HubError(400, f'"{field}" must be an array of at most {MAX_KEYS}')
        state[field] = dict(_checked(field, item) for item in items)
    state["volumes"] = volumes_list(body.get("volumes") or []) or None
    return state


def _checked(field: str, item: Any) -> tuple[str, State]:
    key, value = (item.get("key"), item.get("value")) if isinstance(item, dict) else (None, None)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise HubError(400, f"Invalid name: {str(key)[:100]!r} (letters, digits and _, no digit first)")
    description = item.get("description")
    if not isinstance(value, str) or len(value) > MAX_VALUE or not isinstance(description, str | None):
        raise HubError(400, f"{key} needs a value of at most {MAX_VALUE} characters, and a text as description, if any")
    shown = {"description": (description or "")[:1000], "updatedAt": time_text(time.time())}
    # No Space runs here, so nothing needs the value of a secret, and it is not kept.
    return key, shown if field == "secrets" else {"value": value, **shown}


def hardware_name(value: object) -> str:
    """A hardware flavour. Raises HubError 400."""
    if value not in HARDWARE:
        raise HubError(400, f"Invalid hardware {str(value)[:100]!r}; one of {', '.join(HARDWARE)}")
    return str(value)


def sleep_seconds(value: object) -> int:
    """A sleep time, -1 for never. Raises HubError 400."""
    if type(value) is not int or not -1 <= value <= 10**9:
        raise HubError(400, "The sleep time is a number of seconds, or -1 for never")
    return value


def volumes_list(value: object) -> list[dict[str, Any]]:
    """Volumes to mount, as the client writes them. Raises HubError 400."""
    texts = ("type", "source", "mountPath")
    good = isinstance(value, list) and len(value) <= 20
    for item in value if isinstance(value, list) else []:
        good = good and isinstance(item, dict) and all(isinstance(item.get(key), str) for key in texts)
    if not good or not isinstance(value, list):
        raise HubError(400, "volumes must be an array of at most 20 objects with type, source and mountPath")
    known = (*texts, "revision", "readOnly", "path")
    return [{key: item[key] for key in known if isinstance(item.get(key), str | bool)} for item in value]
