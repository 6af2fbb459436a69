"""The lm-eval task of AgentBench's DB; the YAML file beside this one names it.

Its requests have the type `generate_episodes`, which `eval.multi_turn.install` gives to every lm-eval model.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from functools import cache, partial
from pathlib import Path
from typing import Any

from lm_eval.api.task import ConfigurableTask

CHANGES = ("INSERT", "DELETE", "UPDATE")


def _find_repository() -> None:
    root = str(Path(__file__).resolve().parents[3])
    if root not in sys.path:
        sys.path.append(root)


class EpisodeTask(ConfigurableTask):
    """A `generate_until` task whose requests are whole conversations."""

    def __init__(self, config: dict[str, Any]) -> None:
        _find_repository()
        from eval.multi_turn import install

        install()
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    def construct_requests(self, doc: dict[str, Any], ctx: Any, **options: Any) -> Any:
        """One request a conversation."""
        from eval.multi_turn import EpisodeInstance
        from eval.tasks.agentbench.db import DatabaseEpisode

        plain = super().construct_requests(doc, ctx, **options)
        return EpisodeInstance(
            request_type="generate_episodes",  # type: ignore[arg-type]
            doc=doc,
            arguments=plain.arguments,
            idx=0,
            metadata=options["metadata"],
            start=partial(DatabaseEpisode, _by_id()[doc["id"]]),
        )


def load(kind: str, **_: Any) -> dict[str, Any]:
    """The split `test` of `SELECT`, `INSERT` or `UPDATE`, one row a question."""
    _find_repository()
    from datasets import Dataset

    from eval.tasks.agentbench.db import DatabaseEpisode, of_kind

    rows = []
    for question in of_kind(kind):
        first = DatabaseEpisode(question).step()
        assert first is not None
        rows.append({"id": question.id, "prompt": first.prompt, "gold": gold(question)})
    return {"test": Dataset.from_list(rows)}


def gold(question: Any) -> str:
    """The first answer that is right, or leads to a right one."""
    if question.kind in CHANGES:
        return f"Action: Operation\n```sql\n{question.gold_sql}\n```"
    return f"Action: Answer\nFinal Answer: {json.dumps(list(question.answer), ensure_ascii=False)}"


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (1 or 0) and the named `reason` of one transcript."""
    found = json.loads(results[0])
    return {"acc": float(found["right"]), "reason": found["reason"]}


@cache
def _by_id() -> dict[str, Any]:
    from eval.tasks.agentbench.db import questions

    return {question.id: question for question in questions()}


def count_reasons(reasons: list[str]) -> str:
    """`wrong_state 3, no_sql_block 17`: most frequent first."""
    counts = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {number}" for reason, number in counts)
