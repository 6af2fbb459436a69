"""`python -m eval`: score base, control and ours, or models given by hand, and write the report."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.benchmarks import registry
from eval.models import Model, find_models
from eval.plan import SECONDS_A_QUESTION, Job, choose_jobs, mark, result_folder
from eval.report import write_report
from records.errors import UserError, run_command
from records.files import require_space
from records.marks import is_done
from records.recipe import Recipe, build_folder, command_parser, load_recipe

BYTES_A_MODEL = 20_000_000
"""Answers and samples of all questions of BFCL."""


def main(argv: Sequence[str]) -> int:
    """Run the command. Raises UserError for what the user can mend."""
    parser = command_parser("eval", "Score models on benchmarks as their authors score, and compare them.")
    parser.add_argument("--step-of-all", action="store_true", help="ask the few questions of evaluation.all_step")
    parser.add_argument("--model", nargs="+", default=[], help="folders, Hub ids or http://host:port/v1#model instead")
    parser.add_argument("--benchmarks", default="", help="names, with commas between (`all`: every one)")
    parser.add_argument("--decoding", choices=("free", "constrained"), help="in place of evaluation.decoding")
    parser.add_argument("--benchmark-loss", action="store_true", help="loss of the gold answers too, in results.json")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and what is missing for them")
    options = parser.parse_args(argv)
    if options.list:
        print(listing())
        return 0
    recipe = load_recipe(options.recipe)
    if options.decoding:
        changed = dataclasses.replace(recipe.evaluation, decoding=options.decoding)
        recipe = dataclasses.replace(recipe, evaluation=changed)
    if options.benchmark_loss:
        recipe = dataclasses.replace(recipe, evaluation=dataclasses.replace(recipe.evaluation, benchmark_loss=True))
    models = find_models(recipe, options.model)
    if recipe.evaluation.benchmark_loss and any(model.is_endpoint for model in models):
        raise UserError(
            "an endpoint gives no likelihoods of gold answers; leave out --benchmark-loss, or give a folder"
        )
    names = [name for name in options.benchmarks.replace(",", " ").split() if name]
    jobs = choose_jobs(recipe, models, step_of_all=options.step_of_all, names=names)
    todo = [job for job in jobs if not is_done(mark(recipe, job.model), job.print)]
    if options.dry_run:
        print(describe(recipe, jobs, todo))
        return 0
    require_space(build_folder(recipe), len(todo) * BYTES_A_MODEL)
    if todo:
        _evaluate(recipe, todo)
    target = report_folder(recipe, models, by_hand=bool(options.model))
    write_report([(model.role, result_folder(recipe, model)) for model in models], target)
    for reason in sorted(set(jobs[0].missing.values())):
        print(f"eval: {reason}")
    print(f"eval: {len(todo)} evaluated, {len(jobs) - len(todo)} were done; report: {target / 'report.md'}")
    return 0


def _evaluate(recipe: Recipe, todo: list[Job]) -> None:
    from eval.progress import quiet_libraries
    from eval.run import run_job

    quiet_libraries()
    for job in todo:
        run_job(recipe, job)


def report_folder(recipe: Recipe, models: list[Model], *, by_hand: bool) -> Path:
    """Beside the one model given by hand, else where all results lie."""
    if by_hand and len(models) == 1:
        return result_folder(recipe, models[0])
    folder = build_folder(recipe) / "eval"
    if recipe.evaluation.decoding != "free":
        folder = folder / recipe.evaluation.decoding
    return folder / "report" if by_hand else folder


def listing() -> str:
    """Every benchmark with its size, and what is missing here."""
    lines = []
    for name, benchmark in registry().items():
        missing = benchmark.missing()
        there = [task for task in benchmark.tasks if task not in missing]
        number = sum(len(benchmark.ids(task)) for task in there)
        lines.append(f"{name}: {benchmark.title}, {len(there)} of {len(benchmark.tasks)} tasks, {number:,} questions")
        gone = {task: why for task, why in benchmark.left_out().items() if task in there}
        lines += [f"  {reason}" for reason in sorted({*missing.values(), *gone.values()})]
    return "\n".join(lines)


def describe(recipe: Recipe, jobs: list[Job], todo: list[Job]) -> str:
    """The plan that --dry-run prints."""
    section = recipe.evaluation
    seconds = SECONDS_A_QUESTION.get(section.backend, 0.8)
    count = sum(job.question_count for job in todo)
    names = ", ".join(benchmark.name for benchmark in jobs[0].benchmarks)
    lines = [f"eval of recipe {recipe.name}: {names} by backend {section.backend}, {section.decoding} decoding"]
    lines += [f"  questions a model: {', '.join(f'{t} {len(n)}' for t, n in jobs[0].tasks.items())}"]
    lines += [f"  {reason}" for reason in sorted(set(jobs[0].missing.values()))]
    for job in jobs:
        state = "to do" if job in todo else "done"
        lines.append(f"  {job.model.role}: {job.model.place} -> {result_folder(recipe, job.model)} ({state})")
    lines.append(
        f"  {count} questions to ask, about {count * seconds / 60:.0f} minutes on two cores for a 135M model, "
        f"{len(todo) * BYTES_A_MODEL / 1e6:.0f} MB of disk"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_command(main))
