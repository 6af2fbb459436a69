"""Running the embedded Hub on a port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from hub.local.store import Store
from records.errors import UserError

ADDRESS = "127.0.0.1"
IDLE_SECONDS = 75
"""Longer than the client keeps an unused connection: were it the same 5 s, requests would meet a closing socket."""


def bind(port: int) -> socket.socket:
    """A socket on loopback; port 0 takes any free one.

    Raises:
        UserError: the port is in use or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((ADDRESS, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"port {port} of {ADDRESS} cannot be used ({reason}); choose another with PORT=…") from None
    return listener


def serve(root: Path, port: int, ready: Callable[[str], None], until_eof: bool = False) -> None:
    """Serve a store until stopped.

    Args:
        root: the store's folder.
        port: port on loopback, 0 for any.
        ready: called with the address once the port is bound.
        until_eof: stop when stdin ends, so that the server never outlives the command that started it.

    Raises:
        UserError: port in use, or the store is served already.
    """
    import uvicorn

    from hub.local.app import make_app

    listener = bind(port)
    store = Store(root)
    url = f"http://{ADDRESS}:{listener.getsockname()[1]}"
    store.announce(url)
    config = uvicorn.Config(
        make_app(store),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    if until_eof:
        threading.Thread(target=_exit_at_eof, daemon=True).start()
    ready(url)
    uvicorn.Server(config).run(sockets=[listener])


def _exit_at_eof() -> None:
    sys.stdin.buffer.read()
    # At once: the store is crash-safe, and a graceful end would wait for open connections.
    os._exit(0)
