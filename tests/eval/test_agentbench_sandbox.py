"""The sandbox contains what a model's commands may try."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from eval.tasks.agentbench import sandbox as module
from eval.tasks.agentbench.sandbox import Limits, Sandbox, require_sandbox
from records.errors import UserError


def _why_not() -> str | None:
    try:
        require_sandbox()
    except UserError as error:
        return str(error)
    return None


needs_namespaces = pytest.mark.skipif(_why_not() is not None, reason=str(_why_not()))


@pytest.fixture
def sandbox():
    found = Sandbox(Limits(seconds=2.5, cpu_seconds=1, memory_bytes=256 << 20, processes=32))
    yield found
    found.close()


@needs_namespaces
def test_commands_run_and_share_a_folder(sandbox):
    assert sandbox.run("echo one > file; echo two >&2; exit 3") == module.Result("two\n", 3)
    assert sandbox.run("cat file; pwd").output == "one\n/work\n"


@needs_namespaces
def test_no_privilege_and_nothing_of_the_host(sandbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    shown = sandbox.run(
        f"id -u; cat {secret}; cat /etc/shadow; ls /root /home /tmp /work; grep CapEff /proc/self/status"
    )
    assert shown.output.splitlines()[0] == "65534"
    assert "secret\n" not in shown.output and "CapEff:\t0000000000000000" in shown.output
    assert sandbox.run("env").output.count("=") < 8, "the environment is not the host's"


@needs_namespaces
@pytest.mark.parametrize("place", ["/usr/bin/x", "/x", "/etc/x", "/proc/sys/kernel/hostname", "{host}/x"])
def test_writes_outside_fail(sandbox, tmp_path, place):
    os.chmod(tmp_path, 0o777)
    target = place.format(host=tmp_path)
    assert sandbox.run(f"echo x > {target}").exit_code != 0
    assert not (tmp_path / "x").exists() and not Path("/x").exists() and not Path("/usr/bin/x").exists()


@needs_namespaces
def test_no_network(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert sandbox.run(f"exec 3<>/dev/tcp/127.0.0.1/{port}").exit_code != 0
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


@needs_namespaces
def test_fork_bomb_ends_and_leaves_no_process(sandbox):
    started = time.monotonic()
    sandbox.run("bomb() { bomb | bomb & }; bomb; sleep 100 & wait")
    assert time.monotonic() - started < 15
    time.sleep(0.3)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "bomb()" not in listed


@needs_namespaces
def test_memory_hog_fails_alone(sandbox):
    result = sandbox.run("head -c 600000000 /dev/zero | tail -c 550000000 | wc -c; echo after")
    assert "550000000" not in result.output


@needs_namespaces
def test_files_and_output_are_bounded(sandbox):
    assert sandbox.run("head -c 100000000 /dev/zero > big").exit_code != 0
    assert sum(f.stat().st_size for f in sandbox.work.rglob("*") if f.is_file()) <= 16 << 20
    result = sandbox.run("yes")
    assert result.problem == "too_much_output" and len(result.output) <= 64 << 10


@needs_namespaces
def test_time_is_bounded(sandbox):
    started = time.monotonic()
    assert sandbox.run("setsid sleep 300 & sleep 300").problem == "timeout"
    assert time.monotonic() - started < 8
    assert sandbox.run("while :; do :; done").exit_code != 0


@needs_namespaces
@pytest.mark.parametrize("command", ["", "\x00", "\ud800", "x" * 200_000, "(" * 5_000, "exit 300"])
def test_malformed_commands_harm_nothing(sandbox, command):
    assert isinstance(sandbox.run(command).output, str)


@needs_namespaces
def test_sandboxes_beside_each_other(sandbox):
    other = Sandbox()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda b=box: found.append(b.run("sleep 0.2; ls").output)) for box in (sandbox, other)
    ]
    sandbox.run("touch mine")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(found) == ["", "mine\n"]


def test_missing_programs_are_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "bwrap" else f"/usr/bin/{name}")
    require_sandbox.cache_clear()
    with pytest.raises(UserError, match="apt-get install bubblewrap"):
        require_sandbox()
    require_sandbox.cache_clear()
