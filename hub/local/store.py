"""A store: the folder that holds everything an embedded Hub serves, used by one server at a time."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from pathlib import Path
from typing import IO

from hub.local.access import Access
from hub.local.blobs import Blobs
from hub.local.database import Database
from hub.local.multipart import Multipart
from hub.local.spacestate import Spaces
from hub.local.users import Account, People
from hub.local.viewer import Viewer
from records.errors import UserError
from records.files import read_json, remove, replacing, write_json

DEFAULT_USER = "local"


class Store:
    """Blobs, database and users of one embedded Hub, locked against a second server."""

    def __init__(self, root: Path, people: People | None = None) -> None:
        """Open or create the store.

        Args:
            root: its folder.
            people: users and organisations besides the store's own user, who may do everything.

        Raises:
            UserError: another server has it open.
        """
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(root)
        self.identity = _identity(root)
        self.blobs = Blobs(root)
        self.blobs.clear_incoming()
        self.database = Database(root / "hub.sqlite")
        people = people or People({}, {})
        own = {token(root): Account(DEFAULT_USER, "admin")}
        self.access = Access(People({**people.accounts, **own}, people.orgs), bytes.fromhex(self.identity["secret"]))
        self.spaces = Spaces(self.database)
        self.multipart = Multipart(self.blobs)
        self.viewer = Viewer(self.blobs)
        self.session = secrets.token_hex(8)
        self.xorbs = _fresh_xorbs(root, self.session)

    def announce(self, url: str) -> None:
        """Tell other commands on this machine where the store is served."""
        write_json(self.root / "server.json", {"url": url, "pid": os.getpid()})


def store_folder() -> Path:
    """`$BUILD/hub`, by default `build/hub` of this checkout."""
    root = Path(__file__).resolve().parent.parent.parent
    return Path(os.environ.get("BUILD") or root / "build").resolve() / "hub"


def token(root: Path) -> str:
    """The token that may write to this store; made on first use, readable by its owner only."""
    file = root / "token"
    if not file.exists():
        with replacing(file) as partial:
            partial.touch(mode=0o600)
            partial.write_text("hf_local_" + secrets.token_urlsafe(24))
    return file.read_text()


def served_at(root: Path) -> str | None:
    """Address of the server that has the store open now, None when there is none."""
    try:
        with (root / "lock").open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        try:
            return str(json.loads((root / "server.json").read_text())["url"])
        except (FileNotFoundError, ValueError, KeyError):
            return None


def _lock(root: Path) -> IO[str]:
    stream = (root / "lock").open("a")
    for _ in range(20):  # a server that was just killed, or a look by served_at, holds the lock for a moment
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (root / "server.json").unlink(missing_ok=True)
            return stream
        except BlockingIOError:
            time.sleep(0.1)
    stream.close()
    where = served_at(root)
    raise UserError(f"{root} is already served{f' at {where}' if where else ''}; use that server, or stop it first")


def _identity(root: Path) -> dict[str, str]:
    file = root / "store.json"
    if not file.exists():
        with replacing(file) as partial:
            partial.touch(mode=0o600)
            partial.write_text(json.dumps({"id": secrets.token_hex(16), "secret": secrets.token_hex(32)}))
    value = read_json(file, "make hub")
    return {"id": str(value["id"]), "secret": str(value["secret"])}


def _fresh_xorbs(root: Path, session: str) -> Path:
    # Xorbs are needed only until their files are rebuilt as blobs, and by clients that remember what they sent to this
    # session's address. A new session has a new address, so what earlier ones left can go.
    for old in root.glob("xorbs-*"):
        remove(old)
    folder = root / f"xorbs-{session}"
    folder.mkdir()
    return folder
