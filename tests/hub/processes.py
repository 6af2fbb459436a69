"""Commands of the part in processes of their own, as a person would start them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PERSONAL = (
    "USERS",
    "ORGS",
    "HF_TOKEN",
    "HUB",
    "REPO",
    "PORT",
    "BUILD",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "VERBOSE",
    "PLAN",
    "SPACE",
    "TAKE_OVER",
    "OVERWRITE",
)


def clean_environment(build: Path, **more: str) -> dict[str, str]:
    """The environment of a command: no settings of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in PERSONAL}
    return {**kept, "BUILD": str(build), "OMP_NUM_THREADS": "1", "SPACE": "skip", **more}


@dataclass
class Server:
    """An embedded Hub in a process of its own."""

    process: subprocess.Popen[str]
    url: str
    token: str
    store: Path

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


def start_server(build: Path, *arguments: str, **more: str) -> Server:
    """Start the server on a free port and wait until it says where."""
    command = [sys.executable, "-m", "hub.local", "--port", "0", "--until-eof", *arguments]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=clean_environment(build, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("embedded Hub at http://127.0.0.1:"), line
    return Server(process, line.split()[-1], (build / "hub" / "token").read_text(), build / "hub")


def run_publish(build: Path, recipe: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`python -m hub --recipe …` as a person would call it."""
    command = [sys.executable, "-m", "hub", "--recipe", str(recipe), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(build, **more), capture_output=True, text=True, timeout=300
    )
