"""API-Bench in the registry: three hubs."""

from __future__ import annotations

from collections.abc import Mapping

from eval.bench_data import absent, identity, need
from eval.benchmarks import Benchmark, Source, macro
from eval.tasks.api_bench.questions import HUBS, questions

TASKS = tuple(f"api_bench_{hub}" for hub in HUBS)
FILES = tuple(name for hub in HUBS.values() for name in (hub.questions, hub.database))


def _source() -> Source:
    return Source("APIBench", "Gorilla", identity([need("api_bench", name) for name in FILES]))


def _ids(task: str) -> tuple[str, ...]:
    return tuple(question.id for question in questions(task.removeprefix("api_bench_")))


def _missing() -> Mapping[str, str]:
    problem = absent("api_bench", FILES)
    return {task: f"not scored: missing {problem}" for task in TASKS} if problem else {}


BENCHMARKS = [
    Benchmark(
        name="api_bench",
        title="API-Bench",
        suites={"api_bench": TASKS},
        source=_source,
        ids=_ids,
        weights=macro(TASKS),
        rule="mean of the three hubs' functionality accuracy (AST sub-tree match, ShishirPatil/gorilla, "
        "eval/eval-scripts/ast_eval_*.py); the authors give the hubs apart",
        averages={hub: macro((task,)) for hub, task in zip(HUBS, TASKS, strict=True)},
        missing=_missing,
        hub_dataset="gorilla-llm/APIBench",
        scored_by=(
            *("eval/tasks/api_bench/*.py", "eval/tasks/api_bench/*.yaml", "eval/tasks/api_bench/_*"),
            "records/calls.py",
        ),
    )
]
