"""Figures of the card and the datasheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus.filter_words import draw_curves
from corpus.rows import CONFIGS, GROUPS, SPLITS

COLOURS = {"agent": "#2b6cb0", "code": "#2f855a", "text": "#b7791f", "other": "#718096"}
MOST_SOURCES = 20


def draw_figures(manifest: dict[str, Any], reports: dict[str, Any], folder: Path) -> None:
    """Write mix.png, tokens_by_source.png, tokens_by_licence.png, lengths.png and filter_pr.png."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    _mix(manifest, folder / "mix.png")
    _sources(manifest, folder / "tokens_by_source.png")
    _licences(manifest, folder / "tokens_by_licence.png")
    _lengths(reports["shards"], folder / "lengths.png")
    draw_curves(reports["filter"], folder / "filter_pr.png")


def _save(figure: Any, file: Path) -> None:
    from matplotlib import pyplot

    figure.savefig(file, dpi=120, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)


def _mix(manifest: dict[str, Any], file: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3))
    for row, (group, configs) in enumerate(GROUPS.items()):
        left = 0.0
        for number, config in enumerate(configs):
            share = 100 * manifest["mix"]["weights"][config]
            axes.barh(row, share, left=left, color=COLOURS[group], alpha=1 - 0.28 * number, edgecolor="white")
            if share > 2.5:
                axes.text(left + share / 2, row, f"{config}\n{share:.1f} %", ha="center", va="center", fontsize=8)
            left += share
        target = 100 * manifest["mix"]["target"][group]
        axes.plot([target, target], [row - 0.45, row + 0.45], color="black", linewidth=1.5)
    axes.set_yticks(range(len(GROUPS)), list(GROUPS))
    axes.invert_yaxis()
    axes.set_xlabel("share of the stage I token stream, % (line: target)")
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, file)


def _sources(manifest: dict[str, Any], file: Path) -> None:
    largest = sorted(manifest["sources"], key=lambda source: (-source["tokens"], source["name"]))
    shown, rest = largest[:MOST_SOURCES], largest[MOST_SOURCES:]
    names = [f"{source['name']} ({source['license']})" for source in shown] + ([f"{len(rest)} others"] if rest else [])
    tokens = [source["tokens"] for source in shown] + ([sum(s["tokens"] for s in rest)] if rest else [])
    _bars(names, tokens, file)


def _licences(manifest: dict[str, Any], file: Path) -> None:
    totals: dict[str, int] = {}
    for source in manifest["sources"]:
        totals[source["license"]] = totals.get(source["license"], 0) + source["tokens"]
    ordered = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    shown, rest = ordered[:MOST_SOURCES], ordered[MOST_SOURCES:]
    more = [(f"{len(rest)} others", sum(tokens for _, tokens in rest))] if rest else []
    names, tokens = zip(*[*shown, *more], strict=True)
    _bars(names, tokens, file)


def _bars(names: Sequence[str], tokens: Sequence[int], file: Path) -> None:
    """Horizontal bars of tokens: one look tells small ones apart, so the figures stand beside them."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 0.26 * len(names) + 0.8))
    axes.barh(range(len(names)), [count / 1000 for count in tokens], color=COLOURS["agent"])
    for row, count in enumerate(tokens):
        axes.text(count / 1000, row, f" {count / 1000:,.0f}", va="center", fontsize=6)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("thousand tokens")
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, file)


def _lengths(shards: dict[str, Any], file: Path) -> None:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.2))
    for config in CONFIGS:
        counts: dict[int, int] = {}
        for split in SPLITS:
            for bound, count in shards[config][split]["lengths"].items():
                counts[int(bound)] = counts.get(int(bound), 0) + count
        if total := sum(counts.values()):
            bounds = sorted(counts)
            axes.plot(bounds, [100 * counts[bound] / total for bound in bounds], marker="o", markersize=3, label=config)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("tokens of a row, at most")
    axes.set_ylabel("% of the config's rows")
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, file)
