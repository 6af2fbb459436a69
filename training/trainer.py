"""nanotron's DistributedTrainer for one stage: any device, exact resume, own rates, quiet. Import after `prepare()`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import nanotron.trainer
import torch
from nanotron.serialize import save, save_weights
from nanotron.trainer import DistributedTrainer
from torch.optim.lr_scheduler import LambdaLR

from records.errors import UserError
from records.files import read_json
from training.checkpoints import COMPLETE, seal
from training.data import Reader, for_ranks
from training.device import device, guarded
from training.linear import use_onednn
from training.llama import PackedLlama, RopeLlamaConfig
from training.optimizer import use_decay_groups
from training.schedule import Schedule


class StageTrainer(DistributedTrainer):  # type: ignore[misc]
    """Trains one stage from `init_method.path`, or from the checkpoint the configuration resumes."""

    def __init__(
        self, config_file: Path, schedule: Schedule, on_step: Callable[[int, float], None], keep: int = 1
    ) -> None:
        """
        Args:
            config_file: nanotron's YAML.
            schedule: rates of the stage.
            on_step: called with number and loss of every step, before it is checkpointed; what it raises stops the run.
            keep: checkpoints kept.
        """
        self.schedule = schedule
        self.on_step = on_step
        self.keep = keep
        self.losses: list[float] = []
        self.notes: dict[str, Any] = {}
        nanotron.trainer.sanity_check_dataloader = _to_device
        nanotron.trainer.before_optim_step_sanity_checks = self._check_gradient
        use_decay_groups()
        use_onednn()
        with guarded():
            super().__init__(str(config_file), model_config_class=RopeLlamaConfig, model_class=PackedLlama)
        # Pipeline ranks would receive activations on "cuda".
        self.unwrapped_model.model.p2p.device = device()
        if self.parallel_context.world_pg.size() == 1:
            # One rank has nobody to compare weights with; the comparison would cost as much as the saving.
            nanotron.trainer.save = functools.partial(save, sanity_checks=False)
            nanotron.trainer.sync_gradients_across_dp = _nothing

    def post_init(self) -> None:
        """Put our schedule in place of nanotron's, at the step reached.

        Building a LambdaLR resets the rate to that of step 0, so that stock nanotron 0.4 runs the first resumed step at
        a wrong rate.
        """
        optimizer = self.optimizer.get_base_optimizer()
        peak, done = self.config.optimizer.learning_rate_scheduler.learning_rate, self.start_iteration_step
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] = peak
        self.lr_scheduler = LambdaLR(optimizer, lambda step: self.schedule.share(step))
        self.lr_scheduler.last_epoch = done
        for group in optimizer.param_groups:
            group["lr"] = peak * self.schedule.share(done)
        if self.init_checkpoint_path is not None:
            kept = read_json(Path(self.init_checkpoint_path) / COMPLETE, made_by="make train")
            self.losses, self.notes = kept["losses"], kept["notes"]

    def pre_training(self, *arguments: Any, **named: Any) -> None:
        """Nothing: nanotron would start wandb here."""

    def micro_batches(self, reader: Reader, step: int) -> Iterator[dict[str, Any]]:
        """Micro batches of a step and all later ones, with pointers where another pipeline rank holds the tensor."""
        model, rank = self.unwrapped_model, torch.distributed.get_rank(self.parallel_context.pp_pg)
        for batch in reader.from_step(step):
            yield for_ranks(batch, rank, model.input_pp_rank, model.output_pp_rank)

    def dp_rank(self) -> int:
        """This process's place among the data parallel ranks."""
        return int(torch.distributed.get_rank(self.parallel_context.dp_pg))

    def held_out_loss(self, reader: Reader) -> float:
        """Mean loss in nats over the target tokens of all sequences of a plan."""
        total = count = 0.0
        steps = len(reader.plan.sequences) // reader.micro_batch_size
        batches = self.micro_batches(reader, 0)
        with torch.no_grad():
            for step in range(steps):
                tokens = int(reader.micro_batch(step, 0)["label_mask"].sum())
                total += self._everywhere(self.unwrapped_model(**_on_device(next(batches)))["loss"]) * tokens
                count += tokens
        return total / count

    def _everywhere(self, loss: Any) -> float:
        # Only the last pipeline rank knows the loss, and rank 0 writes the record.
        known = loss.detach().float() if isinstance(loss, torch.Tensor) else torch.zeros((), device=device())
        if self.parallel_context.pp_pg.size() > 1:
            known = known.clone()
            torch.distributed.all_reduce(known, group=self.parallel_context.pp_pg)
        return float(known)

    @property
    def where(self) -> str:
        """The run and its step, as messages name them."""
        return f"{self.config.general.run} at step {self.iteration_step} of {self.schedule.steps}"

    def _check_gradient(self, *arguments: Any) -> None:
        # Stands in for a check that is switched off here, just before the weights move: a loss can be finite where its
        # gradient is not, and the checkpoint after such a step would be lost.
        norm = float(self.grad_norm_unclipped)
        if not norm < float("inf"):
            self.on_step(self.iteration_step, float("nan"))

    def train_step_logs(self, outputs: Iterable[dict[str, Any]], loss_avg: Any) -> None:
        """Keep the loss of the step and tell who watches."""
        loss = self._everywhere(loss_avg)
        self.on_step(self.iteration_step, loss)
        self.losses.append(loss)

    def save_checkpoint(self) -> Path:
        """Write a checkpoint; it counts once its `complete.json` is there. Older ones are removed then.

        The last step writes none, for the export follows at once.
        """
        folder = Path(self.config.checkpoints.checkpoints_path)
        if self.iteration_step == self.config.tokens.train_steps:
            return folder
        if not all(bool(weight.isfinite().all()) for weight in self.unwrapped_model.parameters()):
            raise UserError(f"weights of {self.where} are no numbers any more; lower the learning_rate in the recipe")
        with guarded():
            written = Path(super().save_checkpoint())
        torch.distributed.barrier()  # every rank has written its part
        if torch.distributed.get_rank() == 0:
            parallel, zero = self.config.parallelism, self.config.optimizer.zero_stage
            topology = {"dp": parallel.dp, "tp": parallel.tp, "pp": parallel.pp, "zero1": zero > 0}
            state = {"step": self.iteration_step, "losses": self.losses, "notes": self.notes, "parallel": topology}
            seal(written, state, self.keep)
        return written

    def save_weights(self, folder: Path) -> None:
        """Write the weights alone, as nanotron's checkpoints hold them."""
        save_weights(model=self.unwrapped_model, parallel_context=self.parallel_context, root_folder=folder)


def _nothing(*arguments: Any, **named: Any) -> None:
    """With one data parallel rank there are no gradients to average."""


def _on_device(batch: dict[str, Any]) -> dict[str, Any]:
    where = device()
    return {name: value.to(where) if isinstance(value, torch.Tensor) else value for name, value in batch.items()}


def _to_device(dataloader: Iterator[dict[str, Any]], **named: Any) -> Iterator[dict[str, Any]]:
    # Stands in for sanity_check_dataloader, which moves every tensor to "cuda" outside of any guard.
    yield from map(_on_device, dataloader)
