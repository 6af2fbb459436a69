"""One throw-away Linux for one OS task: its files, its variables and its processes last from command to command.

bubblewrap gives it namespaces of its own. Inside, the user is `root` with no capability at all; outside it is `nobody`
(65534). There is no network. The host's programs are mounted read-only; all other folders, `/usr` and `/etc` among
them, are empty or made up, lie in memory, and may be written to. Limits of a process's memory and CPU time, of
processes, of files and of the clock hold for all that runs inside.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eval.tasks.agentbench.sandbox import Limits, as_nobody, require_sandbox
from records.errors import UserError

SECONDS = 5.0
"""Of one command, as the authors' socket waits."""
LIMITS = Limits(cpu_seconds=20, memory_bytes=512 << 20, processes=64, file_bytes=32 << 20, output_bytes=64 << 10)
PYTHON = "/usr/bin/python3"
MADE = (
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/lib",
    "/root",
    "/home",
    "/opt",
    "/srv",
    "/mnt",
    "/media",
    "/var/log",
    "/var/tmp",
    "/var/lib",
    "/etc",
    "/run",
)
FILES = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost\n",
    "/var/log/dpkg.log": "startup archives install\n",
    "/etc/hostname": "sandbox\n",
    "/etc/profile": "PS1='# '\n",
}
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True)
class Ran:
    """What a program left."""

    code: int | None
    """None where it was stopped."""
    output: str


class MachineGone(Exception):
    """The sandbox ended, by what ran in it or by the clock."""


class Machine:
    """A running sandbox. `close` ends everything in it.

    Raises:
        UserError: bubblewrap or Python is missing, or the machine allows no namespaces.
    """

    def __init__(self, closed: Sequence[str] | None = None) -> None:
        require_machine()
        closed = closed_folders() if closed is None else closed
        self._process = subprocess.Popen(
            command_line(closed),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=ENVIRONMENT,
            **as_nobody(),
        )

    def shell(self, text: str) -> Ran:
        """Type a command into the task's bash. Raises MachineGone."""
        return self._ask({"shell": text.replace("\x00", "")})

    def run(self, language: str, code: str, parameters: Sequence[str] = ()) -> Ran:
        """Run a script in `bash` or `python` apart from the task's bash. Raises MachineGone."""
        if language == "bash":
            argv = ["bash", "-c", code, *(["--", *parameters] if parameters else [])]
        else:
            argv = [PYTHON, "-c", code, *parameters]
        return self._ask({"argv": [part.replace("\x00", "") for part in argv]})

    def _ask(self, request: dict[str, Any]) -> Ran:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise MachineGone from None
        answer = json.loads(self._line(3 * SECONDS))
        return Ran(answer["code"], answer["output"])

    def _line(self, seconds: float) -> bytes:
        assert self._process.stdout
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(seconds):
                    raise MachineGone
                piece = os.read(self._process.stdout.fileno(), 1 << 20)
                if not piece:
                    raise MachineGone
                line += piece
        return line

    def close(self) -> None:
        """End all that runs inside; its process namespace ends with bubblewrap."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()


def command_line(closed: Sequence[str] = ()) -> list[str]:
    """bubblewrap, prlimit and the driver.

    Args:
        closed: folders shown empty.
    """
    line = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    line += ["--uid", "0", "--gid", "0", "--hostname", "sandbox"]
    size = ["--size", str(LIMITS.file_bytes), "--tmpfs"]
    line += [*size, "/", *size, "/usr"]
    kept = [path for path in sorted(Path("/usr").iterdir()) if path.is_dir() and path.name != "local"]
    line += [part for path in kept for part in mounted(path)]
    for name in ("/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        if os.path.lexists(name):
            line += mounted(Path(name))
    line += [part for folder in MADE for part in ("--perms", "0755", "--dir", folder)]
    line += ["--perms", "1777", "--dir", "/tmp"]
    for shared in ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"):
        if os.path.exists(shared):
            line += ["--ro-bind", shared, shared]
    line += ["--proc", "/proc", "--tmpfs", "/proc/tty/driver", "--dev", "/dev", "--chdir", "/"]
    line += [part for path in closed for part in ("--tmpfs", path)]
    # The driver is the first process: nothing inside can end it, see it or reach its pipes.
    line += ["--as-pid-1", "--tmpfs", "/proc/1"]
    line += [part for name, value in ENVIRONMENT.items() for part in ("--setenv", name, value)]
    line += ["--", "prlimit", f"--cpu={LIMITS.cpu_seconds}", f"--as={LIMITS.memory_bytes}", "--core=0"]
    line += [f"--nproc={LIMITS.processes}", f"--fsize={LIMITS.file_bytes}", "--nofile=256"]
    return [*line, PYTHON, "-I", "-c", driver(), str(SECONDS), str(LIMITS.output_bytes), json.dumps(FILES)]


def mounted(path: Path) -> list[str]:
    """A folder of programs as the host has it: read-only, or the same link."""
    if path.is_symlink():
        return ["--symlink", os.readlink(path), str(path)]
    return ["--ro-bind", str(path), str(path)]


@cache
def closed_folders() -> tuple[str, ...]:
    """Folders of programs that only true root reads: shown empty, so that `find` says nothing of them."""
    machine = Machine(closed=())
    try:
        code = r"find /usr -type d \( ! -readable -o ! -executable \) -print -prune 2>/dev/null"
        return tuple(sorted(machine.run("bash", code).output.split("\n")[:-1]))
    finally:
        machine.close()


@cache
def driver() -> str:
    """Source of the program that runs inside."""
    return Path(__file__).with_name("os_driver.py").read_text(encoding="utf-8")


@cache
def require_machine() -> None:
    """Raise UserError where no such sandbox can be made here."""
    require_sandbox()
    if not Path(PYTHON).exists():
        raise UserError(f"{PYTHON} is not here, and the checks of OS tasks run by it; `apt-get install python3`")
