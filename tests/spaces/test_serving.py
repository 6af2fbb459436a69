"""The Space as `make demo` starts it, asked by gradio_client."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spaces.assembly import ROOT

TOOLS = json.dumps([{"name": "ping", "description": "Ping a host.", "parameters": {"type": "object"}}])


def launcher(build: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "BUILD": str(build), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "spaces", "--recipe", "smoke", *options]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@pytest.fixture(scope="module")
def served(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the Space on the tiny model, which lies where training puts its own."""
    build = tmp_path_factory.mktemp("build")
    trained = build / "smoke" / "models" / "hephaestus-35m-ift"
    trained.parent.mkdir(parents=True)
    trained.symlink_to(tiny_model)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = launcher(build, "--port", str(port))
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=30)


def wait_for(address: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        assert process.poll() is None, process.communicate()[0]
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the Space did not come up")


def test_a_call_gives_a_well_formed_result(served: str) -> None:
    from gradio_client import Client

    result = Client(served, verbose=False).predict(request="Ping a.example", tools=TOOLS, api_name="/call")
    assert result["error"] is None
    assert result["tokens"] > 0 and result["seconds"] > 0 and result["tokens_per_second"] > 0
    assert isinstance(result["output"], str) and isinstance(result["calls"], list)
    assert sum([bool(result["calls"]), result["words"] is not None, result["problem"] is not None]) == 1


@pytest.mark.parametrize("kind", ["python", "curl"])
def test_copied_code_runs(kind: str, served: str, space: Path, tmp_path: Path) -> None:
    from snippets import curl_command, python_code

    tools = [{"type": "function", "function": json.loads(TOOLS)[0]}]
    request = 'It\'s a "ping" of $HOME, please'
    (tmp_path / "code.py").write_text(python_code(request, tools, served))
    (tmp_path / "code.sh").write_text(curl_command(request, tools, served))
    command = [sys.executable, "code.py"] if kind == "python" else ["bash", "code.sh"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("]") if kind == "python" else "event: complete" in done.stdout, done.stdout


def test_code_names_the_space_that_shows_it(space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snippets import own_address

    monkeypatch.delenv("SPACE_HOST", raising=False)
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7999")
    assert own_address() == "http://127.0.0.1:7999"
    monkeypatch.setenv("SPACE_HOST", "me-demo.hf.space")
    assert own_address() == "https://me-demo.hf.space"


def test_hostile_input_gets_an_error_text_and_the_server_lives(served: str) -> None:
    from gradio_client import Client

    client = Client(served, verbose=False)
    hostile: list[tuple[Any, Any]] = [
        ("x" * 1_000_000, TOOLS),
        ("hi", "x" * 1_000_000),
        ("hi", "[" * 19_000),
        ("hi", '[{"name": "<script>alert(1)</script>", "parameters": 3}]'),
        ("", TOOLS),
        (None, None),
        ({"a": 1}, 7),
        ("hi", "[1e999]"),
    ]
    for request, tools in hostile:
        result = client.predict(request=request, tools=tools, api_name="/call")
        assert result["error"] and result["calls"] == [], (str(request)[:20], str(tools)[:20])
    assert client.predict(request="<script>", tools=TOOLS, api_name="/call")["error"] is None


def test_half_a_surrogate_pair_is_answered(served: str) -> None:
    body = b'{"data": ["\\ud800", ' + json.dumps(TOOLS).encode() + b', "free", "trained"]}'
    post = urllib.request.Request(f"{served}/gradio_api/call/call", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(post) as reply:
        event = json.load(reply)["event_id"]
    with urllib.request.urlopen(f"{served}/gradio_api/call/call/{event}") as reply:
        said = reply.read().decode()
    assert "event: complete" in said and '"error": null' in said


def test_the_page_names_only_itself(served: str) -> None:
    with urllib.request.urlopen(served) as reply:
        page = reply.read().decode()
    assert "Function calling, to try" in page
    assert "fonts.googleapis" not in page and '<script src="http' not in page


def test_a_port_in_use_is_one_line_and_exit_code_2(served: str, tiny_model: Path, tmp_path: Path) -> None:
    port = served.rsplit(":", 1)[1]
    process = launcher(tmp_path, "--model", str(tiny_model), "--port", port)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.startswith(f"error: port {port} on 127.0.0.1 is in use") and said.count("\n") == 1


def test_a_missing_model_is_one_line_that_names_make_train(tmp_path: Path) -> None:
    process = launcher(tmp_path)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "run `make train RECIPE=smoke`" in said and said.count("\n") == 1
    assert not (tmp_path / "smoke").exists(), "nothing is written before the check"


def test_the_app_alone_names_a_model_that_does_not_load(
    space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from app import main

    monkeypatch.setenv("MODEL_ID", str(tmp_path / "none"))
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")  # main sets it; monkeypatch puts it back
    assert main() == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: MODEL_ID={tmp_path}/none names no model") and said.count("\n") == 1


def test_dry_run_prints_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    process = launcher(tmp_path, "--dry-run")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "hephaestus-35m-ift" in said
    assert not (tmp_path / "smoke").exists()


def test_twenty_visitors_at_once_are_all_answered(served: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from gradio_client import Client

    def visit(number: int) -> Any:
        client = Client(served, verbose=False)
        return client.predict(request=f"Ping host {number}", tools=TOOLS, api_name="/call")

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(visit, range(20)))
    assert all(result["error"] is None for result in results)
    assert all(f"Ping host {number}" in result["prompt"] for number, result in enumerate(results))


def test_mcp_offers_the_endpoints_with_their_types(served: str) -> None:
    with urllib.request.urlopen(f"{served}/gradio_api/mcp/schema") as reply:
        tools = {tool["meta"]["endpoint_name"]: tool for tool in json.load(reply)}
    properties = tools["call"]["inputSchema"]["properties"]
    assert properties["decoding"]["enum"] == ["free", "constrained"] and "description" in properties["tools"]
    assert "search_apis" in tools
