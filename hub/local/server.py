"""Running the embedded Hub on a port, of 127.0.0.1 unless told otherwise."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from hub.local.store import DEFAULT_USER, Store
from hub.local.users import read_people
from records.errors import UserError

ADDRESS = "127.0.0.1"
IDLE_SECONDS = 75
"""Longer than the client keeps an unused connection: were it the same 5 s, requests would meet a closing socket."""


def bind(port: int, host: str = ADDRESS) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        UserError: the address is none of this machine, or the port is in use or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"port {port} of {host} cannot be used ({reason}); choose another with PORT=… or an address with HOST=…"
        ) from None
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(
    root: Path,
    port: int,
    ready: Callable[[str], None],
    until_eof: bool = False,
    host: str = ADDRESS,
    users: str = "",
    orgs: str = "",
) -> None:
    """Serve a store until stopped.

    Args:
        root: the store's folder.
        port: port, 0 for any.
        ready: called with the address once the port is bound.
        until_eof: stop when stdin ends, so that the server never outlives the command that started it.
        host: address to listen on; others than loopback let other machines in.
        users: further users, `name:token:role,…`.
        orgs: organisations, `name:member+member=role,…`.

    Raises:
        UserError: port in use, the store is served already, or users that cannot be read.
    """
    import uvicorn

    from hub.local.app import LOOPBACK_NAMES, make_app
    from hub.local.protocol import BoundedProtocol

    people = read_people(users, orgs, DEFAULT_USER)
    listener = bind(port, host)
    store = Store(root, people)
    name = f"[{host}]" if ":" in host else host
    # A wildcard address has no name of its own; on this machine loopback reaches it.
    name = {"0.0.0.0": ADDRESS, "[::]": "[::1]"}.get(name, name)
    url = f"http://{name}:{listener.getsockname()[1]}"
    store.announce(url)
    hosts = (*LOOPBACK_NAMES, name) if is_loopback(host) else ("*",)
    config = uvicorn.Config(
        make_app(store, hosts),
        http=BoundedProtocol,
        loop="auto",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody stands before this server, so whoever sends X-Forwarded-… makes it up
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
