"""Curves while a stage runs: TensorBoard event files, and trackio where it is installed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from pathlib import Path
from types import TracebackType
from typing import Any


class Curves:
    """Writes scalars of every step on rank 0; does nothing where no writer is installed.

    `tensorboard --logdir build/<recipe>/work/tensorboard` shows them while training goes on. A resumed stage writes a
    further event file from its checkpoint on, as TensorBoard expects.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self.folder, self.rank = folder, rank
        self.writer: Any = None
        self.trackio: Any = None

    def __enter__(self) -> Curves:
        if self.rank == 0 and importlib.util.find_spec("tensorboard"):
            with contextlib.suppress(ImportError):
                writers = importlib.import_module("torch.utils.tensorboard")
                self.writer = writers.SummaryWriter(str(self.folder))
        if self.rank == 0 and importlib.util.find_spec("trackio"):
            self.trackio = importlib.import_module("trackio")
            self.trackio.init(project="hephaestus", name=self.folder.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.writer:
            self.writer.close()
        if self.trackio:
            self.trackio.finish()

    def step(self, step: int, loss: float, rate: float, step_tokens: int) -> None:
        """Loss (nats a token), learning rate and tokens read after a step."""
        self._write(step, {"loss/train": loss, "learning_rate": rate, "tokens": step * step_tokens})

    def tracked(self, step: int, losses: dict[str, float]) -> None:
        """Held-out loss of each domain after a step."""
        self._write(step, {f"held_out/{domain}": loss for domain, loss in losses.items()})

    def _write(self, step: int, values: dict[str, float]) -> None:
        if self.writer:
            for name, value in values.items():
                self.writer.add_scalar(name, value, step)
        if self.trackio:
            self.trackio.log(values, step=step)
