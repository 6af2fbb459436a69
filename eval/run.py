"""Evaluate one model: lm-eval asks and scores, this file keeps what came out."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.bench_data import bench_folder
from eval.benchmark_loss import benchmark_loss, golds
from eval.benchmarks import TASKS, Benchmark, weighted
from eval.plan import Job, mark, result_folder, work_folder
from records.files import remove, replacing, sha256_json, write_json
from records.marks import set_done
from records.recipe import ROOT, Recipe

FEWSHOT_SEED = 1234


def run_job(recipe: Recipe, job: Job) -> None:
    """Ask, score and write `results.json`, `samples/*.jsonl` and `run.json` of one model; the mark comes last."""
    from lm_eval.evaluator import evaluate

    started = time.time()
    work = work_folder(recipe, job.model)
    for stale in work.parent.glob("*"):
        if stale != work:
            remove(stale)
    lm = language_model(recipe, job, work)
    raw: dict[str, Any] = {}
    for tasks in job.asked.values():
        loaded = _load_tasks(recipe, list(tasks))
        chosen = {task: list(indices) for task, indices in tasks.items()}
        merge(raw, evaluate(lm, task_dict=loaded, samples=chosen, bootstrap_iters=1))
    folder = result_folder(recipe, job.model)
    remove(mark(recipe, job.model))
    answered = raw.pop("samples")
    samples = {task: [_sample(job, task, row) for row in rows] for task, rows in answered.items()}
    record = _record(recipe, job, raw, samples, lm.decoding)
    if recipe.evaluation.benchmark_loss:
        record["benchmark_loss"] = benchmark_loss(lm, golds(job.benchmarks, job.tasks, answered))
    _write_samples(folder, samples)
    write_json(folder / "results.json", {**_portable(raw), "record": _portable(record)})
    write_json(folder / "run.json", _run(time.time() - started))
    set_done(mark(recipe, job.model), job.print)


def language_model(recipe: Recipe, job: Job, work: Path) -> Any:
    """The lm-eval model that answers; its answers lie in `work/answers.jsonl`."""
    section = recipe.evaluation
    shared: dict[str, Any] = {"answers": work / "answers.jsonl", "identity": job.model.sha256, "label": job.model.name}
    if section.decoding == "constrained":
        shared["constrained"] = True
    if job.model.is_endpoint:
        from eval.endpoint import EndpointLM

        return EndpointLM(job.model.place, **shared)
    if section.backend == "hf":
        import torch

        from eval.hf import StoredHF

        device = "cuda" if torch.cuda.is_available() else "cpu"
        return StoredHF(pretrained=str(job.model.folder), device=device, batch_size=section.batch_size, **shared)
    from eval.packed import PackedLM

    compute_type = "int8" if section.backend == "packed-int8" else "float32"
    return PackedLM(job.model.folder, section.batch_size, compute_type=compute_type, **shared)


def _load_tasks(recipe: Recipe, names: list[str]) -> Any:
    from lm_eval.tasks import TaskManager

    from eval.tasks.mmlu.benchmark import TASKS as MMLU
    from eval.tasks.mmlu.benchmark import load_mmlu

    # lm-eval's own tasks take seconds to index, and only a few benchmarks are among them.
    ours = TaskManager(include_path=str(TASKS), include_defaults=False)
    manager = ours if set(names) <= set(ours.all_tasks) else TaskManager(include_path=str(TASKS))
    loaded = load_mmlu(names) if set(names) <= set(MMLU) else manager.load(names)
    cap = recipe.evaluation.max_answer_tokens
    for task in loaded["tasks"].values():
        task.set_fewshot_seed(seed=FEWSHOT_SEED)
        if cap is not None and task.OUTPUT_TYPE == "generate_until":
            task.set_config(key="generation_kwargs", value={"max_gen_toks": cap}, update=True)
    return loaded


def merge(whole: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add lm-eval's results of further tasks to those of others."""
    for key, value in part.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key].update(value)
        else:
            whole.setdefault(key, value)


