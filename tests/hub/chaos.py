"""A proxy in front of an embedded Hub that misbehaves by a seed, and publishers and servers that can be killed."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.hub.processes import ROOT, clean_environment

FAULTS = ("429", "503", "500 after", "cut before", "cut after", "half", "slow")
DROPPED = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass
class Faults:
    """What goes wrong: each request fails in one of FAULTS with a probability, and one request calls `at_request`."""

    seed: int
    probability: float
    kill_at: int | None = None
    """Number of the request at which `kill` is called: before it is passed on, or after, by turns of the seed."""
    kill: Callable[[], None] = lambda: None
    seen: int = 0
    injected: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def next(self) -> tuple[str | None, str | None]:
        """(fault of this request, when to kill: before, after or None)."""
        with self._lock:
            self.seen += 1
            kill = self._random.choice(("before", "after")) if self.seen == self.kill_at else None
            if self._random.random() >= self.probability:
                return None, kill
            fault = self._random.choice(FAULTS)
            self.injected[fault] = self.injected.get(fault, 0) + 1
            return fault, kill


class Proxy:
    """An address that passes requests on to `port`, with faults."""

    def __init__(self) -> None:
        self.port = 0
        self.faults = Faults(0, 0.0)
        self._busy = 0
        self._turn = threading.Condition()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or every answer waits 40 ms for an acknowledgement

            def handle_any(self) -> None:
                with proxy._turn:
                    proxy._busy += 1
                try:
                    proxy._handle(self)
                finally:
                    with proxy._turn:
                        proxy._busy -= 1
                        proxy._turn.notify_all()

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def wait_until_idle(self) -> None:
        """Until no request is under way, nor what a request set off: a server killed at the last one is up again."""
        with self._turn:
            assert self._turn.wait_for(lambda: not self._busy, 60)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = _body(request)
        fault, kill = self.faults.next()
        if kill == "before":
            self.faults.kill()
        if fault in ("429", "503"):
            headers = {"RateLimit": '"api";r=0;t=0', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
            _answer(request, int(fault), headers if fault == "429" else {}, b'{"error":"injected"}')
        elif fault == "cut before":
            _cut(request)
        else:
            if fault == "slow":
                time.sleep(0.1)
            self._pass_on(request, body, fault)
        if kill == "after":
            self.faults.kill()

    def _pass_on(self, request: BaseHTTPRequestHandler, body: bytes, fault: str | None) -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
            connection.request(request.command, request.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
        except (OSError, http.client.HTTPException):
            _answer(request, 502, {}, b'{"error":"no server"}')
            return
        if fault == "500 after":
            _answer(request, 500, {}, b'{"error":"injected"}')
        elif fault == "cut after":
            _cut(request)
        else:
            sent = {name: value for name, value in answer.getheaders() if name.lower() not in DROPPED}
            length = answer.getheader("content-length") if request.command == "HEAD" else None
            _answer(request, answer.status, sent, content, length, half=fault == "half")


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("transfer-encoding", "").lower() == "chunked":
        found = b""
        while size := int(request.rfile.readline().split(b";")[0], 16):
            found += request.rfile.read(size)
            request.rfile.readline()
        request.rfile.readline()
        return found
    return request.rfile.read(int(request.headers.get("content-length") or 0))


def _answer(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: dict[str, str],
    content: bytes,
    length: str | None = None,
    half: bool = False,
) -> None:
    try:
        request.send_response_only(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", length or str(len(content)))
        request.end_headers()
        if half and content:
            request.wfile.write(content[: len(content) // 2])
            _cut(request)
        elif request.command != "HEAD":
            request.wfile.write(content)
    except OSError:  # the publisher was killed
        request.close_connection = True


def _cut(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    try:
        request.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class KillableServer:
    """An embedded Hub on a fixed port that is started again after each kill -9."""

    def __init__(self, build: Path) -> None:
        self.build = build
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.process = self._start()
        self.token = (build / "hub" / "token").read_text()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hub.local", "--port", str(self.port), "--until-eof"]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment(self.build),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout and process.stdout.readline().startswith("embedded Hub at")
        return process

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()

    def restart(self) -> None:
        """kill -9, and start again."""
        self.kill()
        self.process = self._start()


def publish(endpoint: str, token: str, plan: Any, publisher: str, result: Any = None) -> None:
    """Apply a plan in this process, with little patience, as a publisher that may be killed."""
    from huggingface_hub import HfApi, constants

    from hub.apply import Manners, apply_plan
    from hub.patience import Patience
    from records.errors import UserError

    constants.HF_HUB_DISABLE_XET = True
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _hurry(10)
    manners = Manners(files_per_commit=4, patience=Patience(tries=12, first_wait=0.5, longest_wait=10))
    try:
        apply_plan(plan, HfApi(endpoint=endpoint, token=token), publisher, manners)
        words = "done"
    except UserError as error:
        words = str(error)
    except Exception as error:  # told to the test, which would wait for an answer in vain
        words = f"not foreseen: {error!r}"
    if result is not None:
        result.put((publisher, words))
    os._exit(0 if words == "done" else 2)


def _hurry(factor: float) -> None:
    """Let the waits of this process, the client's own among them, pass so many times faster."""
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(seconds / factor)  # type: ignore[assignment]


def forks() -> Any:
    """A context whose processes start at once: the modules that publishing needs are loaded already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hub.apply", "huggingface_hub.hf_api", "tests.hub.chaos"])
    return context
