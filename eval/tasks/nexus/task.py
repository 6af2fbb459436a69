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
from eval.tasks.nexus.questions import by_id, questions
from eval.tasks.nexus.scoring import judge

__all__ = ["count_reasons", "load", "process_results"]


def load(name: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a set, one row a query."""
    return as_split(
        {
            "id": q.id,
            "set": name,
            "prompt": q.prompt(),
            "messages": json.dumps(q.messages()),
            "tools": json.dumps(q.tools()),
            "gold": q.reference,
        }
        for q in questions(name)
    )


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0) and the named `reason` of one answer."""
    verdict = judge(by_id(doc["set"])[doc["id"]], results[0])
    return {"acc": float(verdict.right), "reason": verdict.reason}
