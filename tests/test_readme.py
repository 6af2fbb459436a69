"""Every command and every Python snippet of the README is run, with RECIPE=smoke, in one build folder.

`make test` is left out (it runs this file); `make demo` and `make hub` are polled, then stopped.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else ""
SERVERS = ("make demo", "make hub")
LEFT_OUT = ("make test", "make test-all", "git clone", "cd ")


def readme_commands() -> list[str]:
    """Lines of the README's bash blocks, comments removed, each once and in order."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.S)
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in blocks for line in block.splitlines()]
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


COMMANDS = [command for command in readme_commands() if not command.startswith(LEFT_OUT)]
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("readme")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST"))}
    return variables | {"BUILD": str(folder / "build"), "HOME": str(folder / "home"), "RECIPE": "smoke"}


def run(command: str, environment: dict[str, str], seconds: int = 600) -> subprocess.CompletedProcess[str]:
    line = command if "RECIPE=" in command else re.sub(r"\bmake (\w+)", r"make \1 RECIPE=smoke", command)
    return subprocess.run(
        line, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


@pytest.fixture(scope="module")
def line(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The whole line, once; the other commands go on from what it built."""
    return run("make all", environment)


def test_the_two_commands_are_there() -> None:
    assert readme_commands()[:5] and {"make all", "make test"} <= set(readme_commands())


def test_the_whole_line_runs(line: subprocess.CompletedProcess[str]) -> None:
    assert line.returncode == 0, line.stdout[-2000:] + line.stderr[-4000:]
    assert "Traceback" not in line.stderr
    for said in ("config", "loss before", "bfcl_simple_python", "dataset card", "make demo"):
        assert said in line.stdout


def test_a_second_run_does_nothing_again(line: subprocess.CompletedProcess[str], environment: dict[str, str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in Path(environment["BUILD"]).rglob("*.json")}
    started = time.monotonic()
    again = run("make all", environment)
    assert again.returncode == 0, again.stderr[-3000:]
    assert {path: path.stat().st_mtime_ns for path in Path(environment["BUILD"]).rglob("*.json")} == before
    assert time.monotonic() - started < 60  # 30 s on a quiet machine


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "make all" and not c.startswith(SERVERS)])
def test_command_runs(command: str, line: subprocess.CompletedProcess[str], environment: dict[str, str]) -> None:
    done = run(command, environment)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(command: str, environment: dict[str, str], log: Path) -> Iterator[str]:
    """Start a server of the README on a free port, wait for its page, stop it at the end."""
    port = free_port()
    with log.open("w") as output:
        process = subprocess.Popen(
            f"exec {command} RECIPE=smoke PORT={port}",
            shell=True,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield _wait(f"http://127.0.0.1:{port}", process, log)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(240):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return address
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"no page at {address}: {log.read_text()[-3000:]}")


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(SERVERS)])
def test_server_answers(
    command: str, line: subprocess.CompletedProcess[str], environment: dict[str, str], tmp_path: Path
) -> None:
    with served(command, environment, tmp_path / "log") as address, urllib.request.urlopen(address, timeout=10) as page:
        assert b"<html" in page.read(20_000).lower()


def test_snippets_run_against_the_embedded_hub(
    line: subprocess.CompletedProcess[str], environment: dict[str, str], tmp_path: Path
) -> None:
    assert SNIPPETS
    with served("make hub", environment, tmp_path / "log") as address:
        for number, snippet in enumerate(SNIPPETS):
            smoke = snippet.replace("-local", "-smoke").replace("hephaestus-135m", "hephaestus-35m")
            file = tmp_path / f"snippet{number}.py"
            file.write_text(smoke)
            done = subprocess.run(
                [sys.executable, str(file)],
                env=environment | {"HF_ENDPOINT": address},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            assert done.returncode == 0, f"{smoke}\n{done.stdout[-1500:]}{done.stderr[-3000:]}"
