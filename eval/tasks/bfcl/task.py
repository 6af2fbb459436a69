"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first: the tasks then work from
`lm_eval --include_path eval/tasks` with nothing set.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def load(category: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a category, one row a question; nested parts as JSON text, as Arrow wants one schema."""
    _find_repository()
    from datasets import Dataset

    from eval.tasks.bfcl.questions import questions

    rows = [
        {
            "id": q.id,
            "category": category,
            "prompt": q.prompt(),
            "messages": json.dumps(q.messages),
            "tools": json.dumps(q.tools()),
            "gold": json.dumps(q.gold, ensure_ascii=False),
        }
        for q in questions(category)
    ]
    return {"test": Dataset.from_list(rows)}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0), its shares in the groups' scores, and the named `reason` of one answer."""
    _find_repository()
    from eval.tasks.bfcl.benchmark import group_metrics
    from eval.tasks.bfcl.questions import by_id
    from eval.tasks.bfcl.scoring import judge

    verdict = judge(by_id(doc["category"])[doc["id"]], results[0])
    shares = group_metrics(doc["category"], float(verdict.right))
    return {"acc": float(verdict.right), **shares, "reason": verdict.reason}


def count_reasons(reasons: list[str]) -> str:
    """`simple_function_checker:wrong_count 3, words 17`: most frequent first."""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {number}" for reason, number in counts)


def _find_repository() -> None:
    root = str(Path(__file__).resolve().parents[3])
    if root not in sys.path:
        sys.path.append(root)
