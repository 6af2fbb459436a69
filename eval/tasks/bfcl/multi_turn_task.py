"""The lm-eval task of the multi-turn sets; the YAML files beside this one name it.

Its requests have the type `generate_episodes`, which `eval.multi_turn.install` gives to every lm-eval model, so
`lm_eval --include_path eval/tasks --tasks bfcl_multi_turn_base` works by itself with any model that generates.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from lm_eval.api.task import ConfigurableTask


def _find_repository() -> None:
    root = str(Path(__file__).resolve().parents[3])
    if root not in sys.path:
        sys.path.append(root)


class MultiTurnTask(ConfigurableTask):
    """A `generate_until` task whose requests are whole conversations."""

    def __init__(self, config: dict[str, Any]) -> None:
        _find_repository()
        from eval.multi_turn import install

        install()
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    def construct_requests(self, doc: dict[str, Any], ctx: Any, **options: Any) -> Any:
        """One request a conversation."""
        from eval.multi_turn import EpisodeInstance
        from eval.tasks.bfcl.multi_turn_entries import entry_by_id
        from eval.tasks.bfcl.multi_turn_episode import BfclEpisode

        plain = super().construct_requests(doc, ctx, **options)
        entry = entry_by_id(doc["category"])[doc["id"]]
        return EpisodeInstance(
            request_type="generate_episodes",  # type: ignore[arg-type]
            doc=doc,
            arguments=plain.arguments,
            idx=0,
            metadata=options["metadata"],
            start=partial(BfclEpisode, entry),
        )


def load(category: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a category, one row a conversation."""
    _find_repository()
    from datasets import Dataset

    from eval.tasks.bfcl.multi_turn_entries import entries
    from records.calls import render_chat

    rows = []
    for entry in entries(category):
        prompt = render_chat(entry.turns[0], entry.tools(0), answer_next=True)
        rows.append({"id": entry.id, "category": category, "prompt": prompt, "gold": json.dumps(entry.gold)})
    return {"test": Dataset.from_list(rows)}


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0), its share in the group's score, and the named `reason` of one transcript."""
    _find_repository()
    from eval.tasks.bfcl.benchmark import group_metrics
    from eval.tasks.bfcl.multi_turn_entries import entry_by_id
    from eval.tasks.bfcl.multi_turn_episode import judge_transcript

    right, reason = judge_transcript(entry_by_id(doc["category"])[doc["id"]], json.loads(results[0]))
    return {"acc": float(right), **group_metrics(doc["category"], float(right)), "reason": reason}
