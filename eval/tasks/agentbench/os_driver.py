"""Runs inside the sandbox of an OS task, by the sandbox's own Python, and imports nothing but the standard library.

Reads one JSON request a line: `{"shell": text}` types a command into the task's one bash, whose folder and variables
last; `{"argv": [...]}` runs a program apart from it. Answers `{"code": int or null, "output": text}`.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shlex
import subprocess
import sys
import time
import uuid

PR_SET_DUMPABLE = 4


def started(argv: list[str], stdin: int) -> subprocess.Popen[bytes]:
    """A program in a session of its own, its output in one pipe."""
    return subprocess.Popen(
        argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", start_new_session=True
    )


def read_until(process: subprocess.Popen[bytes], mark: bytes | None, seconds: float, most: int) -> tuple[bytes, bool]:
    """Output up to `mark` (None: to the end of the process), and whether that was reached in time and space."""
    assert process.stdout
    ends, output = time.monotonic() + seconds, b""
    while len(output) <= most:
        left = ends - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            return output, False
        piece = os.read(process.stdout.fileno(), 65_536)
        if not piece:
            return output, True
        output += piece
        if mark and mark in output and output.index(mark) < output.rfind(b"\n"):
            return output, True
    return output[:most], False


class Shell:
    """The task's bash; a command that does not end in time takes it along, and the next one meets a fresh bash."""

    def __init__(self) -> None:
        self.bash = started(["bash", "--login"], subprocess.PIPE)

    def run(self, text: str, seconds: float, most: int) -> dict[str, object]:
        """Type a command; its output so far where it does not end."""
        mark = f"\n{uuid.uuid4().hex} "
        assert self.bash.stdin
        line = f"eval {shlex.quote(text)} </dev/null; printf '{mark.replace(chr(10), chr(92) + 'n')}%d\\n' $?\n"
        try:
            self.bash.stdin.write(line.encode("utf-8", "replace"))
            self.bash.stdin.flush()
        except OSError:
            pass
        output, whole = read_until(self.bash, mark.encode(), seconds, most)
        text, _, code = output.decode("utf-8", "replace").partition(mark)
        if not whole or not code:
            self.bash.kill()
            self.bash.wait()
            self.bash = started(["bash", "--login"], subprocess.PIPE)
        return {"code": int(code) if code.strip().isdigit() else None, "output": text}


def run(argv: list[str], seconds: float, most: int) -> dict[str, object]:
    """Run a program to its end, or kill it; code None where it was killed."""
    process = started(argv, subprocess.DEVNULL)
    output, whole = read_until(process, None, seconds, most)
    if whole:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            whole = False
    if not whole:
        process.kill()
        process.wait()
    return {"code": process.returncode if whole else None, "output": output.decode("utf-8", "replace")}


def reap() -> None:
    """Bury what others left behind, as the first process must."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main() -> None:
    """Serve requests until the input ends."""
    seconds, most = float(sys.argv[1]), int(sys.argv[2])
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # what runs beside cannot reach this process's pipes
    for name, text in json.loads(sys.argv[3]).items():
        with open(name, "w", encoding="utf-8") as stream:
            stream.write(text)
    shell = Shell()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "shell" in request:
                answer = shell.run(request["shell"], seconds, most)
            else:
                answer = run(request["argv"], seconds, most)
        except (OSError, ValueError) as error:
            answer = {"code": None, "output": str(error)}
        reap()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
