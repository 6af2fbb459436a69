"""`python -m eval` from end to end on tiny random models: results, resume, refusals."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval.__main__ import main
from records.errors import UserError, run_command
from records.files import sha256_file
from records.recipe import ROOT


@pytest.fixture
def build(tmp_path: Path, three_models: Path) -> Path:
    """The build folder of recipe `tiny`, with its three models in place."""
    shutil.copytree(three_models, tmp_path / "build" / "tiny" / "models")
    return tmp_path / "build" / "tiny"


def results(build: Path) -> dict[str, bytes]:
    """Every byte that evaluation is answerable for, but for times."""
    files = sorted(file for file in (build / "eval").rglob("*") if file.is_file() and file.name != "run.json")
    return {file.relative_to(build).as_posix(): file.read_bytes() for file in files}


def test_three_models_are_scored_and_compared(build, tiny_recipe, capsys):
    recipe = str(tiny_recipe())
    assert main(["--recipe", recipe, "--step-of-all"]) == 0
    for name in ("base", "smollm2-2layer-ift", "hephaestus-35m-ift"):
        found = json.loads((build / "eval" / name / "results.json").read_text())
        record = found["record"]
        assert record["model"] == sha256_file(build / "models" / name / "record.json")
        assert record["tasks"]["bfcl_simple_python"]["n"] == 3
        assert record["tasks"]["bfcl_parallel"]["n"] == 2
        assert found["results"]["bfcl_parallel"]["acc,none"] == record["tasks"]["bfcl_parallel"]["score"]
        assert record["decoding"]["max_answer_tokens"]["bfcl_parallel"] == 8
        assert str(ROOT) not in json.dumps(found) and str(build) not in json.dumps(found)
        lines = (build / "eval" / name / "samples" / "bfcl_simple_java.jsonl").read_text().splitlines()
        assert {"id", "prompt", "answer", "calls", "score", "right", "reason"} == set(json.loads(lines[0])) and len(
            lines
        ) == 2
    report = (build / "eval" / "report.md").read_text()
    assert "base (Instruct, dequantised from Q4_1)" in report and "ours − control" in report
    pictures = ["figures/scores.png", *re.findall(r"\]\((figures/[\w.]+)\)", report)]
    assert "figures/bfcl_v1.png" in pictures
    assert all((build / "eval" / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


def test_a_hub_id_is_fetched_and_scored(build, tiny_recipe, server, tmp_path):
    from huggingface_hub import HfApi

    api = HfApi(endpoint=server.url, token=server.token)
    commit = api.create_repo("local/scored") and api.upload_folder(
        repo_id="local/scored", folder_path=build / "models" / "base"
    )
    more = {"HF_ENDPOINT": server.url, "HF_TOKEN": server.token, "NO_PROXY": "127.0.0.1", "HF_HOME": str(tmp_path)}
    line = [sys.executable, "-m", "eval", "--recipe", str(tiny_recipe()), "--step-of-all"]
    line += ["--model", f"local/scored@{commit.oid}"]
    done = subprocess.run(line, cwd=ROOT, env=os.environ | more, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads(next((build / "eval").glob("local--scored*/results.json")).read_text())["record"]
    assert record["model"] == sha256_file(build / "models" / "base" / "record.json")
    assert record["tasks"]["bfcl_simple_python"]["n"] == 3


def test_models_of_further_seeds_and_without_stages_have_roles(tiny_recipe):
    import yaml

    from eval.models import recipe_roles
    from records.recipe import load_recipe

    file = tiny_recipe()
    values = yaml.safe_load(file.read_text())
    values["training"] |= {"seeds": [4, 5], "unstaged": True}
    file.write_text(yaml.safe_dump(values))
    assert list(recipe_roles(load_recipe(str(file))).items()) == [
        ("base", "base"),
        ("ours-seed5", "hephaestus-35m-ift-seed5"),
        ("control-seed5", "smollm2-2layer-ift-seed5"),
        ("broad", "hephaestus-35m-broad-ift"),
        ("control", "smollm2-2layer-ift"),
        ("ours", "hephaestus-35m-ift"),
    ]


def test_second_run_asks_nothing_and_full_results_are_kept(build, tiny_recipe, capsys):
    recipe = str(tiny_recipe())
    main(["--recipe", recipe])
    before = results(build)
    assert json.loads(before["eval/base/results.json"])["record"]["tasks"]["bfcl_simple_python"]["n"] == 5
    capsys.readouterr()
    started = time.monotonic()
    assert main(["--recipe", recipe]) == 0 and main(["--recipe", recipe, "--step-of-all"]) == 0
    assert time.monotonic() - started < 5
    assert capsys.readouterr().out.count("0 evaluated, 3 were done") == 2
    assert results(build) == before


def wait_for_answers(run: subprocess.Popen, build, lines: int):
    """The store of answers of a running command, once it holds so many batches."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        stores = list(build.glob("work/eval/base/*/answers.jsonl"))
        if stores and stores[0].read_bytes().count(b"\n") >= lines:
            return stores[0]
        assert run.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    raise AssertionError("the run is too slow")


def test_killed_run_goes_on_and_ends_in_the_same_bytes(build, tiny_recipe, tmp_path):
    recipe = str(tiny_recipe(alone={"simple_python": 40, "other": 4}))
    command = [sys.executable, "-m", "eval", "--recipe", recipe, "--model", str(build / "models" / "base")]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    store = wait_for_answers(run, build, 3)
    run.send_signal(signal.SIGKILL)
    run.wait()
    kept = [line for line in store.read_text().splitlines(keepends=True) if line.endswith("\n")]
    assert not (build / "eval" / "base" / "results.json").exists()
    with store.open("a") as stream:
        stream.write('{"batch": "torn')

    assert main(command[3:]) == 0
    lines = store.read_text().splitlines(keepends=True)
    assert lines[: len(kept)] == kept
    batches = [json.loads(line)["batch"] for line in lines if not line.startswith('{"batch": "torn')]
    assert len(batches) == len(set(batches)) > len(kept)
    resumed = results(build)

    shutil.rmtree(build / "eval")
    shutil.rmtree(build / "work")
    assert main(command[3:]) == 0
    assert results(build) == resumed


def test_killed_conversations_go_on_and_end_in_the_same_transcripts(build, tiny_recipe):
    """kill -9 between the steps of BFCL's conversations: no step is asked twice, and every transcript is the same."""
    folder = build / "models" / "base"
    config = json.loads((folder / "config.json").read_text()) | {"max_position_embeddings": 16_384}
    (folder / "config.json").write_text(json.dumps(config))
    few = {"simple_python": 2, "other": 2, "caps": {"bfcl_v3": 2}, "benchmarks": ["bfcl_v3"]}
    recipe = str(tiny_recipe(alone=few, max_answer_tokens=4))
    command = [sys.executable, "-m", "eval", "--recipe", recipe, "--model", str(folder)]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    run = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    single_turn = 26  # batches have at most two questions, so as many lines mean that conversations have begun
    store = wait_for_answers(run, build, single_turn + 4)
    run.send_signal(signal.SIGKILL)
    run.wait()
    kept = [line for line in store.read_text().splitlines(keepends=True) if line.endswith("\n")]
    assert not (build / "eval" / "base" / "results.json").exists()

    assert main(command[3:]) == 0
    lines = store.read_text().splitlines(keepends=True)
    batches = [json.loads(line)["batch"] for line in lines if line.startswith("{") and line.endswith("}\n")]
    assert lines[: len(kept)] == kept and len(batches) == len(set(batches)) > len(kept)
    resumed = results(build)
    transcripts = [
        json.loads(json.loads(line)["answer"])
        for file in (build / "eval" / "base" / "samples").glob("bfcl_multi_turn_*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert len(transcripts) == 8 and max(len(one["turns"]) for one in transcripts) > 2, "several steps each"

    shutil.rmtree(build / "eval")
    shutil.rmtree(build / "work")
    assert main(command[3:]) == 0
    assert results(build) == resumed


def test_backends_give_the_same_answers(build, tiny_recipe):
    answers = {}
    for backend in ("hf", "packed"):
        assert main(["--recipe", str(tiny_recipe(backend=backend)), "--model", str(build / "models" / "base")]) == 0
        files = sorted((build / "eval" / "base" / "samples").glob("*.jsonl"))
        answers[backend] = [json.loads(line)["answer"] for file in files for line in file.read_text().splitlines()]
        assert json.loads((build / "eval/base/results.json").read_text())["record"]["backend"].startswith(backend)
    assert answers["hf"] == answers["packed"]
    assert len(set(answers["hf"])) > len(answers["hf"]) / 2, "random answers, so equality means something"


def test_other_questions_are_not_compared(build, tiny_recipe):
    main(["--recipe", str(tiny_recipe()), "--step-of-all"])
    folder = build / "eval" / "base"
    values = json.loads((folder / "results.json").read_text())
    values["record"]["tasks"]["bfcl_multiple"]["version"] = "0.9"
    (folder / "results.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match="different versions"):
        main(["--recipe", str(tiny_recipe()), "--step-of-all"])


@pytest.mark.parametrize("gone", ["base", "smollm2-2layer-ift", "hephaestus-35m-ift/model.safetensors"])
def test_missing_model_is_named_before_any_work(build, tiny_recipe, gone, capsys):
    target = build / "models" / gone
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    assert run_command(main, ["--recipe", str(tiny_recipe())]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: no model at ") and gone.split("/")[0] in error and "make train" in error
    assert not (build / "eval").exists()


def test_missing_wheel_is_named_before_any_work(build, tiny_recipe, monkeypatch, tmp_path, capsys):
    from eval.tasks.bfcl.questions import questions

    monkeypatch.setenv("ASSETS", str(tmp_path / "nothing"))
    questions.cache_clear()
    assert run_command(main, ["--recipe", str(tiny_recipe())]) == 2
    questions.cache_clear()
    error = capsys.readouterr().err
    assert "bfcl_eval" in error and "make setup" in error


@pytest.mark.parametrize("name", ["nexus", "api_bank", "api_bench", "agentbench", "mmlu"])
def test_a_benchmark_without_data_says_what_is_missing(build, tiny_recipe, monkeypatch, capsys, name):
    """Asked alone it is an error that names what brings the data; beside others the report says so."""
    for variable in ("BENCH_DATA", "AGENTBENCH_SERVER", "AGENTBENCH_SPARQL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("eval.bench_data.hub_answers", lambda: False)
    monkeypatch.setattr("eval.tasks.mmlu.benchmark.hub_answers", lambda: False)
    line = ["--recipe", str(tiny_recipe()), "--model", str(build / "models" / "base"), "--benchmarks"]
    assert run_command(main, [*line, name]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: nothing can be asked: not scored: missing ") and "github.com" in error
    assert not (build / "eval").exists()
    assert main([*line, f"bfcl_v1,{name}"]) == 0
    assert "eval: not scored: missing " in capsys.readouterr().out
    record = json.loads((build / "eval/base/results.json").read_text())["record"]["benchmarks"]
    assert "score" not in record[name] and "score" in record["bfcl_v1"]
    assert "not scored: missing " in (build / "eval/base/report.md").read_text()


def test_dry_run_writes_nothing(build, tiny_recipe, capsys):
    assert main(["--recipe", str(tiny_recipe()), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "69 questions to ask" in shown and "hephaestus-35m-ift" in shown
    assert not (build / "eval").exists() and not (build / "work").exists()


def test_constrained_answers_lie_apart_and_are_not_compared_with_free_ones(build, tiny_recipe):
    recipe = ["--recipe", str(tiny_recipe(max_answer_tokens=64)), "--model", str(build / "models" / "base")]
    assert main(recipe) == 0 and main([*recipe, "--decoding", "constrained"]) == 0
    folder = build / "eval" / "base"
    records = [json.loads((place / "results.json").read_text())["record"] for place in (folder, folder / "constrained")]
    assert [record["decoding"]["mode"] for record in records] == ["free", "constrained"]
    samples = [
        json.loads(line) for line in (folder / "constrained/samples/bfcl_multiple.jsonl").read_text().splitlines()
    ]
    assert all(sample["calls"] or sample["reason"] in ("words", "empty") for sample in samples)
    from eval.report import require_equal

    with pytest.raises(UserError, match="different"):
        require_equal(*records)
