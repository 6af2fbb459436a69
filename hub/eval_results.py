"""Scores in the two forms that model pages read: `model-index` in the card, and `.eval_results/*.yaml`.

Source of the second: https://huggingface.co/docs/hub/eval-results. A file names a dataset of the Hub, the task in it,
and the value; benchmarks that are no dataset of the Hub stay in `model-index` alone.
"""

from __future__ import annotations

from typing import Any

import yaml

from hub.inputs import ModelInput

EVAL_RESULTS = ".eval_results"
DATASETS = {
    "bfcl": "gorilla-llm/Berkeley-Function-Calling-Leaderboard",
    "mmlu": "cais/mmlu",
    "nexus": "Nexusflow/NexusRaven_API_evaluation",
    "api_bank": "liminghao1630/API-Bank",
}
"""Prefix of our task names → the benchmark's dataset."""


def index_results(model: ModelInput) -> list[dict[str, Any]]:
    """The `results` of a card's model-index: those that evaluation wrote, or else every task's as a fraction."""
    if model.index_file is not None:
        written = yaml.safe_load(model.index_file.read_text(encoding="utf-8"))
        if written and written[0].get("results"):
            return list(written[0]["results"])
    rows = []
    for task, score in sorted(model.scores.items()):
        name = f"accuracy of {score['n']} questions"
        metric = {"type": "accuracy", "name": name, "value": round(float(score["score"]), 4)}
        dataset = {"type": _dataset(task) or task, "name": task, "config": task, "split": "test"}
        rows.append(
            {
                "task": {"type": "text-generation", "name": "Function calling"},
                "dataset": {**dataset, "args": {"n": score["n"]}},
                "metrics": [metric],
            }
        )
    return rows


def eval_results(model: ModelInput) -> dict[str, str]:
    """File name → YAML, one a benchmark: those that evaluation wrote, or else every task's score in percent."""
    if model.eval_result_files:
        return {file.name: file.read_text(encoding="utf-8") for file in model.eval_result_files}
    files: dict[str, list[dict[str, Any]]] = {}
    for task, score in sorted(model.scores.items()):
        dataset, prefix = _dataset(task), _prefix(task)
        if dataset is None or prefix is None:
            continue
        entry = {
            "dataset": {"id": dataset, "task_id": task.removeprefix(f"{prefix}_")},
            "value": round(100 * float(score["score"]), 2),
            "notes": _notes(model, task, score),
        }
        files.setdefault(f"{prefix}.yaml", []).append(entry)
    return {name: yaml.safe_dump(rows, sort_keys=False, allow_unicode=True) for name, rows in files.items()}


def _notes(model: ModelInput, task: str, score: dict[str, Any]) -> str:
    of = ((model.results or {}).get("n-samples") or {}).get(task, {}).get("original")
    asked = f"{score['n']} of {of} questions" if of else f"{score['n']} questions"
    backend = ((model.results or {}).get("record") or {}).get("backend")
    parts = [asked, f"± {100 * float(score.get('stderr') or 0):.2f}", f"task version {score.get('version')}"]
    return ", ".join([*parts, f"backend {backend}"] if backend else parts)


def _prefix(task: str) -> str | None:
    return next((prefix for prefix in DATASETS if task == prefix or task.startswith(f"{prefix}_")), None)


def _dataset(task: str) -> str | None:
    prefix = _prefix(task)
    return DATASETS[prefix] if prefix else None
