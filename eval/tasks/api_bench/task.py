"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first.
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

FILES = (
    "huggingface_eval.json",
    "huggingface_api.jsonl",
    "tensorflow_eval.json",
    "tensorflowhub_api.jsonl",
    "torchhub_eval.json",
    "torchhub_api.jsonl",
)


def missing() -> str | None:
    """None, or the sentence that says what is missing and how to bring it."""
    _find_repository()
    from eval.bench_data import absent

    problem = absent("api_bench", FILES)
    return f"not scored: missing {problem}" if problem else None


def load(hub: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a hub, one row a question."""
    _find_repository()
    from datasets import Dataset

    from eval.tasks.api_bench.questions import questions

    rows = [{"id": q.id, "hub": hub, "prompt": q.prompt(), "gold": q.answer or q.api_call} for q in questions(hub)]
    return {"test": Dataset.from_list(rows)}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0), `hallucination` (1 or 0) and the named `reason` of one answer."""
    _find_repository()
    from eval.tasks.api_bench.scoring import judge

    verdict = judge(_by_id(doc["hub"])[doc["id"]], results[0])
    return {"acc": float(verdict.right), "hallucination": float(verdict.hallucinated), "reason": verdict.reason}


@cache
def _by_id(hub: str) -> dict[str, Any]:
    from eval.tasks.api_bench.questions import questions

    return {question.id: question for question in questions(hub)}


def count_reasons(reasons: list[str]) -> str:
    """`wrong_domain 3, hallucination 17`: most frequent first."""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {number}" for reason, number in counts)


def _find_repository() -> None:
    root = str(Path(__file__).resolve().parents[3])
    if root not in sys.path:
        sys.path.append(root)
