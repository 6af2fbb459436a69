"""The functions that the YAML files beside this one name.

lm-eval loads this file by its path, so the repository root is put on the import path first: the tasks then work from
`lm_eval --include_path eval/tasks` with nothing set.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[3]))

from eval.lm_eval_tasks import EpisodeTask, as_split, count_reasons
from eval.multi_turn import Episode
from eval.tasks.agentbench import db, kg, os_questions
from eval.tasks.agentbench.os_episode import ShellEpisode
from eval.tasks.agentbench.overall import MEANS, TASKS
from eval.tasks.agentbench.servers import TASKS as SERVED
from eval.tasks.agentbench.servers import Controller, ServerEpisode, address, served_indices
from records.errors import UserError

__all__ = ["count_reasons"]

SHARES = {
    task: sum(map(len, TASKS.values())) / (MEANS[name] * len(MEANS) * len(tasks))
    for name, tasks in TASKS.items()
    for task in tasks
}
"""Metric `overall` of a task is its score times this, so that the plain mean over all tasks is 1/100 of the paper's
overall score: lm-eval's groups know plain means alone."""


class DatabaseTask(EpisodeTask):
    """DB: one table, one question or change."""

    def start(self, doc: dict[str, Any]) -> Callable[[], Episode]:
        """See `EpisodeTask`."""
        return partial(db.DatabaseEpisode, db.by_id()[doc["id"]])


class ShellTask(EpisodeTask):
    """OS: one sandbox a task."""

    def start(self, doc: dict[str, Any]) -> Callable[[], Episode]:
        """See `EpisodeTask`."""
        return partial(ShellEpisode, os_questions.by_id()[doc["id"]])


class GraphTask(EpisodeTask):
    """KG: questions over Freebase."""

    def start(self, doc: dict[str, Any]) -> Callable[[], Episode]:
        """See `EpisodeTask`."""
        return partial(kg.GraphEpisode, kg.by_id()[doc["id"]])


class ServedTask(EpisodeTask):
    """A sample of one of AgentBench's own servers."""

    def start(self, doc: dict[str, Any]) -> Callable[[], Episode]:
        """See `EpisodeTask`."""
        place = _address()
        index = served_indices(place, doc["environment"])[doc["number"]]
        return partial(ServerEpisode, Controller(place, SERVED[doc["environment"]]), index)


def _address() -> str:
    place = address()
    if place is None:
        raise UserError("set AGENTBENCH_SERVER to the controller's API, such as http://localhost:5000/api")
    return place


def load_db(kind: str, **_: Any) -> dict[str, Any]:
    """The split `test` of `SELECT`, `INSERT` or `UPDATE`, one row a question."""
    return as_split(_rows(f"agentbench_db_{kind.lower()}", db.of_kind(kind)))


def load_os(**_: Any) -> dict[str, Any]:
    """The split `test` of OS, one row a task that can be asked here."""
    return as_split(_rows("agentbench_os", os_questions.questions()))


def load_kg(**_: Any) -> dict[str, Any]:
    """The split `test` of KG, one row a question."""
    return as_split(_rows("agentbench_kg", kg.questions()))


def _rows(task: str, questions: Iterable[Any]) -> Iterable[dict[str, Any]]:
    return ({"id": q.id, "task": task, "prompt": q.prompt(), "gold": q.gold()} for q in questions)


def load_served(environment: str, **_: Any) -> dict[str, Any]:
    """The split `test` of a server's task. Its prompt is not known before the sample begins."""
    task = f"agentbench_{environment}"
    prompt = f"(AgentBench's server for {environment.upper()} begins the conversation)"
    shared = {"task": task, "environment": environment, "prompt": prompt, "gold": ""}
    indices = served_indices(_address(), environment)
    return as_split({"id": f"{task}_{index}", "number": n, **shared} for n, index in enumerate(indices))


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, Any]:
    """`acc` (0 to 1), its share in the overall score, and the named `reason` of one transcript."""
    found: Mapping[str, Any] = json.loads(results[0])
    score = float(found["right"])
    return {"acc": score, "overall": score * SHARES[doc["task"]], "reason": found["reason"]}
