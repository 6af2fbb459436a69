"""What can be evaluated: the registry of benchmarks, each a folder `eval/tasks/<folder>/`.

A folder takes part with a module `benchmark.py` whose `BENCHMARKS` lists its entries; beside it lie the lm-eval YAMLs,
their `task.py` and a README. Every document of its tasks has an `id` and a `prompt` (rendered text), and
`process_results` gives `acc` (0 to 1) and a named `reason`. Documents whose question comes with tools also have
`messages` and `tools` as JSON text: constrained decoding and endpoints with native tools read them.
"""

from __future__ import annotations

import difflib
import importlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eval.statistics import mean, mean_stderr
from records.errors import UserError

TASKS = Path(__file__).parent / "tasks"
ORDER = ("bfcl_v1", "bfcl_v2", "bfcl_v3", "nexus", "api_bank", "api_bench", "agentbench", "mmlu")
"""How reports list benchmarks; others follow by name."""

END = "<|im_end|>"
"""What ends an answer."""

Weights = Callable[[Mapping[str, int]], Mapping[str, float]]
"""From the number of questions asked of each task to the weight of its mean in an average."""


@dataclass(frozen=True)
class Source:
    """The data that questions and gold answers come from; stamped into every result."""

    name: str
    version: str
    """Version or revision."""
    sha256: str
    """Of the data, so that two results can be told to have the same questions."""


@dataclass(frozen=True)
class Score:
    """One number with what it rests on."""

    score: float
    stderr: float
    n: int
    """Questions asked."""


@dataclass(frozen=True)
class Gold:
    """One gold answer behind its prompt; benchmark loss is over the tokens of the answer alone."""

    prompt: str
    answer: str
    """With the token that ends an answer."""


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: its tasks, where they come from, and how its authors average them."""

    name: str
    """As `--benchmarks` and recipes name it; also the lm-eval group where there is one."""
    title: str
    suites: Mapping[str, Sequence[str]]
    """lm-eval tasks by suite. A suite is asked in one go, so its batches do not depend on what else is asked;
    benchmarks that share a suite share its answers."""
    source: Callable[[], Source]
    """Identity of the data. Raises UserError where it is missing."""
    ids: Callable[[str], Sequence[str]]
    """Ids of a task's questions, in the order of lm-eval's documents."""
    weights: Weights
    """The headline score is the sum of weight times mean over the tasks."""
    rule: str
    """The headline in words, with the file or paper that says so."""
    averages: Mapping[str, Weights] = field(default_factory=dict)
    """Further averages that the authors give, by name; tasks without weight are not part of one."""
    missing: Callable[[], Mapping[str, str]] = dict
    """Task → `not scored: missing X (command that brings it)`, for tasks that cannot be asked here."""
    left_out: Callable[[], Mapping[str, str]] = dict
    """Task → how many of its questions cannot be asked here, and what is missing for them."""
    partial: Callable[[Collection[str]], str | None] = lambda tasks: None
    """From the tasks that were scored to what a headline over some of the tasks alone rests on; None where it is whole.
    Only benchmarks whose `weights` leave out what is missing have one."""
    percent: bool = True
    """Whether 100 times the headline is a percentage."""
    needs_likelihood: bool = False
    """Whether its tasks compare log-likelihoods, which an endpoint does not give."""
    hub_dataset: str | None = None
    """Id of the benchmark's dataset on the Hub, for `.eval_results`."""
    scored_by: Sequence[str] = ()
    """Globs below the repository root: whatever lies between a question and its score."""
    golds: Callable[[str, Sequence[int]], Sequence[Gold]] | None = None
    """From a task and indices of its questions to their gold answers, several for a conversation of several steps and
    none where the benchmark gives none. None where lm-eval's samples carry them (multiple choice)."""
    describe: Callable[[Mapping[str, Any], str], Mapping[str, Any]] | None = None
    """From a document and an answer to further fields of a sample, such as the decoded calls."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """All lm-eval tasks, in the order of the report."""
        return tuple(task for tasks in self.suites.values() for task in tasks)


def gold_answers(questions: Sequence[Any], indices: Sequence[int]) -> list[Gold]:
    """Gold answers of questions with methods `prompt` and `gold`; those whose gold is empty are left out."""
    asked = [questions[number] for number in indices]
    return [Gold(one.prompt(), gold + END) for one in asked if (gold := one.gold())]


def weighted(values: Mapping[str, Sequence[float]], weights: Weights) -> Score | None:
    """An average of per-question values by task, None where a task that has weight was not asked.

    The standard error treats tasks as independent samples: sqrt(sum of (weight * standard error)²).
    """
    shares = {task: share for task, share in weights({t: len(v) for t, v in values.items()}).items() if share}
    if any(not values.get(task) for task in shares):
        return None
    return Score(
        score=sum(share * mean(values[task]) for task, share in shares.items()),
        stderr=math.sqrt(sum((share * mean_stderr(values[task])) ** 2 for task, share in shares.items())),
        n=sum(len(values[task]) for task in shares),
    )


def micro(tasks: Sequence[str]) -> Weights:
    """Every question weighs the same."""

    def weights(counts: Mapping[str, int]) -> dict[str, float]:
        total = sum(counts.get(task, 0) for task in tasks)
        return {task: counts.get(task, 0) / total if total else 1.0 for task in tasks}

    return weights


def macro(tasks: Sequence[str]) -> Weights:
    """Every task weighs the same."""
    return lambda counts: {task: 1 / len(tasks) for task in tasks}


def combined(parts: Sequence[Weights]) -> Weights:
    """The mean of averages, each of the same weight."""

    def weights(counts: Mapping[str, int]) -> dict[str, float]:
        found: dict[str, float] = {}
        for part in parts:
            for task, share in part(counts).items():
                found[task] = found.get(task, 0.0) + share / len(parts)
        return found

    return weights


@cache
def registry() -> dict[str, Benchmark]:
    """Every benchmark by name, in the order of reports."""
    found: dict[str, Benchmark] = {}
    for file in sorted(TASKS.glob("*/benchmark.py")):
        for entry in importlib.import_module(f"eval.tasks.{file.parent.name}.benchmark").BENCHMARKS:
            assert entry.name not in found, entry.name
            found[entry.name] = entry
    rank = {name: place for place, name in enumerate(ORDER)}
    return {name: found[name] for name in sorted(found, key=lambda name: (rank.get(name, len(rank)), name))}


def choose(names: Sequence[str]) -> list[Benchmark]:
    """The named benchmarks in the order of reports; `all` means every one.

    Raises:
        UserError: no benchmark has this name.
    """
    known = registry()
    wanted = set(known) if "all" in names else set(names)
    for name in sorted(wanted - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"benchmarks here: {', '.join(known)}"
        raise UserError(f"no benchmark {name!r}; {hint}")
    return [benchmark for name, benchmark in known.items() if name in wanted]
