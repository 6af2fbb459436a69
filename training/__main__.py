"""`python -m training`: base, stage I, stage II, stage III and the control, each once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from records.errors import run_command
from records.files import read_json
from records.recipe import Recipe, command_parser, load_recipe
from training.cluster_plan import plan_lines
from training.launch import write_launch
from training.preflight import check_corpus, check_disk, check_recipe, needed_bytes, world_size
from training.processes import only_one, run_ranks
from training.report import write_report
from training.schedule import stage_steps, step_tokens
from training.stages import MADE_BY, Stage, base_print, model_done, stage_print, stages, workplace

USUAL_TOKENS_A_SECOND = 100
SECONDS_A_STAGE = 12


def main(argv: Sequence[str]) -> int:
    """Make every model of the recipe that is not made yet."""
    parser = command_parser("training", "Train the models of a recipe.")
    parser.add_argument("--launch", choices=("slurm", "torchrun"), help="write a launch script for a cluster and stop")
    arguments = parser.parse_args(argv)
    recipe = load_recipe(arguments.recipe)
    if arguments.launch:
        print(f"training: wrote {write_launch(recipe, arguments.recipe, arguments.launch)}")
        return 0
    base_missing, todo = missing(recipe)
    if arguments.dry_run:
        print_plan(recipe, base_missing, todo)
        return 0
    if not todo and not base_missing:
        print(f"training: all {len(stages(recipe)) + 1} models are made")
        write_report(recipe)  # where a run was ended between its last model and the report
        return 0
    with only_one(workplace(recipe).build / "work" / "training"):
        return make(recipe, arguments.recipe)


def missing(recipe: Recipe) -> tuple[bool, list[Stage]]:
    """Whether the base is still to make, and the stages that are."""
    paths = workplace(recipe)
    base_missing = not model_done(paths, "base", base_print(recipe))
    todo: list[Stage] = []
    for stage in stages(recipe):
        stale = base_missing or any(stage.parent == earlier.name for earlier in todo)
        if stale or not model_done(paths, stage.name, stage_print(recipe, stage)):
            todo.append(stage)
    return base_missing, todo


def make(recipe: Recipe, recipe_name: str) -> int:
    """Check everything, then make what is missing."""
    base_missing, todo = missing(recipe)
    check_recipe(recipe, todo)
    check_corpus(recipe, todo)
    check_disk(recipe, todo, base_missing)
    processes = [("base", 1)] if base_missing else []
    processes += [(stage.key, world_size(stage.parallel)) for stage in todo]
    for key, world in processes:
        if code := run_ranks(["--recipe", recipe_name, "--stage", key], world):
            return code
    if folder := write_report(recipe):
        print(f"training: {folder / 'report.md'} says what the stages did to old and new domain")
    return 0


def print_plan(recipe: Recipe, base_missing: bool, todo: list[Stage]) -> None:
    """Steps, tokens, disk and time of what is still to make."""
    rate = measured_rate(recipe) or USUAL_TOKENS_A_SECOND
    total = 0
    print(f"training · recipe {recipe.name} · reads {workplace(recipe).corpus}")
    print(f"  base       {'to make' if base_missing else 'made'}")
    for stage in stages(recipe):
        steps = stage_steps(stage.recipe, stage.parallel.dp)
        tokens = steps * step_tokens(stage.recipe, stage.parallel.dp)
        total += tokens if stage in todo else 0
        state = "to make" if stage in todo else "made"
        print(f"  {stage.key:<10} {state}: {stage.name} from {stage.parent}, {tokens} tokens in {steps} steps")
    if recipe.training.cluster:
        print("\n".join(plan_lines(recipe, todo)))
        return
    seconds = total / rate + SECONDS_A_STAGE * (len(todo) + base_missing)
    gigabytes = needed_bytes(recipe, todo, base_missing) / 1e9 if todo or base_missing else 0.0
    print(f"  disk about {gigabytes:.1f} GB · time about {seconds / 60:.0f} min at {rate:.0f} tokens/s")


def measured_rate(recipe: Recipe) -> float | None:
    """Tokens a second of an earlier stage of this recipe on this machine, if there was one."""
    for stage in stages(recipe):
        run = workplace(recipe).model(stage.name) / "run.json"
        if run.is_file():
            return float(read_json(run, MADE_BY)["tokens_per_second"])
    return None


if __name__ == "__main__":
    sys.exit(run_command(main))
