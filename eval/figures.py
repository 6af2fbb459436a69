"""The picture of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from records.files import replacing

COLOURS = ("#9aa5b1", "#5b8db8", "#d1603d", "#4c956c", "#8d6a9f")


def draw_scores(report: dict[str, Any], target: Path) -> None:
    """Grouped bars with standard errors, one group a category; the same report gives the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    categories = report["categories"]
    roles = [model["role"] for model in report["models"]]
    width = 0.8 / len(roles)
    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    for number, role in enumerate(roles):
        scores = [row["scores"][role] for row in categories.values()]
        places = [place + (number - (len(roles) - 1) / 2) * width for place in range(len(categories))]
        axes.bar(
            places,
            [100 * score["score"] for score in scores],
            width,
            yerr=[100 * score["stderr"] for score in scores],
            capsize=2,
            label=role,
            color=COLOURS[number % len(COLOURS)],
        )
    axes.set_xticks(range(len(categories)), [f"{name}\nn={row['n']}" for name, row in categories.items()], fontsize=8)
    axes.set_ylim(0, 100)
    axes.set_ylabel("right, %")
    axes.set_title("BFCL non-live, official checker")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with replacing(target) as partial:
        figure.savefig(partial, format="png", dpi=120, metadata={"Software": None})
    pyplot.close(figure)
