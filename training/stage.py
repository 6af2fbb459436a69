"""`python -m training.stage`: one stage in a process of its own, because nanotron keeps its state in globals."""

from __future__ import annotations

import dataclasses
import os
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from records.errors import run_command
from records.files import read_json, remove, sha256_file, write_text
from records.recipe import Recipe, command_parser, load_recipe
from training.schedule import stage_schedule, step_tokens
from training.stages import MADE_BY, Stage, mark_done, stage_print, stages, workplace

OPTIMIZER = {"optimizer": "AdamW", "betas": [0.9, 0.95], "eps": 1e-8, "dtype": "float32"}


def main(argv: Sequence[str]) -> int:
    """Train one stage, from its last checkpoint when there is one."""
    parser = command_parser("training.stage", "Train one stage (python -m training runs all of them in order).")
    parser.add_argument("--stage", required=True, choices=("base", "stage1", "stage2", "ift", "control"))
    arguments = parser.parse_args(argv)
    from training.base import make_base
    from training.processes import end_with_parent

    end_with_parent()
    recipe = load_recipe(arguments.recipe)
    if arguments.stage == "base":
        make_base(recipe)
        return 0
    run_stage(recipe, next(stage for stage in stages(recipe) if stage.key == arguments.stage))
    return 0


def run_stage(recipe: Recipe, stage: Stage) -> None:
    """Train and export a stage; the mark comes last, then the working files go."""
    from training.device import prepare

    began = time.time()
    paths, world = workplace(recipe), int(os.environ.get("WORLD_SIZE", "1"))
    prepare(threads=max(1, _cores() // world))
    work, inputs = paths.work(stage.name), str(stage_print(recipe, stage))
    _open_work(work, inputs, paths.model(stage.parent))
    trainer, plans, seconds = _train(recipe, stage, work)
    if int(os.environ["RANK"]) == 0:
        run = _run_record(trainer, plans, seconds, began, stage, recipe)
        _export(recipe, stage, work, trainer, plans, run)
        mark_done(paths, stage.name, inputs)
        remove(work)


def _cores() -> int:
    # Cores this process may use; a container often has fewer than the machine.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open_work(work: Path, inputs: str, parent: Path) -> None:
    # Checkpoints of other inputs (another budget, another parent) are of no use any more.
    from training.convert import to_nanotron

    if int(os.environ["RANK"]) == 0:
        inputs_file = work / "inputs.txt"
        if not inputs_file.is_file() or inputs_file.read_text() != inputs:
            remove(work)
            write_text(inputs_file, inputs)
        if not (work / "init").is_dir():
            to_nanotron(parent, work / "init")
    _barrier()


def _barrier() -> None:
    import torch.distributed

    torch.distributed.barrier()


def _train(recipe: Recipe, stage: Stage, work: Path) -> tuple[Any, Any, float]:
    from tqdm import tqdm

    from training.plans import stage_plans
    from training.settings import write_settings
    from training.trainer import StageTrainer, latest_checkpoint

    plans, values, parallel = stage_plans(recipe, stage), stage.recipe, recipe.training.parallel
    last = latest_checkpoint(work / "checkpoints") if (work / "checkpoints").is_dir() else None
    settings = write_settings(recipe, stage, work, last)
    per_step = step_tokens(values, parallel.dp)
    schedule = stage_schedule(values, parallel.dp)
    bar = tqdm(total=schedule.steps * per_step, desc=f"training · {stage.title}", unit="tok", disable=_rank() > 0)

    def on_step(loss: float) -> None:
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        bar.update(per_step)

    with bar:
        trainer = StageTrainer(settings, schedule, on_step)
        done = trainer.start_iteration_step
        bar.update(done * per_step)
        held_out = plans.held_out_reader(values)
        if "heldout_before" not in trainer.notes:
            trainer.notes["heldout_before"] = trainer.held_out_loss(held_out)
        bar.unpause()
        began = time.time()
        reader = plans.reader(values, parallel.dp, trainer.dp_rank())
        trainer.train(trainer.micro_batches(reader, done))
        seconds = time.time() - began
        trainer.notes["heldout"] = trainer.held_out_loss(held_out)
    remove(work / "final")
    trainer.save_weights(work / "final")
    _barrier()
    return trainer, plans, seconds


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _run_record(trainer: Any, plans: Any, seconds: float, began: float, stage: Stage, recipe: Recipe) -> dict[str, Any]:
    import torch

    steps = trainer.config.tokens.train_steps - trainer.start_iteration_step
    per_step = step_tokens(stage.recipe, recipe.training.parallel.dp)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "seconds": round(time.time() - began, 1),
        "training_seconds": round(seconds, 1),
        "tokens_per_second": round(steps * per_step / seconds, 1),
        "resumed_from_step": trainer.start_iteration_step,
        "peak_memory_bytes": peak,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "padding": round(plans.train.padding, 4),
        "dropped": dict(plans.train.dropped),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _export(recipe: Recipe, stage: Stage, work: Path, trainer: Any, plans: Any, run: dict[str, Any]) -> None:
    from training.export import export_model, loss_record, parent_link

    paths, parallel, values = workplace(recipe), recipe.training.parallel, stage.recipe
    steps = trainer.config.tokens.train_steps
    tokens = steps * step_tokens(values, parallel.dp)
    parent = paths.model(stage.parent)
    record = {
        "name": stage.name,
        "stage": stage.key,
        "base": parent_link(parent, read_json(parent / "record.json", MADE_BY)["name"]),
        "corpus": sha256_file(paths.manifest),
        "recipe": recipe.name,
        "license": "Apache-2.0",
        "tokens": tokens,
        "loss_tokens": plans.loss_tokens(),
        "steps": steps,
        "loss": loss_record(trainer.losses, tokens, trainer.notes["heldout_before"], trainer.notes["heldout"]),
        "hyperparameters": {**dataclasses.asdict(values), "seed": recipe.seed, **OPTIMIZER},
        "parallel": dataclasses.asdict(parallel),
    }
    export_model(paths.model(stage.name), parent, work / "final", record, run, trainer.losses)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(run_command(main))
