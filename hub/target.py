"""Where a release goes: the embedded Hub on this machine, or huggingface.co."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hub.local.__main__ import port_from_environment
from hub.local.store import DEFAULT_USER, served_at, store_folder, token
from records.errors import UserError
from records.recipe import ROOT

HF_ENDPOINT = "https://huggingface.co"
WAIT_SECONDS = 30


@dataclass(frozen=True)
class Target:
    """A Hub to publish to."""

    hub: str
    """local, hf, or the address of a Hub."""
    owner: str | None
    """User or organisation; None takes the token's user."""

    @property
    def is_local(self) -> bool:
        """Whether this is the embedded Hub."""
        return self.hub == "local"

    @property
    def endpoint(self) -> str:
        """Address of a Hub that is not started by us."""
        return HF_ENDPOINT if self.hub == "hf" else self.hub

    @property
    def place(self) -> str:
        """Where that is, in words."""
        return "the embedded Hub (build/hub)" if self.is_local else self.endpoint


@dataclass(frozen=True)
class Connection:
    """A Hub that answers."""

    endpoint: str
    token: str
    owner: str


def target_from_environment(reading: bool = False, owner: str | None = None) -> Target:
    """Read HUB, REPO and, where something is written to a Hub that we do not start, HF_TOKEN.

    Args:
        reading: nothing is written, so no token is needed.
        owner: the owner, where REPO means something else.

    Raises:
        UserError: HUB is unknown, or HF_TOKEN is not set.
    """
    hub, owner = os.environ.get("HUB") or "local", owner or os.environ.get("REPO") or None
    address = urlsplit(hub)
    if hub not in ("local", "hf") and not (address.scheme in ("http", "https") and address.netloc):
        raise UserError(
            f"HUB={hub} is unknown; use HUB=local (the embedded Hub), HUB=hf (huggingface.co), or an address"
        )
    if hub != "local" and not reading and not os.environ.get("HF_TOKEN"):
        raise UserError(
            f"HUB={hub} needs a token that may write: set HF_TOKEN (see https://huggingface.co/settings/tokens)"
        )
    if owner is not None and ("/" in owner or not owner.strip()):
        raise UserError(f"REPO={owner} must be a user or organisation, without a repository name")
    return Target(hub.rstrip("/"), owner)


def prepare_environment(target: Target, endpoint: str, token: str, home: Path) -> None:
    """Set what huggingface_hub, datasets and transformers read when they are imported; call it before that.

    Their caches go below `home`, so the user's own are neither read nor changed.
    """
    names = {"HF_ENDPOINT": endpoint, "HF_TOKEN": token, "HF_HOME": str(home)}
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_XET_CACHE", "HF_ASSETS_CACHE", "HF_MODULES_CACHE"):
        os.environ.pop(name, None)
    if target.hub != "hf":
        # Plain LFS is about three times as fast as Xet where the network is free; deduplication saves nothing here.
        names |= {"HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
            os.environ.pop(name, None)
    if not os.environ.get("VERBOSE"):
        names |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_VERBOSITY": "error"}
    names |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "TOKENIZERS_PARALLELISM": "false"}
    os.environ.update(names)


@contextmanager
def connect(target: Target, home: Path, reading: bool = False) -> Iterator[Connection]:
    """A Hub that answers, its environment prepared. The embedded one is started unless it runs already.

    Raises:
        UserError: port in use, no network, or a token that the Hub does not take.
    """
    if not target.is_local:
        secret = os.environ.get("HF_TOKEN") or ""
        prepare_environment(target, target.endpoint, secret, home)
        user = target.owner or "" if reading else _token_user(target)
        yield Connection(target.endpoint, secret, target.owner or user)
        return
    with embedded_hub() as endpoint:
        secret = token(store_folder())
        prepare_environment(target, endpoint, secret, home)
        yield Connection(endpoint, secret, target.owner or DEFAULT_USER)


def _token_user(target: Target) -> str:
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    from hub.patience import Patience

    try:
        return str(Patience(tries=3).call(lambda: HfApi().whoami()["name"], "asking whose token this is"))
    except HfHubHTTPError as error:
        raise UserError(f"{target.endpoint} does not take HF_TOKEN ({error.response.status_code})") from None
    except (httpx2.HTTPError, OfflineModeIsEnabled, ConnectionError) as error:
        raise UserError(
            f"{target.endpoint} cannot be reached ({type(error).__name__}); check the network, or use HUB=local"
        ) from None


@contextmanager
def embedded_hub() -> Iterator[str]:
    """Address of the embedded Hub: the one that serves the store now, or a server process of our own.

    Our own stops when this process ends, however it ends: it watches its standard input.

    Raises:
        UserError: $PORT is in use.
    """
    running = served_at(store_folder())
    if running is not None and _answers(running):
        yield running
        return
    port = port_from_environment(0)
    command = [sys.executable, "-m", "hub.local", "--port", str(port), "--until-eof"]
    store_folder().mkdir(parents=True, exist_ok=True)
    log = store_folder() / "server.log"
    with log.open("w") as errors:
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT)
    try:
        yield _address(server, log)
    finally:
        assert server.stdin and server.stdout
        server.stdin.close()
        server.stdout.close()
        server.wait(WAIT_SECONDS)


def _answers(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=5).close()
        return True
    except OSError:  # it is just ending
        return False


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    assert server.stdout
    words = server.stdout.readline().decode().split()
    if words:
        return words[-1]
    server.wait(WAIT_SECONDS)
    lines = [line for line in log.read_text().splitlines() if line.strip()] or ["no reason given"]
    raise UserError(lines[-1].removeprefix("error: "))


def store_identity() -> str | None:
    """Id of the embedded Hub's store, None where none was made yet; a new store holds no release."""
    try:
        return str(json.loads((store_folder() / "store.json").read_text())["id"])
    except (FileNotFoundError, ValueError, KeyError):
        return None
