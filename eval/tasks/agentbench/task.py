"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first: the tasks then work from
`lm_eval --include_path eval/tasks` with nothing set.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3]))

from eval.lm_eval_tasks import EpisodeTask, as_split, count_reasons
from eval.multi_turn import Episode
from eval.tasks.agentbench.db import DatabaseEpisode, by_id, of_kind

__all__ = ["DatabaseTask", "count_reasons", "load", "process_results"]


class DatabaseTask(EpisodeTask):
    """DB: one table, one question or change."""

    def start(self, doc: dict[str, Any]) -> Callable[[], Episode]:
        """See `EpisodeTask`."""
        return partial(DatabaseEpisode, by_id()[doc["id"]])


def load(kind: str, **_: Any) -> dict[str, Any]:
    """The split `test` of `SELECT`, `INSERT` or `UPDATE`, one row a question."""
    return as_split({"id": q.id, "prompt": q.prompt(), "gold": q.gold()} for q in of_kind(kind))


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` and the named `reason` of one transcript."""
    found = json.loads(results[0])
    return {"acc": float(found["right"]), "reason": found["reason"]}
