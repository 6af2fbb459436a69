"""Everything that can be wrong with a recipe, the corpus or the disk, found before any work."""

from __future__ import annotations

from records.assets import asset
from records.errors import UserError
from records.files import read_json, require_space
from records.recipe import Recipe
from records.recipe_training import ParallelRecipe
from training.gguf_header import Limits, limits
from training.schedule import stage_steps, step_tokens
from training.stages import Stage, workplace

BYTES_A_WEIGHT = 4
POSITIVE = (
    "tokens", "sequence_length", "micro_batch_size", "accumulation", "checkpoint_every", "held_out_sequences",
    "keep_checkpoints",
)  # fmt: skip


def check_recipe(recipe: Recipe, todo: list[Stage]) -> None:
    """Check values that do not fit each other or the base model.

    Raises:
        UserError: the first thing found, with where and what to do.
    """
    most = limits(recipe)
    check_shape(recipe, most)
    for stage in todo:
        values, where = stage.recipe, f"training.{section(stage)}"
        key = f"{where}.parallel" if values.parallel else "training.parallel"
        check_parallel(stage.parallel, most, key)
        check_engine(stage.parallel, key)
        for name in POSITIVE:
            if getattr(values, name) < 1:
                raise UserError(f"{where}.{name} is {getattr(values, name)}; it must be at least 1")
        longest = max(values.sequence_length, recipe.training.track.sequence_length if recipe.training.track else 0)
        if longest > most.context:
            raise UserError(
                f"{where}.sequence_length is {longest} and {recipe.training.base.name} reads at most "
                f"{most.context} tokens; lower it"
            )
        step = step_tokens(values, stage.parallel.dp)
        if values.tokens < step:
            raise UserError(
                f"{where}.tokens is {values.tokens}, less than the {step} tokens of one step "
                "(sequence_length × micro_batch_size × accumulation × dp); raise it or lower those"
            )


def section(stage: Stage) -> str:
    """The key under `training` that a stage's values come from."""
    return "ift" if stage.whole_examples else {"broad": "stage1"}.get(stage.kind, stage.kind)


def world_size(parallel: ParallelRecipe) -> int:
    """Processes of a topology."""
    return parallel.dp * parallel.tp * parallel.pp


def check_world(parallel: ParallelRecipe, world: int) -> None:
    """Raise UserError when a launcher started another number of processes than the recipe wants."""
    if world != world_size(parallel):
        raise UserError(
            f"{world} processes were started and the recipe wants dp {parallel.dp} × tp {parallel.tp} × pp "
            f"{parallel.pp} = {world_size(parallel)}; start that many, or change training.parallel"
        )


def check_parallel(parallel: ParallelRecipe, most: Limits, where: str) -> None:
    """Raise UserError for a topology that does not fit the model, or that nanotron 0.4 gets wrong."""
    if min(parallel.dp, parallel.tp, parallel.pp) < 1:
        raise UserError(f"{where}: dp, tp and pp must each be at least 1")
    if parallel.tp_mode == "reduce_scatter" and parallel.tp_async:
        raise UserError(
            f"{where}: tp_async with reduce_scatter gives wrong gradients in nanotron 0.4, without a word; "
            "set tp_async to false"
        )
    if parallel.tp_async:
        raise UserError(f"{where}: tp_async works with reduce_scatter only, and there nanotron 0.4 is wrong; remove it")
    if parallel.tp_mode == "reduce_scatter":
        raise UserError(
            f"{where}: with reduce_scatter a rank holds a part of each sequence, and the loss head of packed documents "
            "needs whole ones; set tp_mode to all_reduce"
        )
    if most.query_heads % parallel.tp or most.key_heads % parallel.tp or most.vocabulary % parallel.tp:
        raise UserError(
            f"{where}.tp is {parallel.tp}; it must divide {most.query_heads} query heads, "
            f"{most.key_heads} key heads and {most.vocabulary} ids"
        )
    if parallel.pp > most.layers:
        raise UserError(f"{where}.pp is {parallel.pp} and the model has {most.layers} layers; lower it")


