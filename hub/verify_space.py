"""A published Space, started from its download and asked through its API.

It runs with the packages of this environment, whose versions its requirements.txt pins too; nothing is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hub.card_fields import read_front_matter
from hub.verify_model import QUESTION, TOOL
from records.errors import UserError

START_SECONDS = 300
ANSWER_SECONDS = 300
ENDPOINT = "/call"
SEARCH = "/search_apis"
"""What a Space with an index of API documents, `release/apis.json`, must find one of them by."""


def verify_space(repo: str, folder: Path, endpoint: str, token: Any = None) -> str:
    """Start a Space in a process of its own, which loads its model from the Hub, and ask it once.

    Args:
        repo: owner/name, for messages.
        folder: the downloaded Space.
        endpoint: the Hub that it loads its model from.
        token: what a private model is read with.

    Returns:
        What it answered, in words.

    Raises:
        UserError: it does not start, or answers with an error.
    """
    with running_space(repo, folder, endpoint, token) as port:
        return _ask(repo, port, folder / "release" / "apis.json")


@contextmanager
def running_space(repo: str, folder: Path, endpoint: str, token: Any = None) -> Iterator[int]:
    """A downloaded Space while it serves: the port on 127.0.0.1. Arguments and errors as those of `verify_space`."""
    with tempfile.TemporaryDirectory(prefix="space-") as place:
        copied = Path(place) / "space"
        shutil.copytree(folder, copied)  # the cache holds links; what an app writes must not reach it
        port, log = _free_port(), Path(place) / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, read_front_matter(copied / "README.md").get("app_file", "app.py")],
                cwd=copied,
                env=_environment(endpoint, token, port),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            _wait(repo, port, process, log)
            yield port
        finally:
            with suppress(ProcessLookupError):  # it may have ended by itself, and then its last words are the error
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(endpoint: str, token: Any, port: int) -> dict[str, str]:
    left_out = ("PYTHONPATH", "SPACE_ID", "MODEL_ID", "HF_TOKEN", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    found = {name: value for name, value in os.environ.items() if name not in left_out}
    found |= {"HF_ENDPOINT": endpoint, "GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    found |= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**found, "HF_TOKEN": token} if isinstance(token, str) and token else found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(repo: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise UserError(f"space {repo} ends instead of serving: {_last_line(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            return
        except OSError:
            time.sleep(0.3)
    raise UserError(f"space {repo} did not start within {START_SECONDS} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _ask(repo: str, port: int, index: Path) -> str:
    from gradio_client import Client

    try:
        client = Client(f"http://127.0.0.1:{port}", verbose=False, httpx_kwargs={"timeout": ANSWER_SECONDS})
        names = list(client.view_api(print_info=False, return_format="dict")["named_endpoints"])
        if ENDPOINT not in names:
            raise UserError(f"space {repo} has no API endpoint {ENDPOINT}, only {', '.join(names) or 'none'}")
        answer = client.predict(request=QUESTION, tools=json.dumps([TOOL]), api_name=ENDPOINT)
        rows = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else []
        found = client.predict(query=rows[0][0], api_name=SEARCH) if rows else []
    except UserError:
        raise
    except Exception as error:  # gradio_client raises whatever happens on either side
        raise UserError(f"space {repo} does not answer: {type(error).__name__}: {error}") from None
    if not isinstance(answer, dict) or answer.get("error"):
        raise UserError(f"space {repo} answers with an error: {answer}")
    if rows and rows[0][0] not in [row["name"] for row in found]:
        raise UserError(f"space {repo} does not find {rows[0][0]}, the first of its {len(rows):,} API documents")
    return f"answered {ENDPOINT}" + (f" and {SEARCH}" if rows else "")
