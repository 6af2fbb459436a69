"""`python -m training.stage`: one stage in a process of its own, because nanotron keeps its state in globals."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from records.errors import UserError, run_command
from records.files import remove, write_text
from records.recipe import Recipe, command_parser, load_recipe
from training.preflight import check_corpus, check_recipe, check_world
from training.schedule import stage_schedule, step_tokens
from training.stages import Stage, base_print, checkpoint_print, mark_done, model_done, stage_print, stages, workplace


def main(argv: Sequence[str]) -> int:
    """Train one stage, from its last checkpoint when there is one."""
    parser = command_parser("training.stage", "Train one stage (python -m training runs all of them in order).")
    parser.add_argument("--stage", required=True, help="base, stage1, stage2, ift, control, …")
    arguments = parser.parse_args(argv)
    from training.base import make_base
    from training.processes import end_with_parent

    end_with_parent()
    recipe = load_recipe(arguments.recipe)
    if arguments.stage == "base":
        if not model_done(workplace(recipe), "base", base_print(recipe)):
            make_base(recipe)
        return 0
    known = {stage.key: stage for stage in stages(recipe)}
    if arguments.stage not in known:
        raise UserError(f"the recipe has no stage {arguments.stage!r}; its stages are base, {', '.join(known)}")
    run_stage(recipe, known[arguments.stage])
    return 0


def run_stage(recipe: Recipe, stage: Stage) -> None:
    """Train and export a stage; the mark comes last, then the working files go."""
    from training.device import prepare, threads_of_rank
    from training.model_record import export_stage, run_record

    began = time.time()
    paths, world = workplace(recipe), int(os.environ.get("WORLD_SIZE", "1"))
    if model_done(paths, stage.name, stage_print(recipe, stage)):
        print(f"training: {stage.name} is made")
        return
    check_world(stage.parallel, world)
    check_recipe(recipe, [stage])
    check_corpus(recipe, [stage])
    prepare(threads_of_rank(world))
    work, inputs = paths.work(stage.name), str(stage_print(recipe, stage))
    _open_work(work, checkpoint_print(recipe, stage), paths.model(stage.parent))
    trainer, plans, seconds = _train(recipe, stage, work)
    if int(os.environ["RANK"]) == 0:
        export_stage(recipe, stage, work, trainer, plans, run_record(trainer, plans, seconds, began, stage))
        mark_done(paths, stage.name, inputs)
        remove(work)


def _open_work(work: Path, inputs: str, parent: Path) -> None:
    # Checkpoints of other inputs (another budget, another parent) are of no use any more.
    from training.convert import to_nanotron

    if int(os.environ["RANK"]) == 0:
        inputs_file = work / "inputs.txt"
        if not inputs_file.is_file() or inputs_file.read_text() != inputs:
            if (work / "checkpoints").is_dir():
                print(f"training: recipe, corpus or parent changed; {work.name} starts anew", file=sys.stderr)
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

    from training.checkpoints import latest_checkpoint, open_checkpoint
    from training.curves import Curves
    from training.plans import stage_plans
    from training.settings import write_settings
    from training.tracking import domain_readers, tracked_steps
    from training.trainer import StageTrainer
    from training.watch import check_loss, documents_of

    plans, values, parallel = stage_plans(recipe, stage), stage.recipe, stage.parallel
    last = latest_checkpoint(work / "checkpoints")
    if last is not None:
        open_checkpoint(last, {name: getattr(parallel, name) for name in ("dp", "tp", "pp", "zero1")})
    settings = work / "nanotron.yaml"
    if _rank() == 0:  # ranks that write one file at once take each other's temporary file away
        write_settings(recipe, stage, work, last)
    _barrier()
    per_step, schedule = step_tokens(values, parallel.dp), stage_schedule(values, parallel.dp)
    sequences = values.micro_batch_size * values.accumulation * parallel.dp
    domains, data = domain_readers(recipe), workplace(recipe).corpus / "data"
    track_at = tracked_steps(schedule.steps, recipe.training.track.points) if recipe.training.track else frozenset()
    bar = tqdm(total=schedule.steps * per_step, desc=f"training · {stage.title}", unit="tok", disable=_rank() > 0)

    def batch(step: int) -> tuple[str, int]:
        first = (step - 1) * sequences
        documents = documents_of(plans.train, first, sequences, data)
        return documents, plans.loss_tokens(range(first, first + sequences))

    def measure(step: int) -> None:
        losses = {domain: round(trainer.held_out_loss(reader), 6) for domain, reader in domains.items()}
        trainer.notes.setdefault("tracked", []).append([step * per_step, losses])
        curves.tracked(step, losses)

    def on_step(step: int, loss: float) -> None:
        check_loss(trainer.where, loss, trainer.losses, values.stop_at_spike, lambda: batch(step))
        curves.step(step, loss, values.learning_rate * schedule.share(step - 1), per_step)
        if step in track_at:
            measure(step)
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        bar.update(per_step)

    with bar, Curves(work.parent.parent / "tensorboard" / stage.name, _rank()) as curves:
        trainer = StageTrainer(settings, schedule, on_step, values.keep_checkpoints)
        done = trainer.start_iteration_step
        bar.update(done * per_step)
        held_out = plans.held_out_reader(values)
        if "heldout_before" not in trainer.notes:
            trainer.notes["heldout_before"] = trainer.held_out_loss(held_out)
            if track_at:
                measure(0)
        bar.unpause()
        began = time.time()
        reader = plans.reader(values, parallel.dp, trainer.dp_rank())
        trainer.train(trainer.micro_batches(reader, done))
        seconds = time.time() - began
        trainer.notes["heldout"] = trainer.held_out_loss(held_out)
    if _rank() == 0:
        remove(work / "final")
    _barrier()
    trainer.save_weights(work / "final")
    _barrier()
    return trainer, plans, seconds


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(run_command(main))
