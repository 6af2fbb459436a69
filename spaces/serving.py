"""The assembled Space as a process of its own, for what measures it or looks at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from records.errors import UserError

WAIT_SECONDS = 180
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Path of a Chromium; None on a machine without one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def running(space: Path, model: Path, base: Path | None) -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """(address, process, seconds until it served) of the Space, ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    left_out = ("PYTHONPATH", "SPACE_ID", "BASE_MODEL_ID")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"MODEL_ID": str(model), "GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    environment |= {"BASE_MODEL_ID": str(base)} if base else {}
    start, address = time.perf_counter(), f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=space, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _answers(address):
            if process.poll() is not None or time.perf_counter() - start > WAIT_SECONDS:
                raise UserError(f"the Space on {model} does not start; `make demo` says why")
            time.sleep(0.1)
        yield address, process, time.perf_counter() - start
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False