def _write_samples(folder: Path, samples: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    with replacing(folder / "samples") as partial:
        partial.mkdir()
        for task, rows in samples.items():
            lines = [json.dumps(row, sort_keys=True, allow_nan=False) for row in rows]
            (partial / f"{task}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sample(job: Job, task: str, row: dict[str, Any]) -> dict[str, Any]:
    benchmark = benchmark_of(job.benchmarks, task)
    score = float(row["acc"])
    sample = {
        "id": benchmark.ids(task)[row["doc_id"]],
        "prompt": row["doc"].get("prompt") or row["arguments"][0][0],
        "answer": row["filtered_resps"][0],
        "score": score if math.isfinite(score) else 0.0,
        "right": score == 1.0,
        "reason": row.get("reason") or ("right" if score == 1.0 else "wrong"),
    }
    if benchmark.describe:
        sample |= benchmark.describe(row["doc"], row["filtered_resps"][0])
    return sample


def benchmark_of(benchmarks: Sequence[Benchmark], task: str) -> Benchmark:
    """The first benchmark that has a task."""
    return next(benchmark for benchmark in benchmarks if task in benchmark.tasks)


def _record(
    recipe: Recipe, job: Job, raw: dict[str, Any], samples: Mapping[str, Sequence[dict[str, Any]]], decoding: Any
) -> dict[str, Any]:
    tasks = {}
    for task, rows in samples.items():
        found, source = raw["results"][task], benchmark_of(job.benchmarks, task).source()
        tasks[task] = {
            "score": found["acc,none"],
            "stderr": found["acc_stderr,none"] if len(rows) > 1 else 0.0,
            "n": len(rows),
            "version": f"{raw['versions'][task]} on {source.name} {source.version}",
        }
    caps = {task: config.get("generation_kwargs") or {} for task, config in raw["configs"].items()}
    ids = {task: [row["id"] for row in rows] for task, rows in samples.items()}
    return {
        "model": job.model.sha256,
        "name": job.model.name,
        "label": job.model.label,
        "tasks": tasks,
        "benchmarks": {benchmark.name: _benchmark(job, benchmark, samples) for benchmark in job.benchmarks},
        "questions_sha256": {task: sha256_json(names) for task, names in ids.items()},
        "backend": decoding["backend"],
        "decoding": {
            "mode": recipe.evaluation.decoding,
            "greedy": True,
            "compute_type": decoding["compute_type"],
            "batch_size": recipe.evaluation.batch_size,
            "max_answer_tokens": {task: kw["max_gen_toks"] for task, kw in caps.items() if "max_gen_toks" in kw},
            "until": ["<|im_end|>"],
            "ends_when_settled": decoding["backend"].startswith("packed"),
        },
    }


def _benchmark(job: Job, benchmark: Benchmark, samples: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """The headline with n and standard error, or why there is none; and the identity of data and scorer."""
    from eval.plan import scoring_sha256

    missing = {task: job.missing[task] for task in benchmark.tasks if task in job.missing}
    found: dict[str, Any] = {"title": benchmark.title, "rule": benchmark.rule}
    if not benchmark.percent:
        found["percent"] = False
    if missing:
        found["not_scored"] = missing
    if len(missing) < len(benchmark.tasks):
        source = benchmark.source()
        found["source"] = {"name": source.name, "version": source.version, "sha256": source.sha256}
        found["hub_dataset"] = benchmark.hub_dataset
        found["scorer_sha256"] = scoring_sha256(benchmark.scored_by)
        found["of"] = sum(len(benchmark.ids(task)) for task in benchmark.tasks if task not in missing)
    if gone := {task: why for task, why in benchmark.left_out().items() if task not in missing}:
        found["left_out"] = gone
    values = {task: [row["score"] for row in samples[task]] for task in benchmark.tasks if task in samples}
    if note := benchmark.partial(list(values)):
        found["partial"] = note
    headline = weighted(values, benchmark.weights)
    if headline:
        found |= {"score": headline.score, "stderr": headline.stderr, "n": headline.n}
    return found


def _portable(raw: dict[str, Any]) -> dict[str, Any]:
    """Results without this machine's paths."""
    folder = bench_folder()
    known = {f"{ROOT}{os.sep}": "", **({str(folder): "$BENCH_DATA"} if folder else {})}

    def plain(text: str) -> str:
        for path, name in known.items():
            text = text.replace(path, name)
        return text

    return _map_text(raw, plain)


def _map_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _map_text(part, change) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_map_text(part, change) for part in value]
    return change(value) if isinstance(value, str) else value


def _run(seconds: float) -> dict[str, Any]:
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
