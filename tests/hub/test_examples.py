"""The examples as a consumer runs them, against a release on the embedded Hub."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.hub.builds import CONFIGS, make_build
from tests.hub.processes import ROOT, Server, clean_environment, run_publish, start_server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A published release, served."""
    build, recipe = make_build(tmp_path_factory.mktemp("examples"))
    done = run_publish(build, recipe)
    assert done.returncode == 0, done.stderr
    server = start_server(build)
    yield server
    server.kill()


def example(name: str, served: Server, folder: Path, *arguments: str) -> str:
    """Run a script of examples/ with nothing but the Hub's address."""
    environment = clean_environment(folder, HF_ENDPOINT=served.url, HF_HOME=str(folder / "hf"), NO_PROXY="127.0.0.1")
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{name}.py"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_load_by_config_and_streaming(served: Server, tmp_path: Path) -> None:
    said = example("load_dataset", served, tmp_path, "local/forge-tiny", "--config", "code", "--revision", "v0.1.0")
    assert "configs: api_docs, code" in said
    assert f"loaded {CONFIGS['code'][0]} rows with columns text, license" in said
    assert "- MIT: 'code train 0'" in said


def test_filter_by_licence(served: Server, tmp_path: Path) -> None:
    output = tmp_path / "kept.parquet"
    arguments = ("local/forge-tiny", "--config", "api_docs", "--output", str(output))
    said = example("filter_by_licence", served, tmp_path, *arguments, "--keep", "MIT")
    assert "kept 7 of 7 rows under MIT" in said
    assert pq.read_table(output).num_rows == 7
    assert "kept 0 of 7" in example("filter_by_licence", served, tmp_path, *arguments[:3], "--keep", "Apache-2.0")


def test_load_a_model_and_call_functions(served: Server, tmp_path: Path) -> None:
    example("generate", served, tmp_path, "local/hephaestus-1m-ift", "w1 w2", "--tokens", "4", "--revision", "v0.1.0")
    # The tiny model is not trained, so it calls nothing; what happens to calls is the next test.
    said = example("call_functions", served, tmp_path, "local/hephaestus-1m-ift", "What is 6 times 7?")
    assert said.startswith("the model calls nothing:")


def loaded(name: str) -> Any:
    spec: Any = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_licence_expressions() -> None:
    fits, wanted = loaded("filter_by_licence").fits, {"MIT", "Apache-2.0"}
    assert fits("MIT", wanted) and fits("MIT AND Apache-2.0", wanted) and fits("(MIT OR GPL-3.0-only)", wanted)
    assert not fits("ISC", wanted) and not fits("MIT AND ISC", wanted) and not fits("ISC AND (MIT OR X11)", wanted)


def test_calls_are_checked_before_they_run() -> None:
    module = loaded("call_functions")
    answers = {
        '[{"name": "multiply", "arguments": {"a": 6, "b": 7}}]': ["42"],
        '[{"name": "count_letter", "arguments": {"text": "strawberry", "letter": "r"}}]': ["3"],
        '[{"name": "multiply", "arguments": {"a": "6", "b": 7}}]': ["not run: '6' is not of type 'number'"],
        '[{"name": "os.system", "arguments": {}}]': ["not run: there is no function os.system"],
        "It is 42.": [],
    }
    for answer, results in answers.items():
        assert [module.run_call(call) for call in module.read_calls(answer)] == results


def test_the_readme_of_the_examples_names_each_of_them() -> None:
    text = (ROOT / "examples" / "README.md").read_text()
    scripts = {file.name for file in (ROOT / "examples").glob("*.py")}
    assert scripts and all(f"python examples/{name} " in text for name in scripts)
