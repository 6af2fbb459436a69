"""Nexus in the registry: five sets, each scored where its functions are known."""

from __future__ import annotations

from collections.abc import Mapping

from eval.bench_data import explain, find, identity
from eval.bench_data_benchmark import scored_by
from eval.benchmarks import Benchmark, Source, gold_answers, macro
from eval.tasks.nexus.definitions import API_LIST, definitions, missing_definitions, source_file
from eval.tasks.nexus.questions import SETS, questions
from records.errors import UserError

TASKS = tuple(f"nexus_{name}" for name in SETS)


def _source() -> Source:
    names = [*(f"{name}_queries.json" for name in SETS), API_LIST, *map(source_file, SETS)]
    return Source(
        "NexusRaven_API_evaluation", "v1", identity([path for name in names if (path := find("nexus", name))])
    )


def _ids(task: str) -> tuple[str, ...]:
    return tuple(question.id for question in questions(task.removeprefix("nexus_")))


def missing() -> Mapping[str, str]:
    """Task → why it is not scored."""
    return {f"nexus_{name}": f"not scored: missing {why}" for name in SETS if (why := _why(name))}


def _why(name: str) -> str | None:
    if find("nexus", f"{name}_queries.json") is None:
        return explain("nexus", f"{name}_queries.json")
    if name in ("toolalpaca", "toolllm"):
        return None
    try:
        definitions(name)
    except UserError:
        return missing_definitions(name)
    return None


BENCHMARKS = [
    Benchmark(
        name="nexus",
        title="Nexus (NexusRaven v1)",
        suites={"nexus": TASKS},
        source=_source,
        ids=_ids,
        golds=lambda task, indices: gold_answers(questions(task.removeprefix("nexus_")), indices),
        weights=macro(TASKS),
        rule="mean of the five sets' exact call match (nexusflowai/NexusRaven, raven/eval/evaluator.py); the authors "
        "give the sets apart",
        averages={name: macro((task,)) for name, task in zip(SETS, TASKS, strict=True)},
        missing=missing,
        hub_dataset="Nexusflow/NexusRaven_API_evaluation",
        scored_by=scored_by("nexus"),
    )
]
