"""Micro batches for nanotron: a pure function of plan, step and rank, so that a resumed run reads the same tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.packing import Plan, row_of

INPUTS = ("input_ids", "input_mask")
LABELS = ("label_ids", "label_mask")


@dataclass(frozen=True)
class Reader:
    """Reads a plan in the order of training."""

    plan: Plan
    micro_batch_size: int
    accumulation: int
    dp: int = 1
    dp_rank: int = 0

    def micro_batch(self, step: int, number: int) -> dict[str, torch.Tensor]:
        """Micro batch `number` of step `step` (both from 0); tensors [micro batch, sequence].

        `input_mask` carries positions in documents, the rest is what the names say (`training.llama.PackedLlama`).
        """
        first = ((step * self.accumulation + number) * self.dp + self.dp_rank) * self.micro_batch_size
        rows = [row_of(self.plan, first + place) for place in range(self.micro_batch_size)]
        return {
            "input_ids": torch.from_numpy(np.stack([row.input_ids for row in rows])),
            "input_mask": torch.from_numpy(np.stack([row.positions for row in rows])),
            "label_ids": torch.from_numpy(np.stack([row.label_ids for row in rows])),
            "label_mask": torch.from_numpy(np.stack([row.label_mask for row in rows])),
        }

    def from_step(self, step: int) -> Iterator[dict[str, torch.Tensor]]:
        """All micro batches from the start of a step on."""
        while True:
            for number in range(self.accumulation):
                yield self.micro_batch(step, number)
            step += 1


def for_ranks(batch: dict[str, torch.Tensor], pp_rank: int, input_rank: int, output_rank: int) -> dict[str, Any]:
    """What one pipeline rank holds of a micro batch; the rest are nanotron's TensorPointers to the rank that does."""
    from nanotron.parallel.pipeline_parallel.tensor_pointer import TensorPointer

    owner = dict.fromkeys(INPUTS, input_rank) | dict.fromkeys(LABELS, output_rank)
    return {
        name: tensor if owner[name] == pp_rank else TensorPointer(group_rank=owner[name])
        for name, tensor in batch.items()
    }
