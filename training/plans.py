"""What a stage reads: its training plan and its held-out plan, made from the corpus's shards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from records.errors import UserError
from records.files import read_json
from records.recipe import Recipe
from records.recipe_training import StageRecipe
from training.data import Reader
from training.examples import pack_whole
from training.packing import Plan, pack_stream, row_of
from training.schedule import stage_steps
from training.shards import Shard, open_shard
from training.stages import Stage, workplace


@dataclass(frozen=True)
class StagePlans:
    """Sequences to train on and sequences to measure on."""

    train: Plan
    held_out: Plan

    def reader(self, stage: StageRecipe, dp: int, dp_rank: int) -> Reader:
        """Reads the training plan as one data parallel rank."""
        return Reader(self.train, stage.micro_batch_size, stage.accumulation, dp, dp_rank)

    def held_out_reader(self, stage: StageRecipe) -> Reader:
        """Reads the held-out plan; every data parallel rank reads all of it."""
        return Reader(self.held_out, stage.micro_batch_size, accumulation=1)

    def loss_tokens(self, sequences: Iterable[int] | None = None) -> int:
        """Positions that carry loss, of some sequences of the training plan or of all."""
        numbers = range(len(self.train.sequences)) if sequences is None else sequences
        return sum(int(row_of(self.train, number).label_mask.sum()) for number in numbers)


def stage_configs(recipe: Recipe, stage: Stage) -> Mapping[str, float]:
    """The corpus configs a stage reads, with their shares of its token stream.

    Raises:
        UserError: the manifest is missing or gives no weights.
    """
    if stage.key == "stage2":
        return {"stage2": 1.0}
    if stage.whole_examples:
        return {"ift": 1.0}
    manifest = read_json(workplace(recipe).manifest, made_by="make corpus")
    weights = {name: float(share) for name, share in sorted(manifest["mix"]["weights"].items()) if share > 0}
    if not weights:
        raise UserError(f"{workplace(recipe).manifest} has no config with a weight in mix.weights; run `make corpus`")
    return weights


def stage_shards(recipe: Recipe, stage: Stage, split: str) -> list[Shard]:
    """Open the shards of a stage."""
    folder = workplace(recipe).corpus / "tokens"
    return [
        open_shard(folder, config, split, with_loss=stage.whole_examples) for config in stage_configs(recipe, stage)
    ]


def stage_plans(recipe: Recipe, stage: Stage) -> StagePlans:
    """Plan a stage. The same corpus, recipe and seed give the same plan."""
    values = stage.recipe
    dp = stage.parallel.dp
    count = stage_steps(values, dp) * values.micro_batch_size * values.accumulation * dp
    train = _pack(recipe, stage, "train", count)
    # A whole number of micro batches, so that measuring uses the shapes of training.
    held = -(-values.held_out_sequences // values.micro_batch_size) * values.micro_batch_size
    return StagePlans(train, _pack(recipe, stage, "validation", held))


def _pack(recipe: Recipe, stage: Stage, split: str, count: int) -> Plan:
    shares = list(stage_configs(recipe, stage).values())
    shards = stage_shards(recipe, stage, split)
    length = stage.recipe.sequence_length
    if stage.whole_examples:
        return pack_whole(shards[0], length, count, stage.seed)
    pairs = zip(shards, shares, strict=True)
    filled = [(shard, share) for shard, share in pairs if split == "train" or len(shard.ends)]
    if not filled:
        raise UserError(f"no validation rows for {stage.title}; raise corpus.validation_share and run `make corpus`")
    return pack_stream([shard for shard, _ in filled], [share for _, share in filled], length, count, stage.seed)
