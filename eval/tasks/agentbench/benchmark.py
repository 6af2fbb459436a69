"""AgentBench in the registry: DB. Its other seven tasks are named as not scored; see README."""

from __future__ import annotations

from collections.abc import Mapping

from eval.bench_data import absent, identity, need
from eval.benchmarks import Benchmark, Source, macro
from eval.tasks.agentbench.db import FILE, of_kind

DB = ("agentbench_db_select", "agentbench_db_insert", "agentbench_db_update")


def _source() -> Source:
    return Source("AgentBench DB", "standard set on SQLite", identity([need("agentbench", FILE)]))


def _ids(task: str) -> tuple[str, ...]:
    return tuple(question.id for question in of_kind(task.rsplit("_", 1)[1].upper()))


def _missing() -> Mapping[str, str]:
    problem = absent("agentbench", [FILE])
    return {task: f"not scored: missing {problem}" for task in DB} if problem else {}


BENCHMARKS = [
    Benchmark(
        name="agentbench",
        title="AgentBench (DB alone)",
        suites={"agentbench_db": DB},
        source=_source,
        ids=_ids,
        weights=macro(DB),
        rule="overall_cat_accuracy of DB: mean of SELECT, INSERT and UPDATE (THUDM/AgentBench, "
        "src/server/tasks/dbbench/__init__.py); no overall score of AgentBench: its weights are unconfirmed, "
        "and OS, KG, DCG, LTP, HH, WS and WB are not scored",
        averages={kind: macro((task,)) for kind, task in zip(("select", "insert", "update"), DB, strict=True)},
        missing=_missing,
        scored_by=(
            *("eval/tasks/agentbench/*.py", "eval/tasks/agentbench/*.yaml", "eval/tasks/agentbench/_*"),
            *("eval/multi_turn.py", "records/calls.py", "records/chat_template.jinja"),
        ),
    )
]
