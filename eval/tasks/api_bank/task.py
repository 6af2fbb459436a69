"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first: the tasks then work from
`lm_eval --include_path eval/tasks` with nothing set.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3]))

from eval.lm_eval_tasks import as_split, count_reasons
from eval.tasks.api_bank.execution import apis_folder, judge_execution
from eval.tasks.api_bank.samples import by_id, samples
from eval.tasks.api_bank.scoring import judge_call, judge_response

__all__ = ["count_reasons", "load", "mean_executed", "process_call", "process_response"]


def load(level: int, kind: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a level, `call` or `response`, one row a step."""
    shared = {"level": level, "kind": kind}
    return as_split({"id": s.id, **shared, "prompt": s.prompt(), "gold": s.gold()} for s in samples(level, kind))


def process_call(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` by parameters, the named `reason`, and `executed` where the authors' APIs are pointed to."""
    sample = by_id(doc["level"], "call")[doc["id"]]
    verdict = judge_call(sample, results[0])
    folder = apis_folder()
    executed = judge_execution(sample, results[0], folder).score if folder else None
    return {"acc": verdict.score, "reason": verdict.reason, "executed": executed}


def process_response(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` is ROUGE-L of one response."""
    verdict = judge_response(by_id(doc["level"], "response")[doc["id"]], results[0])
    return {"acc": verdict.score, "reason": verdict.reason}


def mean_executed(scores: list[float | None]) -> float | str:
    """Mean over executed calls, or the sentence that says why there are none."""
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else str(missing_execution())


def missing_execution() -> str | None:
    """None, or why the column `executed` is not scored."""
    if os.environ.get("API_BANK_APIS"):
        return None
    return (
        "not scored: missing the executable APIs; clone https://github.com/AlibabaResearch/DAMO-ConvAI and set "
        "API_BANK_APIS=<clone>/api-bank"
    )
