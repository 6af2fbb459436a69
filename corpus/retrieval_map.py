"""The retrieval map: seeds, what was retrieved and what was not, on the two main axes of the seeds' embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from records.files import replacing

MOST = 1500
"""Points of a kind that are drawn, evenly spaced in their order."""
COLOURS = {"not retrieved": "#cbd5e0", "retrieved": "#b7791f", "seeds": "#2b6cb0"}


def two_axes(vectors: Any) -> tuple[Any, Any]:
    """Mean, and the first two principal axes `[dimension, 2]` of vectors; each axis points where it is largest."""
    import numpy as np

    mean = vectors.mean(axis=0)
    _, axes = np.linalg.eigh(np.cov((vectors - mean).T))
    chosen = axes[:, [-1, -2]]
    return mean, chosen * np.sign(chosen[np.abs(chosen).argmax(axis=0), [0, 1]])


def draw_map(seeds: Any, retrieved: Any, others: Any, file: Path) -> None:
    """Write the figure as PNG. Each argument holds unit vectors `[n, dimension]`, n may be 0 but for the seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    mean, axes = two_axes(seeds)
    figure, plot = pyplot.subplots(figsize=(6.5, 5))
    for (name, colour), vectors in zip(COLOURS.items(), (others, retrieved, seeds), strict=True):
        shown = (vectors[:: 1 + len(vectors) // MOST] - mean) @ axes
        plot.scatter(
            shown[:, 0], shown[:, 1], s=5, color=colour, linewidths=0, alpha=0.7, label=f"{name} ({len(vectors):,})"
        )
    plot.set(xlabel="first axis of the seeds", ylabel="second axis", xticks=[], yticks=[])
    plot.legend(fontsize=8, markerscale=2, frameon=False)
    plot.spines[["top", "right"]].set_visible(False)
    with replacing(file) as partial:
        figure.savefig(partial, format="png", dpi=120, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
