"""Weight decay on matrices only, which nanotron 0.4 cannot say: it hands every parameter to AdamW in one group."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import nanotron.helpers
from nanotron.optim import NamedOptimizer

WITHOUT_DECAY = ("norm", "bias", "embedding")


def decays(name: str) -> bool:
    """Whether a parameter decays: not norms, biases and embeddings (nor a head that shares the embedding's weight)."""
    return not any(word in name.rsplit(".pp_block.", 1)[-1] or word in name for word in WITHOUT_DECAY)


class DecayGroups(NamedOptimizer):  # type: ignore[misc]
    """nanotron's NamedOptimizer with each group split in two; it is also what ZeRO and the fp32 accumulator wrap."""

    def __init__(self, named_params_or_groups: Iterable[Any], optimizer_builder: Callable[[Any], Any]) -> None:
        groups = list(named_params_or_groups)
        if not groups or not isinstance(groups[0], dict):
            groups = [{"named_params": groups}]
        super().__init__([part for group in groups for part in _split(group)], optimizer_builder)


def _split(group: dict[str, Any]) -> list[dict[str, Any]]:
    named = list(group["named_params"])
    parts = [[pair for pair in named if decays(pair[0]) == decaying] for decaying in (True, False)]
    kept, bare = ({**group, "named_params": part} for part in parts)
    return [kept, {**bare, "weight_decay": 0.0}]


def use_decay_groups() -> None:
    """Let nanotron build its optimizers so."""
    nanotron.helpers.NamedOptimizer = DecayGroups
