"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any


def load(name: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a set, one row a query."""
    _find_repository()
    from datasets import Dataset

    from eval.tasks.nexus.questions import questions

    rows = [
        {
            "id": q.id,
            "set": name,
            "prompt": q.prompt(),
            "messages": json.dumps(q.messages()),
            "tools": json.dumps(q.tools()),
            "gold": q.reference,
        }
        for q in questions(name)
    ]
    return {"test": Dataset.from_list(rows)}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0) and the named `reason` of one answer."""
    _find_repository()
    from eval.tasks.nexus.scoring import judge

    verdict = judge(_by_id(doc["set"])[doc["id"]], results[0])
    return {"acc": float(verdict.right), "reason": verdict.reason}


@cache
def _by_id(name: str) -> dict[str, Any]:
    from eval.tasks.nexus.questions import questions

    return {question.id: question for question in questions(name)}


def count_reasons(reasons: list[str]) -> str:
    """`wrong_arguments 3, no_call 17`: most frequent first."""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {number}" for reason, number in counts)


def _find_repository() -> None:
    root = str(Path(__file__).resolve().parents[3])
    if root not in sys.path:
        sys.path.append(root)
