"""Step `mix`: how often training reads each config, so that the groups have the shares that the recipe wants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpus.rows import GROUPS
from corpus.steps import Work, report_of, write_report


def mix(work: Work, folder: Path) -> None:
    """Write the mix of the stage I token stream."""
    recipe = work.recipe.corpus.mix
    target = {"agent": recipe.agent, "code": recipe.code, "text": recipe.text}
    write_report(folder, mixed(report_of(work, "tokens")["stream"], target, recipe.max_epochs))


def mixed(tokens: Mapping[str, int], target: Mapping[str, float], max_epochs: float) -> dict[str, Any]:
    """Stream length, weights and epochs from the training tokens of each config.

    The stream is long enough that the most plentiful group is read once, and short enough that none is read more than
    `max_epochs` times: T = min(max_g(n_g / s_g), max_epochs · min_g(n_g / s_g)) for tokens n_g and shares s_g.
    Within a group all configs are read equally often. A group without tokens gives its share to the others.

    Args:
        tokens: training tokens by config.
        target: share by group; they sum to 1.
        max_epochs: most times a row is read.
    """
    have = {group: sum(tokens.get(config, 0) for config in configs) for group, configs in GROUPS.items()}
    wanted = {group: share for group, share in target.items() if share > 0 and have[group] > 0}
    total = sum(wanted.values())
    ratios = [have[group] / (share / total) for group, share in wanted.items()]
    stream = min(max(ratios), max_epochs * min(ratios)) if ratios else 0.0
    epochs_of = {group: stream * share / total / have[group] for group, share in wanted.items()}
    epochs = {config: epochs_of.get(group, 0.0) for group, configs in GROUPS.items() for config in configs}
    read = {config: epochs[config] * tokens.get(config, 0) for config in epochs}
    actual = {group: sum(read[config] for config in configs) for group, configs in GROUPS.items()}
    return {
        "target": dict(target),
        "actual": {group: round(part / stream, 6) if stream else 0.0 for group, part in actual.items()},
        "weights": {config: round(part / stream, 6) if stream else 0.0 for config, part in read.items()},
        "epochs": {config: round(times, 6) if tokens.get(config) else 0.0 for config, times in epochs.items()},
        "tokens": {config: tokens.get(config, 0) for config in epochs},
        "stream_tokens": int(stream),
    }
