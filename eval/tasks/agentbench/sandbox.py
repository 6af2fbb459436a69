"""A throw-away Linux for commands that a model writes: no network, no privilege, bounded memory, processes and time.

bubblewrap gives each sandbox namespaces of its own for users, processes, mounts, network and more; the system's
programs are mounted read-only, everything else is empty and lies in memory. The user inside is `nobody` (65534) without
capabilities; `prlimit` sets limits of resources before the first command, and a clock outside kills whatever is left.
Memory is bounded for each process and processes by number, so at worst their product is used (8 GiB by default).
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from records.errors import UserError

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/etc/alternatives", "/etc/ld.so.cache")
"""Mounted read-only where the host has them; `/etc` itself, with its secrets, is not."""
USER = 65534


@dataclass(frozen=True)
class Limits:
    """What one command may use."""

    seconds: float = 10.0
    """Of the clock."""
    cpu_seconds: int = 5
    memory_bytes: int = 256 << 20
    """Address space of each process."""
    processes: int = 32
    file_bytes: int = 16 << 20
    """Of one file; also of all that lies in memory as files, per folder."""
    output_bytes: int = 64 << 10


@dataclass(frozen=True)
class Result:
    """What a command left."""

    output: str
    """Standard output and error together."""
    exit_code: int
    """Negative where a signal ended it."""
    problem: str | None = None
    """`timeout` or `too_much_output`."""


class Sandbox:
    """One folder that commands share (`/work` inside); each command starts a new set of namespaces.

    Raises:
        UserError: bubblewrap is missing, or the machine allows no namespaces.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        require_sandbox()
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
        self.work = Path(self._folder.name) / "work"
        self.work.mkdir()
        if os.geteuid() == 0:
            os.chmod(self._folder.name, 0o711)
            os.chown(self.work, USER, USER)

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    def run(self, command: str) -> Result:
        """Run a bash command and wait for it, and for everything that it started."""
        if "\x00" in command:
            return Result("a command cannot hold a zero byte", 2)
        argv = [*wrapped(self.work, self.limits), "bash", "--norc", "--noprofile", "-c", command]
        try:
            encoded = [os.fsencode(part) for part in argv]
        except UnicodeEncodeError:
            return Result("a command cannot hold characters outside Unicode", 2)
        if sum(map(len, encoded)) > 100_000:
            return Result("the command is too long", 2)
        process = subprocess.Popen(
            encoded,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            **as_nobody(),
        )
        output, problem = _collect(process, self.limits)
        return Result(output.decode("utf-8", "replace"), process.returncode, problem)


def wrapped(work: Path, limits: Limits) -> list[str]:
    """The command line of bubblewrap and prlimit before a command."""
    line = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    line += ["--uid", str(USER), "--gid", str(USER), "--hostname", "sandbox"]
    for path in SYSTEM:
        if os.path.islink(path):
            line += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            line += ["--ro-bind", path, path]
    for folder in ("/tmp", "/root", "/home"):
        line += ["--size", str(limits.file_bytes), "--tmpfs", folder]
    line += ["--proc", "/proc", "--dev", "/dev", "--bind", str(work), "/work", "--chdir", "/work"]
    for name, value in (("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/work"), ("LANG", "C.UTF-8")):
        line += ["--setenv", name, value]
    line += ["--remount-ro", "/", "--", "prlimit", f"--cpu={limits.cpu_seconds}", f"--as={limits.memory_bytes}"]
    return [*line, f"--nproc={limits.processes}", f"--fsize={limits.file_bytes}", "--core=0", "--nofile=256"]


def as_nobody() -> dict[str, Any]:
    """Root gives up its rights before bubblewrap starts."""
    return {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}


def _collect(process: subprocess.Popen[bytes], limits: Limits) -> tuple[bytes, str | None]:
    ends = time.monotonic() + limits.seconds
    output, problem = b"", None
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector, process.stdout as stream:
        selector.register(stream, selectors.EVENT_READ)
        while problem is None:
            left = ends - time.monotonic()
            if left <= 0:
                problem = "timeout"
            elif selector.select(left):
                piece = os.read(stream.fileno(), 65_536)
                if not piece:
                    break
                output += piece
                problem = "too_much_output" if len(output) > limits.output_bytes else None
        if problem:
            _kill(process)
    try:
        process.wait(max(ends - time.monotonic(), 1.0))
    except subprocess.TimeoutExpired:
        problem = problem or "timeout"
        _kill(process)
        process.wait()
    return output[: limits.output_bytes], problem


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End bubblewrap; its process namespace ends with it, and everything inside."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


@cache
def require_sandbox() -> None:
    """Raise UserError where bubblewrap is missing or the machine allows no namespaces."""
    for program in ("bwrap", "prlimit", "bash"):
        if shutil.which(program) is None:
            package = {"bwrap": "bubblewrap", "prlimit": "util-linux", "bash": "bash"}[program]
            raise UserError(f"{program} is not here, and model commands run nowhere else; `apt-get install {package}`")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        line = [*wrapped(Path(folder), Limits()), "true"]
        ran = subprocess.run(line, capture_output=True, text=True, **as_nobody())
    if ran.returncode:
        raise UserError(
            f"this machine lets bubblewrap make no sandbox ({ran.stderr.strip()[-200:]}); allow unprivileged user "
            "namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0; "
            "in a container, --security-opt seccomp=unconfined), or leave tasks with commands out"
        )
