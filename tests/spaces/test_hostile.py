"""A thousand hostile inputs over HTTP to the true app, watched from inside: nothing opened, reached, run or lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.spaces.hostile import hostile_inputs

TOOLS = json.dumps([{"name": "ping", "description": "Ping a host.", "parameters": {"type": "object"}}])
# While the file WATCH is there, the app writes down what Python itself reports of files, sockets, processes and code.
WATCHED = """
import os, sys, runpy
WATCH = ("open", "socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "compile", "exec",
         "import", "shutil.rmtree", "os.remove", "os.rename", "os.mkdir", "socket.getaddrinfo", "urllib.Request")
log = os.open(sys.argv.pop(), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def hook(event, arguments):
    if event in WATCH and os.path.exists("WATCH"):
        if event == "open" and isinstance(arguments[0], int):
            return
        if event == "exec":
            what = getattr(arguments[0], "co_filename", "")
        else:
            what = arguments[:1] if event == "open" else arguments[::-1] if event == "compile" else arguments
        os.write(log, (event + " " + repr(what)[:300] + chr(10)).encode("utf-8", "replace"))
sys.addaudithook(hook)
sys.argv = ["app.py"]
sys.path.insert(0, os.getcwd())
import importlib.util
if importlib.util.find_spec("model"):  # a random model never ends by itself; what it writes is not the matter here
    import model
    model.MAX_NEW_TOKENS = 8
runpy.run_path("app.py", run_name="__main__")
"""


@dataclass
class Watched:
    address: str
    folder: Path
    log: Path
    process: subprocess.Popen[bytes]

    def post(self, request: Any, tools: Any) -> dict[str, Any]:
        """What the page's own client does: put the call into the queue, and read its result as a stream."""
        body = json.dumps({"data": [request, tools, "free", "trained"]}).encode()
        kind = {"Content-Type": "application/json"}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(f"{self.address}/gradio_api/call/call", body, kind), timeout=120
            ) as reply:
                event = json.load(reply)["event_id"]
            with urllib.request.urlopen(f"{self.address}/gradio_api/call/call/{event}", timeout=120) as reply:
                said = reply.read().decode()
        except urllib.error.HTTPError as error:
            return {"status": error.code}
        assert "event: complete" in said, said[:500]
        # On a busy machine there may be heartbeats before and after it.
        found: dict[str, Any] = json.loads(said.split("event: complete\ndata: ", 1)[1].split("\n")[0])[0]
        return found


@pytest.fixture(scope="module")
def watched(space: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """The app in a process of its own, its Python events written down from when the file WATCH is there."""
    place = tmp_path_factory.mktemp("watched")
    log = place / "log"
    folder = place / "space"
    folder.symlink_to(space)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "MODEL_ID": str(tiny_model), "GRADIO_SERVER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    environment |= {"HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHED, str(log)],
        cwd=folder, env=environment, stdout=(place / "out").open("w"), stderr=subprocess.STDOUT,
    )  # fmt: skip
    found = Watched(f"http://127.0.0.1:{port}", folder, log, process)
    for _ in range(1500):
        assert process.poll() is None, (place / "out").read_text()
        try:
            urllib.request.urlopen(found.address, timeout=5).close()
            break
        except OSError:
            time.sleep(0.2)
    yield found
    process.terminate()
    process.wait(30)
    (space / "WATCH").unlink(missing_ok=True)


def test_a_thousand_hostile_inputs_touch_nothing(watched: Watched) -> None:
    assert watched.post("Ping a.example", TOOLS)["error"] is None  # what is loaded once is loaded now
    watched.post("Ping a.example", "def f(x: int): ...")
    watched.post("Ping a.example", "openapi: 3.0.0\npaths: {/a: {get: {}}}")
    before = sorted(watched.folder.resolve().rglob("*"))
    (watched.folder / "WATCH").touch()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda pair: watched.post(*pair), hostile_inputs(1000)))
    (watched.folder / "WATCH").unlink()
    assert watched.process.poll() is None
    assert sorted(watched.folder.resolve().rglob("*")) == before
    errors = [result.get("error") for result in results]
    assert sum(bool(error) for error in errors) > 500 and sum(error is None for error in errors) > 20
    assert all("status" in result or isinstance(result["error"], str | None) for result in results)
    assert not [result for result in results if result.get("status", 422) not in (413, 422)]
    assert sum("status" in result for result in results) <= 20, "most of them reach the endpoint"
    assert watched.post("Ping a.example", TOOLS)["error"] is None
    assert unexpected(watched.log) == []


def unexpected(log: Path) -> list[str]:
    """Events that reading hostile tools must not cause."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return sorted({line for line in lines if not allowed(line)})


OWN_TYPES = ("b'Decoding'", "b'Which'", "b'dict[str, Any]'", "b'list[dict[str, str]]'", "b'str'")
"""Annotations of the endpoints, which gradio evaluates at every call."""


def allowed(line: str) -> bool:
    """What the app does by itself, whatever it is asked.

    A visitor's Python is compiled to a syntax tree, as `<unknown>`, and never run; for the line of a syntax error
    CPython looks whether there is a file of that name. Sources of Python files are read for tracebacks.
    """
    event, _, what = line.partition(" ")
    if event == "compile":
        return what.startswith("('<unknown>', ") or what in [f"('<string>', {own})" for own in OWN_TYPES]
    if event == "exec":
        return "<unknown>" not in what  # of `<string>` only OWN_TYPES are compiled
    return event == "import" or (event == "open" and (what.endswith(".py',)") or what == "('<unknown>',)"))


def test_the_watch_sees_what_it_should(tmp_path: Path) -> None:
    code = "import socket, subprocess\nopen('PWNED', 'w').close()\nexec(compile('1', '<unknown>', 'exec'))\neval('2')\n"
    code += "try: socket.create_connection(('127.0.0.1', 1))\nexcept OSError: pass\nsubprocess.run(['true'])\n"
    (tmp_path / "app.py").write_text(code)
    (tmp_path / "WATCH").touch()
    log = tmp_path / "log"
    subprocess.run([sys.executable, "-c", WATCHED, str(log)], cwd=tmp_path, check=True)
    events = {line.split()[0] for line in unexpected(log)}
    assert {"open", "compile", "exec", "socket.connect", "subprocess.Popen"} <= events
