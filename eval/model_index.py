"""Scores in the Hub's own forms, beside results.json: `.eval_results/*.yaml` and the card's model-index."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from records.files import read_json, replacing, write_text

GIT_SHA = re.compile(r"[0-9a-f]{40}")


def write_model_index(folder: Path) -> None:
    """Write `.eval_results/<benchmark>.yaml` and `model_index.yaml` of one model's results.

    Only benchmarks with a headline score take part, in `.eval_results` only those that are a dataset of the Hub; n and
    the number of all questions stand in the notes.
    """
    record = read_json(folder / "results.json", "make eval")["record"]
    run = folder / "run.json"
    date = datetime.fromisoformat(read_json(run, "make eval")["finished"]).date().isoformat() if run.exists() else None
    scored = {name: entry for name, entry in record["benchmarks"].items() if "score" in entry}
    with replacing(folder / ".eval_results") as partial:
        partial.mkdir()
        for name, entry in scored.items():
            if entry.get("hub_dataset"):
                rows = eval_result_entries_to_yaml([_eval_result(name, entry, record, date)])
                (partial / f"{name}.yaml").write_text(_yaml(rows), encoding="utf-8")
    write_text(folder / "model_index.yaml", _yaml([{"name": record["name"], "results": index_results(record)}]))


def _eval_result(name: str, entry: dict[str, Any], record: dict[str, Any], date: str | None) -> EvalResultEntry:
    version = str(entry["source"]["version"])
    partial = f"{entry['partial']}; " if "partial" in entry else ""
    unit = "percent" if entry.get("percent", True) else "overall score"
    return EvalResultEntry(
        dataset_id=entry["hub_dataset"],
        task_id=name,
        value=round(100 * entry["score"], 2),
        dataset_revision=version if GIT_SHA.fullmatch(version) else None,
        date=date,
        notes=f"{partial}{unit}, standard error {100 * entry['stderr']:.2f}, n={entry['n']} of {entry['of']}; data "
        f"{entry['source']['name']} {version}; {record['backend']}, {record['decoding'].get('mode', 'free')} decoding",
    )


def index_results(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The `results` of a model-index: one entry a benchmark with a headline."""
    rows = []
    for name, entry in record["benchmarks"].items():
        if "score" not in entry:
            continue
        title = f"{entry['title']} ({entry['partial']})" if "partial" in entry else entry["title"]
        metric = {
            "type": "accuracy" if entry.get("percent", True) else "overall score",
            "name": f"{title}, n={entry['n']}, standard error {100 * entry['stderr']:.2f} points",
            "value": round(100 * entry["score"], 2),
        }
        source = entry["source"]
        dataset = {"type": name, "name": entry["title"], "split": "test", "revision": str(source["version"])}
        rows.append(
            {
                "task": {"type": "text-generation", "name": "Function calling" if "bfcl" in name else entry["title"]},
                "dataset": dataset,
                "metrics": [metric],
            }
        )
    return rows


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
