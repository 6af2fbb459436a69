"""A benchmark of the registry whose data are files of `eval.bench_data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eval.bench_data import absent, identity, need, origin
from eval.benchmarks import Benchmark, Source


def bench_data_benchmark(
    name: str, suites: Mapping[str, Sequence[str]], files: Sequence[str], dataset: str, version: str, **rest: Any
) -> Benchmark:
    """A benchmark that can be asked where all its files are there.

    Args:
        name: also the folder of its tasks, and its key in `bench_data.SOURCES`.
        files: below `BENCH_DATA/<folder>`, or on the Hub where `SOURCES` says so.
        dataset: name of the data in reports.
        version: as `Source.version`.
        rest: further fields of `Benchmark`.
    """
    tasks = [task for part in suites.values() for task in part]
    return Benchmark(
        name=name,
        suites=suites,
        source=lambda: Source(dataset, version + origin(name, files), identity([need(name, file) for file in files])),
        missing=lambda: missing_files(name, files, tasks),
        **({"scored_by": scored_by(name)} | rest),
    )


def missing_files(benchmark: str, files: Sequence[str], tasks: Sequence[str]) -> Mapping[str, str]:
    """Task → why it cannot be asked, empty where every file is there."""
    problem = absent(benchmark, files)
    return dict.fromkeys(tasks, f"not scored: missing {problem}") if problem else {}


def scored_by(folder: str, *more: str) -> tuple[str, ...]:
    """What lies between a question of `eval/tasks/<folder>` and its score."""
    inside = tuple(f"eval/tasks/{folder}/{pattern}" for pattern in ("*.py", "*.yaml", "_*"))
    return (*inside, "records/calls.py", "records/chat_template.jinja", *more)
