"""Everything that can be wrong with a recipe, the corpus or the disk, found before any work."""

from __future__ import annotations

from records.assets import asset
from records.errors import UserError
from records.files import read_json, require_space
from records.recipe import Recipe
from training.gguf_header import Limits, limits
from training.schedule import stage_steps, step_tokens
from training.stages import Stage, workplace

BYTES_A_WEIGHT = 4
POSITIVE = ("tokens", "sequence_length", "micro_batch_size", "accumulation", "checkpoint_every", "held_out_sequences")


def check_recipe(recipe: Recipe, todo: list[Stage]) -> None:
    """Check values that do not fit each other or the base model.

    Raises:
        UserError: the first thing found, with where and what to do.
    """
    most = limits(recipe)
    _check_parallel(recipe, most)
    for stage in todo:
        values, where = stage.recipe, f"training.{'ift' if stage.key == 'control' else stage.key}"
        for name in POSITIVE:
            if getattr(values, name) < 1:
                raise UserError(f"{where}.{name} is {getattr(values, name)}; it must be at least 1")
        if values.sequence_length > most.context:
            raise UserError(
                f"{where}.sequence_length is {values.sequence_length} and {recipe.training.base.name} reads at most "
                f"{most.context} tokens; lower it"
            )
        step = step_tokens(values, recipe.training.parallel.dp)
        if values.tokens < step:
            raise UserError(
                f"{where}.tokens is {values.tokens}, less than the {step} tokens of one step "
                "(sequence_length × micro_batch_size × accumulation × dp); raise it or lower those"
            )


def _check_parallel(recipe: Recipe, most: Limits) -> None:
    parallel = recipe.training.parallel
    if min(parallel.dp, parallel.tp, parallel.pp) < 1:
        raise UserError("training.parallel: dp, tp and pp must each be at least 1")
    if most.query_heads % parallel.tp or most.key_heads % parallel.tp or most.vocabulary % parallel.tp:
        raise UserError(
            f"training.parallel.tp is {parallel.tp}; it must divide {most.query_heads} query heads, "
            f"{most.key_heads} key heads and {most.vocabulary} ids"
        )
    if parallel.pp > most.layers:
        raise UserError(f"training.parallel.pp is {parallel.pp} and the model has {most.layers} layers; lower it")


def check_corpus(recipe: Recipe, todo: list[Stage]) -> None:
    """Open every shard that will be read and plan every stage, so that an empty or foreign corpus is found now."""
    from training.plans import stage_plans, stage_shards
    from training.shards import check_vocabulary

    vocabulary = limits(recipe).vocabulary
    _check_tokenizer(recipe, vocabulary)
    for stage in todo:
        for split in ("train", "validation"):
            for shard in stage_shards(recipe, stage, split):
                check_vocabulary(shard, vocabulary)
        stage_plans(recipe, stage)


def _check_tokenizer(recipe: Recipe, vocabulary: int) -> None:
    manifest = read_json(workplace(recipe).manifest, made_by="make corpus")
    tokenizer = manifest.get("tokenizer") or {}
    if tokenizer.get("vocabulary", vocabulary) != vocabulary:
        raise UserError(
            f"the corpus was tokenised with {tokenizer.get('name')} ({tokenizer['vocabulary']} ids) and "
            f"{recipe.training.base.name} has {vocabulary}; run `make corpus` with this recipe again"
        )


def check_disk(recipe: Recipe, todo: list[Stage], base_missing: bool) -> None:
    """Space for the exports still to make and for the checkpoints of one stage at a time."""
    if todo or base_missing:
        require_space(workplace(recipe).build, needed_bytes(recipe, todo, base_missing))


def needed_bytes(recipe: Recipe, todo: list[Stage], base_missing: bool) -> int:
    """Bytes at the worst moment: exports, starting and final weights, two checkpoints (weights, two Adam moments)."""
    weights = model_bytes(recipe)
    checkpoints = any(stage.recipe.checkpoint_every < stage_steps(stage.recipe, 1) for stage in todo)
    return weights * (len(todo) + base_missing + (2 if todo else 0) + (6 if checkpoints else 0))


def model_bytes(recipe: Recipe) -> int:
    """Bytes of the fp32 weights: of the base's file once it is made, before that from the size in the recipe's name."""
    file = workplace(recipe).model("base") / "model.safetensors"
    if file.is_file():
        return file.stat().st_size
    asset(recipe.training.base.asset)
    units = {"m": 10**6, "b": 10**9}
    size = recipe.training.base.size.lower()
    try:
        return int(float(size[:-1]) * units[size[-1]] * BYTES_A_WEIGHT)
    except (KeyError, ValueError):
        raise UserError(f"training.base.size is {size!r}; write it like 135m or 1.7b") from None
