"""What is going to be evaluated: questions of which benchmarks, and what the result depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.benchmarks import TASKS, Benchmark, choose
from eval.models import Model
from records.errors import UserError
from records.files import sha256_file, sha256_json, stable_hash
from records.marks import fingerprint, is_done
from records.recipe import ROOT, Recipe, build_folder
from records.recipe_evaluation import QuestionsRecipe

__all__ = ["TASKS", "Job", "choose_jobs", "make_job", "mark", "result_folder", "work_folder"]

SCORED_BY = tuple(
    f"eval/{name}.py"
    for name in (
        *("answers", "generation", "lm_eval_tasks", "hf", "packed*", "run", "settled"),
        *("benchmark_loss", "constrained", "endpoint", "multi_turn"),
    )
)
"""Whatever lies between a question and its score, beside the benchmark's own files."""

SECONDS_A_QUESTION = {"packed": 0.8, "packed-int8": 0.4, "hf": 3.1}
"""Rough, for a 135M model on two AVX2 cores; for the plan only."""


@dataclass(frozen=True)
class Job:
    """One model, one set of questions."""

    model: Model
    benchmarks: tuple[Benchmark, ...]
    asked: Mapping[str, Mapping[str, Sequence[int]]]
    """Indices of the questions asked, ascending, by suite and lm-eval task."""
    missing: Mapping[str, str]
    """Task → why it cannot be asked here."""
    print: str
    """Fingerprint of everything the result depends on."""

    @property
    def tasks(self) -> dict[str, Sequence[int]]:
        """Indices of the questions asked, by task."""
        return {task: indices for tasks in self.asked.values() for task, indices in tasks.items()}

    @property
    def question_count(self) -> int:
        """Questions of all tasks."""
        return sum(map(len, self.tasks.values()))


def chosen_benchmarks(caps: QuestionsRecipe, names: Sequence[str]) -> tuple[Benchmark, ...]:
    """The benchmarks of `names`, or those of the recipe. Raises UserError for an unknown one."""
    return tuple(choose(names or caps.benchmarks))


def make_job(recipe: Recipe, model: Model, caps: QuestionsRecipe, names: Sequence[str] = ()) -> Job:
    """The job of one model, with its fingerprint.

    Raises:
        UserError: no benchmark that was chosen can be asked here.
    """
    benchmarks = chosen_benchmarks(caps, names)
    missing = {task: reason for benchmark in benchmarks for task, reason in missing_for(benchmark, model).items()}
    asked: dict[str, dict[str, list[int]]] = {}
    for benchmark in benchmarks:
        for suite, tasks in benchmark.suites.items():
            here = {
                task: pick(benchmark.ids(task), caps.cap(benchmark.name, task)) for task in tasks if task not in missing
            }
            if here:
                asked.setdefault(suite, here)
    if not asked:
        raise UserError(f"nothing can be asked: {'; '.join(sorted(set(missing.values())))}")
    print_of = fingerprint(model=model.sha256, asked=asked, missing=missing, **settings(recipe, benchmarks, missing))
    return Job(model, benchmarks, asked, missing, print_of)


def missing_for(benchmark: Benchmark, model: Model) -> Mapping[str, str]:
    """Task → why it cannot be asked of this model here."""
    if benchmark.needs_likelihood and model.is_endpoint:
        reason = (
            f"not scored: missing log-likelihoods for {benchmark.title}, which an endpoint does not give (MODEL=folder)"
        )
        return dict.fromkeys(benchmark.tasks, reason)
    return benchmark.missing()


def pick(ids: Sequence[str], cap: int | None) -> list[int]:
    """Indices of the `cap` questions with the smallest hash of their id, so every model and run has the same."""
    by_hash = sorted(range(len(ids)), key=lambda n: stable_hash(ids[n]))
    return sorted(by_hash[:cap])


def settings(recipe: Recipe, benchmarks: Sequence[Benchmark], missing: Mapping[str, str]) -> dict[str, Any]:
    """What a score depends on beside model and questions."""
    section = recipe.evaluation
    there = [benchmark for benchmark in benchmarks if not set(benchmark.tasks) <= set(missing)]
    return {
        "backend": section.backend,
        "batch_size": section.batch_size,
        "max_answer_tokens": section.max_answer_tokens,
        "decoding": section.decoding,
        "benchmark_loss": section.benchmark_loss,
        "benchmarks": [benchmark.name for benchmark in benchmarks],
        "sources": {benchmark.name: benchmark.source().sha256 for benchmark in there},
        "scoring": scoring_sha256([pattern for benchmark in benchmarks for pattern in benchmark.scored_by]),
    }


def scoring_sha256(patterns: Sequence[str]) -> str:
    """Hash of the files of SCORED_BY and of `patterns`."""
    files = sorted({file for pattern in (*SCORED_BY, *patterns) for file in ROOT.glob(pattern) if file.is_file()})
    return sha256_json([[file.relative_to(ROOT).as_posix(), sha256_file(file)] for file in files])


def result_folder(recipe: Recipe, model: Model) -> Path:
    """Where a model's results lie; those of constrained decoding lie apart."""
    folder = build_folder(recipe) / "eval" / model.name
    return folder if recipe.evaluation.decoding == "free" else folder / recipe.evaluation.decoding


def work_folder(recipe: Recipe, model: Model) -> Path:
    """Answers and converted weights of exactly this model."""
    return build_folder(recipe) / "work" / "eval" / model.name / model.sha256[:12]


def mark(recipe: Recipe, model: Model) -> Path:
    """The completion mark of a model's results."""
    return result_folder(recipe, model) / ".done.json"


def choose_jobs(recipe: Recipe, models: list[Model], *, step_of_all: bool, names: Sequence[str] = ()) -> list[Job]:
    """One job a model. As a step of `make all`, full results are kept where every model has them."""
    full = [make_job(recipe, model, recipe.evaluation.alone, names) for model in models]
    if not step_of_all or all(is_done(mark(recipe, job.model), job.print) for job in full):
        return full
    return [make_job(recipe, model, recipe.evaluation.all_step, names) for model in models]
