"""`python -m hub.local`: serve the embedded Hub until stopped (`make hub`)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from hub.local.server import ADDRESS, is_loopback, serve
from hub.local.store import store_folder
from records.errors import UserError, run_command

DEFAULT_PORT = 8765


def main(argv: Sequence[str]) -> int:
    """Serve `$BUILD/hub`, on 127.0.0.1 unless --host says otherwise.

    Raises:
        UserError: the port or the store is in use, or USERS or ORGS cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m hub.local", description="Serve the embedded Hub on loopback.")
    parser.add_argument("--port", type=int, help=f"port, 0 for any free one (default {DEFAULT_PORT})")
    parser.add_argument("--host", help=f"address to listen on (default {ADDRESS}: this machine only)")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(argv)
    port = options.port if options.port is not None else port_from_environment(DEFAULT_PORT)
    host = options.host or ADDRESS
    users, orgs = os.environ.get("USERS") or "", os.environ.get("ORGS") or ""
    root = store_folder()

    def ready(url: str) -> None:
        print(f"embedded Hub at {url}", flush=True)
        if not options.until_eof:
            print(f"  use it:  export HF_ENDPOINT={url}   (to write: HF_TOKEN=$(cat {root / 'token'}))", flush=True)
            if not is_loopback(host):
                print(f"  it listens on {host}: other machines can read what is public", flush=True)
            print("  stop it: Ctrl-C", flush=True)

    try:
        serve(root, port, ready, options.until_eof, host, users, orgs)
    except KeyboardInterrupt:  # the way to stop it
        print("stopped")
    return 0


def port_from_environment(default: int) -> int:
    """`$PORT`, or the default. Raises UserError when it is no port number."""
    text = os.environ.get("PORT") or str(default)
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise UserError(f"PORT={text} is not a port number (0 to 65535)")
    return int(text)


if __name__ == "__main__":
    sys.exit(run_command(main))
