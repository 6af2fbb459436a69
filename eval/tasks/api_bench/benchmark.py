"""API-Bench in the registry: three hubs."""

from __future__ import annotations

from eval.bench_data_benchmark import bench_data_benchmark
from eval.benchmarks import gold_answers, macro
from eval.tasks.api_bench.questions import HUBS, questions

TASKS = tuple(f"api_bench_{hub}" for hub in HUBS)

BENCHMARKS = [
    bench_data_benchmark(
        name="api_bench",
        title="API-Bench",
        suites={"api_bench": TASKS},
        files=[name for hub in HUBS.values() for name in (hub.questions, hub.database)],
        dataset="APIBench",
        version="Gorilla",
        ids=lambda task: tuple(question.id for question in questions(task.removeprefix("api_bench_"))),
        weights=macro(TASKS),
        rule="mean of the three hubs' functionality accuracy (AST sub-tree match, ShishirPatil/gorilla, "
        "eval/eval-scripts/ast_eval_*.py); the authors give the hubs apart",
        averages={hub: macro((task,)) for hub, task in zip(HUBS, TASKS, strict=True)},
        golds=lambda task, indices: gold_answers(questions(task.removeprefix("api_bench_")), indices),
        hub_dataset="gorilla-llm/APIBench",
    )
]
