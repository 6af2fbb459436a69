"""AgentBench in the registry: DB, OS and KG played here, the others on AgentBench's own servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from eval.bench_data import absent, find, identity
from eval.bench_data_benchmark import missing_files, scored_by
from eval.benchmarks import Benchmark, Gold, Source, gold_answers, macro
from eval.tasks.agentbench import db, kg, os_questions
from eval.tasks.agentbench.kg_graph import ROLES, SUBGRAPH, VOCABULARY, missing_graph
from eval.tasks.agentbench.os_machine import require_machine
from eval.tasks.agentbench.overall import DB_KINDS, SERVED, TASKS, overall_weights, partial_note
from eval.tasks.agentbench.servers import address, missing_server, served_indices
from records.errors import UserError
from records.files import sha256_json

FILES = (db.FILE, os_questions.DATA, os_questions.SCRIPTS, kg.FILE, VOCABULARY, ROLES, SUBGRAPH)


def _source() -> Source:
    here = [path for name in FILES if (path := find("agentbench", name))]
    served = {name: list(_indices(name)) for name in SERVED if missing_server(name) is None}
    return Source("AgentBench", f"standard sets, DB on {db.engine()}", sha256_json([identity(here), served]))


def _indices(environment: str) -> Iterable[object]:
    place = address()
    return served_indices(place, environment) if place else ()


def _questions(task: str) -> Sequence[Any]:
    """What is asked here; nothing of the tasks that servers play."""
    if task in TASKS["db"]:
        return db.of_kind(task.rsplit("_", 1)[1].upper())
    return os_questions.questions() if task in TASKS["os"] else kg.questions()


def _ids(task: str) -> tuple[str, ...]:
    if (environment := task.removeprefix("agentbench_")) in SERVED:
        return tuple(f"{task}_{index}" for index in _indices(environment))
    return tuple(question.id for question in _questions(task))


def _golds(task: str, indices: Sequence[int]) -> list[Gold]:
    return [] if task.removeprefix("agentbench_") in SERVED else gold_answers(_questions(task), indices)


def _missing() -> Mapping[str, str]:
    found = dict(missing_files("agentbench", [db.FILE], TASKS["db"]))
    for name, why in (("os", _why_not_os()), ("kg", absent("agentbench", [kg.FILE]) or missing_graph())):
        if why:
            found |= dict.fromkeys(TASKS[name], f"not scored: missing {why}")
    for name in SERVED:
        if why := missing_server(name):
            found |= dict.fromkeys(TASKS[name], why)
    return found


@cache
def _no_machine() -> str | None:
    try:
        require_machine()
    except UserError as error:
        return f"a sandbox for OS tasks: {error}"
    return None


def _why_not_os() -> str | None:
    return absent("agentbench", [os_questions.DATA]) or _no_machine()


def _left_out() -> Mapping[str, str]:
    if absent("agentbench", [os_questions.DATA]):
        return {}
    gone = os_questions.left_out()
    total = len(os_questions.questions()) + sum(gone.values())
    told = "; ".join(f"{count} of {total} tasks not scored: missing {what}" for what, count in sorted(gone.items()))
    return {"agentbench_os": told} if told else {}


BENCHMARKS = [
    Benchmark(
        name="agentbench",
        title="AgentBench",
        suites={f"agentbench_{name}": tasks for name, tasks in TASKS.items()},
        source=_source,
        ids=_ids,
        golds=_golds,
        weights=overall_weights,
        rule="overall score of the AgentBench paper (arXiv 2308.03688v3, section 4.1 and table 2): the mean over its "
        "environments of the score in percent over the paper's models' mean on it, so 1.0 is a model like their mean "
        "and not a percentage; each environment's score by its authors' rule (THUDM/AgentBench, src/analysis.py)",
        averages={
            "db": macro(TASKS["db"]),
            **{kind: macro((f"agentbench_db_{kind}",)) for kind in DB_KINDS},
            **{name: macro(tasks) for name, tasks in TASKS.items() if name != "db"},
        },
        missing=_missing,
        partial=partial_note,
        percent=False,
        left_out=_left_out,
        scored_by=scored_by("agentbench", "eval/multi_turn.py"),
    )
]
