"""One process a stage (one a rank): started in order, never two trainings in one folder, none left behind."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from records.errors import UserError

LOCK_PATIENCE_SECONDS = 20
# Each step frees and takes again the same few GB. By default glibc hands them back to the system, and the page faults
# of taking them anew cost a quarter of a step on a CPU. Other C libraries ignore the variable.
KEEP_MEMORY = ":".join(
    f"glibc.malloc.{name}"
    for name in ("hugetlb=1", "mmap_threshold=4294967296", "trim_threshold=17179869184", "top_pad=67108864")
)


@contextmanager
def only_one(work: Path) -> Iterator[None]:
    """Hold the lock of a working folder; the system frees it when the holder dies, however it dies.

    Raises:
        UserError: another training holds it.
    """
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        for _ in range(LOCK_PATIENCE_SECONDS * 5):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.2)
            else:
                break
        else:
            raise UserError(f"another training works in {work}; wait for it or stop it")
        # Children inherit the lock, so that a stage that outlives a killed parent still holds it.
        os.set_inheritable(lock.fileno(), True)
        yield


def end_with_parent() -> None:
    """End this process within half a second of its parent's death: a killed command must not go on training unseen."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.25)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_ranks(arguments: list[str], world: int) -> int:
    """Run `python -m training.stage` once a rank and return the first exit code that is not 0.

    Args:
        arguments: the command's arguments.
        world: number of ranks (dp × tp × pp), all on this machine.
    """
    port = _free_port() if world > 1 else 0
    command = [sys.executable, "-m", "training.stage", *arguments]
    places = [_environment(rank, world, port) for rank in range(world)]
    children = [subprocess.Popen(command, env=place, close_fds=False) for place in places]
    try:
        return _wait(children)
    finally:
        for child in children:
            if child.poll() is None:
                child.terminate()
                child.wait()


def _wait(children: list[subprocess.Popen[bytes]]) -> int:
    while any(child.poll() is None for child in children):
        if any(child.poll() for child in children):
            break
        time.sleep(0.1)
    return next((child.returncode for child in children if child.returncode), 0)


def _environment(rank: int, world: int, port: int) -> dict[str, str]:
    ranks = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
    if world > 1:
        ranks |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {"GLIBC_TUNABLES": KEEP_MEMORY} | os.environ | ranks | {"PYTHONPATH": path}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
