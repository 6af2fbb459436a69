"""API-Bank in the registry: calls and responses of levels 1 and 2."""

from __future__ import annotations

from collections.abc import Mapping

from eval.bench_data import absent, identity, need
from eval.benchmarks import Benchmark, Source, macro, micro
from eval.tasks.api_bank.samples import API_LIST, FOLDERS, samples

CALLS = ("api_bank_level1_call", "api_bank_level2_call")
RESPONSES = ("api_bank_level1_response", "api_bank_level2_response")


def _source() -> Source:
    return Source("API-Bank", "levels 1 and 2", identity([need("api_bank", name) for name in _files()]))


def _files() -> list[str]:
    return [*FOLDERS.values(), API_LIST]


def _ids(task: str) -> tuple[str, ...]:
    level, kind = task.removeprefix("api_bank_level").split("_")
    return tuple(sample.id for sample in samples(int(level), kind))


def _missing() -> Mapping[str, str]:
    problem = absent("api_bank", _files())
    return {task: f"not scored: missing {problem}" for task in CALLS + RESPONSES} if problem else {}


BENCHMARKS = [
    Benchmark(
        name="api_bank",
        title="API-Bank (levels 1 and 2)",
        suites={"api_bank": CALLS + RESPONSES},
        source=_source,
        ids=_ids,
        weights=micro(CALLS),
        rule="calls right by parameters over all calls of levels 1 and 2; responses (ROUGE-L) are given apart "
        "(AlibabaResearch/DAMO-ConvAI, api-bank/evaluator.py)",
        averages={
            "level1_call": macro(CALLS[:1]),
            "level2_call": macro(CALLS[1:]),
            "response_rouge_l": micro(RESPONSES),
        },
        missing=_missing,
        scored_by=(
            "eval/tasks/api_bank/*.py",
            "eval/tasks/api_bank/*.yaml",
            "eval/tasks/api_bank/_*",
            "records/calls.py",
        ),
    )
]
