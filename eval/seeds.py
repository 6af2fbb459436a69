"""The compared pair over several seeds of training: mean and spread of scores and of their difference."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from eval.statistics import mean, mean_stderr

SEED = re.compile(r"-seed\d+$")


def kind_of(role: str) -> str:
    """`ours` of `ours-seed2`."""
    return SEED.sub("", role)


def over_seeds(report: dict[str, Any]) -> dict[str, Any]:
    """Rows of headlines and tasks for the report's pair; {} where it was trained with one seed only.

    Args:
        report: as `report.compare` makes it; a role `ours-seed2` is a further seed of `ours`.

    Returns:
        `{of, against, roles: [[ours, control], …], rows: {<title>: {n, <role>: {mean, sd}, difference: {mean, stderr,
        by_seed}}}}`; scores are fractions, `sd` the sample standard deviation over seeds, `stderr` that of the mean
        difference over seeds. The spread over questions is in the rows of each seed.
    """
    ours, control = report["paired"]["of"], report["paired"]["against"]
    roles = [model["role"] for model in report["models"]]
    pairs = [(role, role.replace(ours, control, 1)) for role in roles if kind_of(role) == ours]
    pairs = sorted(((one, other) for one, other in pairs if other in roles), key=lambda pair: (pair[0] != ours, pair))
    if len(pairs) < 2:
        return {}
    rows = {title: _row(row, pairs, ours, control) for title, row in _rows(report)}
    return {"of": ours, "against": control, "roles": [list(pair) for pair in pairs], "rows": rows}


def _rows(report: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for benchmark in report["benchmarks"].values():
        if "headline" in benchmark["averages"]:
            yield benchmark["title"], benchmark["averages"]["headline"]
        yield from benchmark["tasks"].items()


def _row(row: dict[str, Any], pairs: Sequence[tuple[str, str]], ours: str, control: str) -> dict[str, Any]:
    scores = {
        ours: [row["scores"][one]["score"] for one, _ in pairs],
        control: [row["scores"][other]["score"] for _, other in pairs],
    }
    by_seed = [one - other for one, other in zip(scores[ours], scores[control], strict=True)]
    found: dict[str, Any] = {"n": row["n"]}
    for role, values in scores.items():
        found[role] = {"mean": mean(values), "sd": mean_stderr(values) * math.sqrt(len(values))}
    return found | {"difference": {"mean": mean(by_seed), "stderr": mean_stderr(by_seed), "by_seed": by_seed}}
