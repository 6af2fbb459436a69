"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first: the tasks then work from
`lm_eval --include_path eval/tasks` with nothing set.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3]))

from eval.lm_eval_tasks import as_split, count_reasons
from eval.tasks.bfcl.benchmark import group_metrics
from eval.tasks.bfcl.questions import by_id, questions
from eval.tasks.bfcl.scoring import judge

__all__ = ["count_reasons", "load", "process_results"]


def load(category: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a category, one row a question; nested parts as JSON text, as Arrow wants one schema."""
    return as_split(
        {
            "id": q.id,
            "category": category,
            "prompt": q.prompt(),
            "messages": json.dumps(q.messages),
            "tools": json.dumps(q.tools()),
            "gold": json.dumps(q.gold, ensure_ascii=False),
            "settles": True,
        }
        for q in questions(category)
    )


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0), its shares in the groups' scores, and the named `reason` of one answer."""
    verdict = judge(by_id(doc["category"])[doc["id"]], results[0])
    shares = group_metrics(doc["category"], float(verdict.right))
    return {"acc": float(verdict.right), **shares, "reason": verdict.reason}
