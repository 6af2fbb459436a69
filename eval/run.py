"""Evaluate one model: lm-eval asks and scores, this file keeps what came out."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.plan import TASKS, Job, benchmark, mark, result_folder, work_folder
from eval.tasks.bfcl.questions import Question, questions
from eval.tasks.bfcl.scoring import judge
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
    lm = _language_model(recipe, job, work)
    tasks = _load_tasks(recipe, job)
    chosen = {f"bfcl_{category}": indices for category, indices in job.asked.items()}
    raw: dict[str, Any] = evaluate(lm, task_dict=tasks, samples=chosen, bootstrap_iters=1)
    folder = result_folder(recipe, job.model)
    remove(mark(recipe, job.model))
    samples = raw.pop("samples")
    _write_samples(folder, samples)
    write_json(folder / "results.json", {**_portable(raw), "record": _record(recipe, job, raw, lm.decoding)})
    write_json(folder / "run.json", _run(time.time() - started))
    set_done(mark(recipe, job.model), job.print)


def _language_model(recipe: Recipe, job: Job, work: Path) -> Any:
    section = recipe.evaluation
    shared: dict[str, Any] = {"answers": work / "answers.jsonl", "identity": job.model.sha256, "label": job.model.name}
    if section.backend == "hf":
        import torch

        from eval.hf import StoredHF

        device = "cuda" if torch.cuda.is_available() else "cpu"
        return StoredHF(pretrained=str(job.model.folder), device=device, batch_size=section.batch_size, **shared)
    from eval.packed import PackedLM

    return PackedLM(job.model.folder, section.batch_size, **shared)


def _load_tasks(recipe: Recipe, job: Job) -> Any:
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    loaded = manager.load([f"bfcl_{category}" for category in job.asked])
    cap = recipe.evaluation.max_answer_tokens
    for task in loaded["tasks"].values():
        task.set_fewshot_seed(seed=FEWSHOT_SEED)
        if cap is not None:
            task.set_config(key="generation_kwargs", value={"max_gen_toks": cap}, update=True)
    return loaded


def _write_samples(folder: Path, samples: dict[str, list[dict[str, Any]]]) -> None:
    with replacing(folder / "samples") as partial:
        partial.mkdir()
        for task, rows in samples.items():
            lines = [json.dumps(_sample(row), sort_keys=True, allow_nan=False) for row in rows]
            (partial / f"{task}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sample(row: dict[str, Any]) -> dict[str, Any]:
    answer = row["filtered_resps"][0]
    verdict = judge(_question(row["doc"]["category"], row["doc"]["id"]), answer)
    return {
        "id": row["doc"]["id"],
        "prompt": row["doc"]["prompt"],
        "answer": answer,
        "calls": [{"name": call.name, "arguments": _finite(call.arguments)} for call in verdict.calls],
        "right": bool(row["acc"]),
        "reason": row["reason"],
    }


def _finite(value: Any) -> Any:
    """JSON has no infinity, yet 1e999 reads as one."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _question(category: str, question_id: str) -> Question:
    return next(question for question in questions(category) if question.id == question_id)


def _record(recipe: Recipe, job: Job, raw: dict[str, Any], decoding: dict[str, Any]) -> dict[str, Any]:
    version = benchmark().version
    tasks = {
        task: {
            "score": scores["acc,none"],
            "stderr": scores["acc_stderr,none"],
            "n": scores["sample_len"],
            "version": f"{raw['versions'][task]} on bfcl-eval {version}",
        }
        for task, scores in raw["results"].items()
    }
    ids = {category: [questions(category)[n].id for n in indices] for category, indices in job.asked.items()}
    caps = {task: config["generation_kwargs"]["max_gen_toks"] for task, config in raw["configs"].items()}
    return {
        "model": job.model.sha256,
        "name": job.model.name,
        "label": job.model.label,
        "tasks": tasks,
        "questions_sha256": {category: sha256_json(names) for category, names in ids.items()},
        "backend": decoding["backend"],
        "decoding": {
            "greedy": True,
            "compute_type": decoding["compute_type"],
            "batch_size": recipe.evaluation.batch_size,
            "max_answer_tokens": caps,
            "until": ["<|im_end|>"],
            "ends_when_settled": recipe.evaluation.backend == "packed",
        },
    }


def _portable(raw: dict[str, Any]) -> dict[str, Any]:
    """lm-eval's results without this machine's paths."""
    return _map_text(raw, lambda text: text.replace(f"{ROOT}{os.sep}", ""))


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
