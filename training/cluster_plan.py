"""What a stage takes on a cluster: memory of a GPU, tokens a second and hours, from closed forms with their sources."""

from __future__ import annotations

from dataclasses import dataclass

from records.recipe import Recipe
from records.recipe_training import ShapeRecipe
from training.preflight import check_parallel, world_size
from training.schedule import stage_steps, step_tokens
from training.shape import shape_limits, shape_of
from training.stages import Stage

GB = 1e9


@dataclass(frozen=True)
class Memory:
    """Bytes on the fullest GPU of a stage."""

    weights: float
    gradients: float
    optimizer: float
    activations: float

    @property
    def total(self) -> float:
        """All of them; what the allocator, NCCL and the CUDA context take (some GB) comes on top."""
        return self.weights + self.gradients + self.optimizer + self.activations


def parameters(shape: ShapeRecipe) -> int:
    """Weights of a Llama or Mistral without biases."""
    keys = shape.hidden // shape.query_heads * shape.key_heads
    layer = 2 * shape.hidden * shape.hidden + 2 * shape.hidden * keys + 3 * shape.hidden * shape.intermediate
    embedding = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return shape.layers * (layer + 2 * shape.hidden) + embedding + shape.hidden


def flops_per_token(shape: ShapeRecipe, length: int) -> float:
    """Operations of both passes: 6 a weight and 12 · layers · hidden · length (PaLM, arXiv 2204.02311, app. B)."""
    return 6.0 * parameters(shape) + 12.0 * shape.layers * shape.hidden * length


def memory(shape: ShapeRecipe, stage: Stage, dtype: str) -> Memory:
    """Memory of a GPU on the first pipeline rank, which holds the most micro batches.

    Weights, gradients and optimizer as in ZeRO (arXiv 1910.02054, section 3.1): in bfloat16 2 bytes of weight, 2 + 4 of
    gradient (nanotron keeps a float32 sum beside), 4 of master weight and 8 of Adam's moments, the last 12 over dp with
    ZeRO-1; in float32 4, 4 and 8. Activations as in arXiv 2205.05198, equation 2, without its attention matrices, which
    SDPA does not keep: sequence · batch · hidden · (10 + 24 / tp) bytes a layer in bfloat16, of each micro batch under
    way, and the logits in both precisions. 1f1b keeps min(pp, accumulation) micro batches, afab all of a step.
    """
    values, parallel = stage.recipe, stage.parallel
    half = dtype == "bfloat16"
    share = parameters(shape) / (parallel.tp * parallel.pp)
    copies = parallel.dp if parallel.zero1 else 1
    under_way = values.accumulation if parallel.pp_engine == "afab" else min(parallel.pp, values.accumulation)
    tokens = values.sequence_length * values.micro_batch_size
    layer = tokens * shape.hidden * (10 + 24 / parallel.tp) * (1 if half else 2)
    logits = tokens * shape.vocabulary / parallel.tp * (6 if half else 4)
    kept = under_way if parallel.pp > 1 else 1
    return Memory(
        weights=share * (2 if half else 4),
        gradients=share * (6 if half else 4),
        optimizer=share * (12 if half else 8) / copies,
        activations=layer * shape.layers / parallel.pp * kept + logits,
    )


def plan_lines(recipe: Recipe, todo: list[Stage]) -> list[str]:
    """What `--dry-run` prints for a recipe with a cluster.

    Raises:
        UserError: a topology does not fit the model.
    """
    cluster, shape = recipe.training.cluster, shape_of(recipe)
    assert cluster is not None
    lines, gpu_seconds, total = [], 0.0, 0
    for stage in todo:
        check_parallel(stage.parallel, shape_limits(shape), f"{stage.title}: parallel")
        need, gpus = memory(shape, stage, recipe.training.dtype), world_size(stage.parallel)
        tokens = stage_steps(stage.recipe, stage.parallel.dp) * step_tokens(stage.recipe, stage.parallel.dp)
        work = tokens * flops_per_token(shape, stage.recipe.sequence_length)
        seconds = work / (gpus * cluster.gpu_teraflops * 1e12 * cluster.model_flops_utilization)
        gpu_seconds, total = gpu_seconds + seconds * gpus, total + tokens
        fits = "fits" if need.total < cluster.gpu_memory_gb * GB else "DOES NOT FIT"
        lines.append(
            f"  {stage.key:<14} {gpus} GPUs, dp {stage.parallel.dp} · tp {stage.parallel.tp} · pp {stage.parallel.pp}: "
            f"{tokens / seconds:,.0f} tokens/s, {seconds / 3600:,.1f} h; a GPU holds {need.total / GB:.1f} GB "
            f"(weights {need.weights / GB:.1f}, gradients {need.gradients / GB:.1f}, optimizer "
            f"{need.optimizer / GB:.1f}, activations {need.activations / GB:.1f}), {fits} in {cluster.gpu_memory_gb:g}"
        )
    lines.append(
        f"  {parameters(shape) / 1e9:.2f}B weights, {total / 1e9:.1f}B tokens, {gpu_seconds / 3600:,.0f} GPU hours at "
        f"an assumed {cluster.model_flops_utilization:.0%} of {cluster.gpu_teraflops:g} teraflops (not measured)"
    )
    if cluster.days:
        lines += [_needed(recipe, shape, todo, cluster.days)]
    return lines


def _needed(recipe: Recipe, shape: ShapeRecipe, todo: list[Stage], days: float) -> str:
    cluster = recipe.training.cluster
    assert cluster is not None
    first = [stage for stage in todo if stage.kind in ("stage1", "stage2")]
    if not first:
        return "  stages I and II are made"
    tokens = sum(stage.recipe.tokens for stage in first)
    rate, peak = tokens / (days * 86400), world_size(first[0].parallel) * cluster.gpu_teraflops * 1e12
    share = rate * flops_per_token(shape, first[0].recipe.sequence_length) / peak
    return f"  stages I and II in {days:g} days need {rate:,.0f} tokens/s, {share:.1%} of the peak"
