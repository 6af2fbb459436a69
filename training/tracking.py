"""Held-out loss of the old domain and the new one at fixed steps through the stages: the stability gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from records.errors import UserError
from records.recipe import Recipe
from training.data import Reader
from training.packing import pack_stream
from training.shards import open_shard
from training.stages import workplace

DOMAINS = {"general": ("text", "code"), "agent": ("api_docs", "trajectories")}
"""Old domain and new one, by the configs whose validation splits stand for them."""


def domain_readers(recipe: Recipe) -> dict[str, Reader]:
    """A reader of the held-out sequences of each domain; the same for every stage. Empty where nothing is tracked.

    Raises:
        UserError: a domain has no validation row.
    """
    track = recipe.training.track
    if track is None:
        return {}
    return {domain: Reader(_plan(recipe, domain, configs), 1, 1) for domain, configs in DOMAINS.items()}


def _plan(recipe: Recipe, domain: str, configs: tuple[str, ...]) -> Any:
    track, folder = recipe.training.track, workplace(recipe).corpus / "tokens"
    assert track is not None
    present = [config for config in configs if (folder / config / "validation.ds").is_file()]
    shards = [open_shard(folder, config, "validation", with_loss=False) for config in present]
    filled = [shard for shard in shards if len(shard.ends)]
    if not filled:
        raise UserError(
            f"training.track wants validation rows of {' or '.join(configs)} ({domain}) and {folder} has none; "
            "raise corpus.validation_share and run `make corpus`, or leave training.track out"
        )
    return pack_stream(filled, [1.0] * len(filled), track.sequence_length, track.sequences, recipe.seed)


def tracked_steps(steps: int, points: int) -> frozenset[int]:
    """The finished steps after which domains are measured: 0, and `points` evenly spaced ones up to the last."""
    return frozenset(round(steps * number / points) for number in range(points + 1))


def gap(losses: list[float]) -> Mapping[str, float]:
    """What a domain went through, in nats a token: the rise over its start at worst, and at the end."""
    return {"deepest": round(max(losses) - losses[0], 6), "at_end": round(losses[-1] - losses[0], 6)}
