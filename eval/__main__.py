"""`python -m eval`: score base, control and ours on BFCL and write the report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from eval.plan import SECONDS_A_QUESTION, Job, Model, choose_jobs, find_models, mark, result_folder
from eval.report import write_report
from records.errors import run_command
from records.files import require_space
from records.marks import is_done
from records.recipe import Recipe, build_folder, command_parser, load_recipe

BYTES_A_MODEL = 20_000_000
"""Answers and samples of all questions."""


def main(argv: Sequence[str]) -> int:
    """Run the command. Raises UserError for what the user can mend."""
    parser = command_parser("eval", "Score models on BFCL with the official checker, and compare them.")
    parser.add_argument("--step-of-all", action="store_true", help="ask the few questions of evaluation.all_step")
    parser.add_argument("--model", nargs="+", type=Path, default=[], help="evaluate these folders instead")
    options = parser.parse_args(argv)
    recipe = load_recipe(options.recipe)
    models = find_models(recipe, options.model)
    jobs = choose_jobs(recipe, models, step_of_all=options.step_of_all)
    todo = [job for job in jobs if not is_done(mark(recipe, job.model), job.print)]
    if options.dry_run:
        print(describe(recipe, jobs, todo))
        return 0
    require_space(build_folder(recipe), len(todo) * BYTES_A_MODEL)
    if todo:
        _evaluate(recipe, todo)
    target = report_folder(recipe, models, by_hand=bool(options.model))
    write_report([(model.role, result_folder(recipe, model)) for model in models], target)
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
    return build_folder(recipe) / "eval" / "report" if by_hand else build_folder(recipe) / "eval"


def describe(recipe: Recipe, jobs: list[Job], todo: list[Job]) -> str:
    """The plan that --dry-run prints."""
    section = recipe.evaluation
    seconds = SECONDS_A_QUESTION[section.backend]
    count = sum(job.question_count for job in todo)
    lines = [f"eval of recipe {recipe.name}: BFCL non-live by backend {section.backend}"]
    lines += [f"  questions a model: {', '.join(f'{c} {len(n)}' for c, n in jobs[0].asked.items())}"]
    for job in jobs:
        state = "to do" if job in todo else "done"
        lines.append(f"  {job.model.role}: {job.model.folder} -> {result_folder(recipe, job.model)} ({state})")
    lines.append(
        f"  {count} questions to ask, about {count * seconds / 60:.0f} minutes on two cores for a 135M model, "
        f"{len(todo) * BYTES_A_MODEL / 1e6:.0f} MB of disk"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run_command(main))
