"""The pictures of the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eval.seeds import kind_of
from records.files import replacing

COLOURS = ("#9aa5b1", "#5b8db8", "#d1603d", "#4c956c", "#8d6a9f")
MOST_BARS = 20
MOST_TASKS = 30
"""Tasks in a benchmark's own picture; one with more shows its averages alone."""


def bars(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the first picture shows, by label: the headline of each benchmark; tasks, too, where there is room for all.

    A headline that is no percentage is left out.
    """
    headlines: dict[str, dict[str, Any]] = {}
    tasks: dict[str, dict[str, Any]] = {}
    for name, benchmark in report["benchmarks"].items():
        if "headline" in benchmark["averages"] and benchmark.get("percent", True):
            headlines[name] = benchmark["averages"]["headline"]
        tasks |= {task.removeprefix("bfcl_"): row for task, row in benchmark["tasks"].items()}
    return headlines | tasks if len(headlines) + len(tasks) <= MOST_BARS or not headlines else headlines


def benchmark_bars(name: str, benchmark: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a benchmark's own picture shows: its tasks, and its averages where they are more than one task."""
    family = name.split("_v")[0]
    tasks = {task.removeprefix(f"{family}_"): row for task, row in benchmark["tasks"].items()}
    averages = {
        average.replace("_", " "): row
        for average, row in benchmark["averages"].items()
        if average not in tasks and (average != "headline" or benchmark.get("percent", True))
    }
    return averages | tasks if len(tasks) <= MOST_TASKS else averages


def draw_scores(report: dict[str, Any], folder: Path) -> None:
    """`scores.png` of all benchmarks, and a picture of each; the same report gives the same bytes."""
    with replacing(folder) as partial:
        partial.mkdir()
        how = f"{report['decoding'].get('mode', 'free')} decoding"
        _draw(report, bars(report), f"Scores ± standard error, {how}", partial / "scores.png")
        for name, benchmark in report["benchmarks"].items():
            if groups := benchmark_bars(name, benchmark):
                _draw(report, groups, f"{benchmark['title']} ± standard error, {how}", partial / f"{name}.png")


def _draw(report: dict[str, Any], groups: dict[str, dict[str, Any]], title: str, target: Path) -> None:
    """Grouped bars with standard errors."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    roles = [model["role"] for model in report["models"]]
    kinds = list(dict.fromkeys(kind_of(role) for role in sorted(roles, key=lambda role: role != kind_of(role))))
    width = 0.8 / len(roles)
    figure, axes = pyplot.subplots(figsize=(max(9.0, 0.9 * len(groups)), 4.5), layout="constrained")
    for number, role in enumerate(sorted(roles, key=lambda role: kinds.index(kind_of(role)))):
        scores = [row["scores"][role] for row in groups.values()]
        places = [place + (number - (len(roles) - 1) / 2) * width for place in range(len(groups))]
        axes.bar(
            places,
            [100 * score["score"] for score in scores],
            width,
            yerr=[100 * score["stderr"] for score in scores],
            capsize=2,
            label=role,
            color=COLOURS[kinds.index(kind_of(role)) % len(COLOURS)],
            alpha=1.0 if role in kinds else 0.6,  # further seeds of a kind stand in its colour, lighter
        )
    labels = [f"{name}\nn={row['n']}" for name, row in groups.items()]
    turned = 0 if len(groups) <= 8 else 45
    axes.set_xticks(range(len(groups)), labels, fontsize=8, rotation=turned, ha="right" if turned else "center")
    axes.set_ylim(0, 100)
    axes.set_ylabel("score, %")
    axes.set_title(title)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, format="png", dpi=120, metadata={"Software": None})
    pyplot.close(figure)
