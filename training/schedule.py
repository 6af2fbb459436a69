"""Learning rates: warm-up, stable, decay (WSD, arXiv 2404.06395), a closed form of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from records.recipe_training import StageRecipe


@dataclass(frozen=True)
class Schedule:
    """Rates of one stage."""

    steps: int
    warmup: int
    decay: int
    min_share: float

    def share(self, done: int) -> float:
        """Rate as a share of the peak for the step that follows `done` finished steps.

        The first step already learns (nanotron's own warm-up starts at rate 0), the last one runs at `min_share`.
        """
        share = min(1.0, (done + 1) / (self.warmup + 1))
        left = self.steps - done
        if self.decay and left <= self.decay:
            share = min(share, self.min_share + (1 - self.min_share) * max(left - 1, 0) / self.decay)
        return share


def stage_steps(stage: StageRecipe, dp: int) -> int:
    """Optimizer steps of a stage: its token budget over the tokens of a step, rounded up."""
    return math.ceil(stage.tokens / step_tokens(stage, dp))


def step_tokens(stage: StageRecipe, dp: int) -> int:
    """Tokens of the packed stream that one optimizer step reads on all data parallel ranks together."""
    return stage.sequence_length * stage.micro_batch_size * stage.accumulation * dp


def stage_schedule(stage: StageRecipe, dp: int) -> Schedule:
    """The schedule a recipe asks for."""
    steps = stage_steps(stage, dp)
    return Schedule(steps, round(stage.warmup_share * steps), round(stage.decay_share * steps), stage.min_rate_share)
