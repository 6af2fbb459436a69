"""API-Bank in the registry: calls and responses of levels 1 and 2."""

from __future__ import annotations

from eval.bench_data_benchmark import bench_data_benchmark
from eval.benchmarks import gold_answers, macro, micro
from eval.tasks.api_bank.samples import API_LIST, FOLDERS, Sample, samples

CALLS = ("api_bank_level1_call", "api_bank_level2_call")
RESPONSES = ("api_bank_level1_response", "api_bank_level2_response")


def _samples(task: str) -> tuple[Sample, ...]:
    level, kind = task.removeprefix("api_bank_level").split("_")
    return samples(int(level), kind)


BENCHMARKS = [
    bench_data_benchmark(
        name="api_bank",
        title="API-Bank (levels 1 and 2)",
        suites={"api_bank": CALLS + RESPONSES},
        files=[*FOLDERS.values(), API_LIST],
        dataset="API-Bank",
        version="levels 1 and 2",
        ids=lambda task: tuple(sample.id for sample in _samples(task)),
        golds=lambda task, indices: gold_answers(_samples(task), indices),
        weights=micro(CALLS),
        rule="calls right by parameters over all calls of levels 1 and 2; responses (ROUGE-L) are given apart "
        "(AlibabaResearch/DAMO-ConvAI, api-bank/evaluator.py)",
        averages={
            "level1_call": macro(CALLS[:1]),
            "level2_call": macro(CALLS[1:]),
            "response_rouge_l": micro(RESPONSES),
        },
    )
]