def check_engine(parallel: ParallelRecipe, where: str) -> None:
    """Raise UserError for a pipeline engine that this machine cannot run."""
    if parallel.pp_engine == "1f1b" and parallel.pp > 1 and not _has_gpu():
        raise UserError(f"{where}: 1f1b waits for itself forever over gloo, which CPUs use; set pp_engine to afab")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def check_shape(recipe: Recipe, most: Limits) -> None:
    """Raise UserError when the sizes a recipe plans with are not those of its model."""
    shape = recipe.training.base.shape
    for name in ("context", "vocabulary", "layers", "query_heads", "key_heads"):
        if shape and getattr(shape, name) != getattr(most, name):
            raise UserError(
                f"training.base.shape.{name} is {getattr(shape, name)} and {recipe.training.base.name} has "
                f"{getattr(most, name)}; correct the recipe"
            )


def check_corpus(recipe: Recipe, todo: list[Stage]) -> None:
    """Open every shard that will be read and plan every stage, so that an empty or foreign corpus is found now."""
    from training.plans import stage_plans, stage_shards
    from training.shards import check_vocabulary

    vocabulary = limits(recipe).vocabulary
    _check_tokenizer(recipe, vocabulary)
    from training.convert import check_weights
    from training.tracking import domain_readers

    for parent in sorted({stage.parent for stage in todo} - {stage.name for stage in todo}):
        if (workplace(recipe).model(parent) / "record.json").is_file():
            check_weights(workplace(recipe).model(parent))
    domain_readers(recipe)
    for stage in todo:
        for split in ("train", "validation"):
            for shard in stage_shards(recipe, stage, split):
                check_vocabulary(shard, vocabulary)
        stage_plans(recipe, stage)


def _check_tokenizer(recipe: Recipe, vocabulary: int) -> None:
    manifest = read_json(workplace(recipe).manifest, made_by="make corpus")
    tokenizer = manifest.get("tokenizer") or {}
    remedy = "set corpus.tokenizer to the model that is trained, and run `make corpus` again"
    known, size = tokenizer.get("vocabulary_sha256"), tokenizer.get("vocabulary", vocabulary)
    # Models may have more rows than their tokenizer has ids; whether the ids are the same, the hash below tells.
    if size > vocabulary or (size != vocabulary and not known):
        raise UserError(
            f"the corpus was tokenised with {tokenizer.get('name')} ({tokenizer['vocabulary']} ids) and "
            f"{recipe.training.base.name} has {vocabulary}; {remedy}"
        )
    saved = workplace(recipe).model("base")
    if known and (saved / "tokenizer.json").is_file():
        from records.turn_tokens import vocabulary_sha256

        if vocabulary_sha256(saved) != known:
            raise UserError(
                f"the corpus was tokenised with {tokenizer.get('name')}, whose ids stand for other text than those of "
                f"{recipe.training.base.name} ({saved / 'tokenizer.json'}); {remedy}"
            )


def check_disk(recipe: Recipe, todo: list[Stage], base_missing: bool) -> None:
    """Space for the exports still to make and for the checkpoints of one stage at a time."""
    if todo or base_missing:
        require_space(workplace(recipe).build, needed_bytes(recipe, todo, base_missing))


def needed_bytes(recipe: Recipe, todo: list[Stage], base_missing: bool) -> int:
    """Bytes at the worst moment: exports, starting and final weights, and checkpoints (weights, two Adam moments)."""
    weights = model_bytes(recipe)
    kept = 1 + max((stage.recipe.keep_checkpoints for stage in todo), default=0)
    checkpoints = any(stage.recipe.checkpoint_every < stage_steps(stage.recipe, stage.parallel.dp) for stage in todo)
    return weights * (len(todo) + base_missing + (2 if todo else 0) + (3 * kept if checkpoints else 0))


def model_bytes(recipe: Recipe) -> int:
    """Bytes of the fp32 weights: of the base's file once it is made, before that from the size in the recipe's name."""
    file = workplace(recipe).model("base") / "model.safetensors"
    if file.is_file():
        return file.stat().st_size
    if recipe.training.base.asset:
        asset(recipe.training.base.asset)
    units = {"m": 10**6, "b": 10**9}
    size = recipe.training.base.size.lower()
    try:
        return int(float(size[:-1]) * units[size[-1]] * BYTES_A_WEIGHT)
    except (KeyError, ValueError):
        raise UserError(f"training.base.size is {size!r}; write it like 135m or 1.7b") from None
