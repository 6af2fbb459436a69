"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any


def missing() -> str | None:
    """None, or the sentence that says what is missing and how to bring it."""
    _find_repository()
    from eval.bench_data import absent
    from eval.tasks.api_bank.samples import API_LIST, FOLDERS

    problem = absent("api_bank", [*FOLDERS.values(), API_LIST])
    return f"not scored: missing {problem}" if problem else None


def missing_execution() -> str | None:
    """None, or why the column `executed` is not scored."""
    if os.environ.get("API_BANK_APIS"):
        return None
    return (
        "not scored: missing the executable APIs; clone https://github.com/AlibabaResearch/DAMO-ConvAI and set "
        "API_BANK_APIS=<clone>/api-bank"
    )


def load(level: int, kind: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a level, `call` or `response`, one row a step."""
    _find_repository()
    from datasets import Dataset

    from eval.tasks.api_bank.samples import samples

    shared = {"level": level, "kind": kind}
    rows = [{"id": s.id, **shared, "prompt": s.prompt(), "gold": s.gold()} for s in samples(level, kind)]
    return {"test": Dataset.from_list(rows)}


def process_call(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` by parameters, the named `reason`, and `executed` where the authors' APIs are pointed to."""
    _find_repository()
    from eval.tasks.api_bank.execution import apis_folder, judge_execution
    from eval.tasks.api_bank.scoring import judge_call

    sample = _by_id(doc["level"], "call")[doc["id"]]
    verdict = judge_call(sample, results[0])
    folder = apis_folder()
    executed = judge_execution(sample, results[0], folder).score if folder else None
    return {"acc": verdict.score, "reason": verdict.reason, "executed": executed}


def process_response(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` is ROUGE-L of one response."""
    _find_repository()
    from eval.tasks.api_bank.scoring import judge_response

    verdict = judge_response(_by_id(doc["level"], "response")[doc["id"]], results[0])
    return {"acc": verdict.score, "reason": verdict.reason}


def mean_executed(scores: list[float | None]) -> float | str:
    """Mean over executed calls, or the sentence that says why there are none."""
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else str(missing_execution())


@cache
def _by_id(level: int, kind: str) -> dict[str, Any]:
    from eval.tasks.api_bank.samples import samples

    return {sample.id: sample for sample in samples(level, kind)}


def count_reasons(reasons: list[str]) -> str:
    """`wrong_value 3, no_call 17`: most frequent first."""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {number}" for reason, number in counts)


def _find_repository() -> None:
    root = str(Path(__file__).resolve().parents[3])
    if root not in sys.path:
        sys.path.append(root)
