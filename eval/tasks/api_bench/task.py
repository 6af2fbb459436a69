"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first: the tasks then work from
`lm_eval --include_path eval/tasks` with nothing set.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3]))

from eval.lm_eval_tasks import as_split, count_reasons
from eval.tasks.api_bench.questions import by_id, questions
from eval.tasks.api_bench.scoring import judge

__all__ = ["count_reasons", "load", "process_results"]


def load(hub: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a hub, one row a question."""
    return as_split({"id": q.id, "hub": hub, "prompt": q.prompt(), "gold": q.gold()} for q in questions(hub))


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0), `hallucination` (1 or 0) and the named `reason` of one answer."""
    verdict = judge(by_id(doc["hub"])[doc["id"]], results[0])
    return {"acc": float(verdict.right), "hallucination": float(verdict.hallucinated), "reason": verdict.reason}
