"""Run a line of stages again and again, each time killed (SIGKILL) one event later than the time before.

Events: after every step, inside a checkpoint, before the export and between export, mark and cleaning up. A child is
forked for each stage, so that nanotron is imported once. Prints the number of kills.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def main(recipe_name: str, keys: list[str], kill: bool) -> None:
    from records.recipe import load_recipe
    from training.boot import boot
    from training.checkpoints import latest_checkpoint
    from training.stage import run_stage
    from training.stages import model_done, stage_print, stages, workplace

    recipe = load_recipe(recipe_name)
    import torch.utils.tensorboard  # noqa: F401 - a second that each child would spend again

    boot()  # the process group is started by each child: its threads would not live through a fork
    paths, event, kills, reached = workplace(recipe), 0, 0, None
    while True:
        todo = [stage for stage in stages(recipe) if stage.key in keys]
        todo = [stage for stage in todo if not model_done(paths, stage.name, stage_print(recipe, stage))]
        if not todo:
            break
        last = latest_checkpoint(paths.work(todo[0].name) / "checkpoints")
        event = event + 1 if reached == (todo[0].name, last) else 1  # counted from the checkpoint it resumes
        reached = (todo[0].name, last)
        child = os.fork()
        if child == 0:
            if kill:
                count_down(Countdown(event))
            run_stage(recipe, todo[0])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            kills += 1
        else:
            assert status == 0, f"a stage ended with {status}"
    print(kills)


class Countdown:
    """Kills this process when it has been called often enough."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def count_down(strike: Countdown) -> None:
    """Call `strike` at every event."""
    import nanotron.serialize.main

    import training.model_record
    import training.stage
    import training.trainer

    def around(module: Any, name: str, after: bool) -> None:
        stock: Callable[..., Any] = getattr(module, name)

        def struck(*arguments: Any, **named: Any) -> Any:
            if not after:
                strike()
            result = stock(*arguments, **named)
            if after:
                strike()
            return result

        setattr(module, name, struck)

    around(training.trainer.StageTrainer, "train_step_logs", after=True)
    around(training.trainer, "seal", after=False)
    around(training.trainer, "seal", after=True)
    around(nanotron.serialize.main, "save_optimizer", after=False)
    around(training.model_record, "export_stage", after=False)
    around(training.stage, "mark_done", after=False)
    around(training.stage, "mark_done", after=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[3:], kill=sys.argv[2] == "kill")
