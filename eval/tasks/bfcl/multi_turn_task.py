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

from eval.lm_eval_tasks import EpisodeTask, as_split
from eval.multi_turn import Episode
from eval.tasks.bfcl.benchmark import group_metrics
from eval.tasks.bfcl.multi_turn_entries import entries, entry_by_id
from eval.tasks.bfcl.multi_turn_episode import BfclEpisode, judge_transcript


class MultiTurnTask(EpisodeTask):
    """The multi-turn sets."""

    def start(self, doc: dict[str, Any]) -> Callable[[], Episode]:
        """See `EpisodeTask`."""
        return partial(BfclEpisode, entry_by_id(doc["category"])[doc["id"]])


def load(category: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a category, one row a conversation."""
    return as_split(
        {
            "id": entry.id,
            "category": category,
            "prompt": entry.prompt(),
            "gold": json.dumps(entry.gold),
        }
        for entry in entries(category)
    )


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0), its share in the group's score, and the named `reason` of one transcript."""
    right, reason = judge_transcript(entry_by_id(doc["category"])[doc["id"]], json.loads(results[0]))
    return {"acc": float(right), **group_metrics(doc["category"], float(right)), "reason": reason}
