"""What the stages did to old and new domain (the stability gap), and what the seeds spread: figure and report.

The gap of a domain is how far its held-out loss rises over what the base had, at worst on the way
(arXiv 2406.14833 looks at the same curve for accuracy), and what is left of it at the end.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from records.files import read_json, replacing, write_json, write_text
from records.recipe import Recipe
from training.stages import MADE_BY, Stage, stages, workplace
from training.tracking import gap

Point = tuple[int, dict[str, float]]
COLORS = {"general": "#4477aa", "agent": "#cc6677"}


def write_report(recipe: Recipe) -> Path | None:
    """Write `build/<recipe>/training/`: report.md, report.json and stability_gap.png; None with nothing to say."""
    records = {stage.key: _record(recipe, stage) for stage in stages(recipe)}
    found = {"gap": gaps(recipe, records), "seeds": spread(recipe, records)}
    if not any(found.values()):
        return None
    folder = workplace(recipe).build / "training"
    curves = paths(recipe, records)
    report = {"schema": 1, "recipe": recipe.name, **found, "paths": curves}
    if (folder / "report.json").is_file() and read_json(folder / "report.json", MADE_BY) == _plain(report):
        return folder
    if found["gap"]:
        with replacing(folder / "stability_gap.png") as partial:
            _draw(partial, curves)
    write_text(folder / "report.md", _text(recipe, found))
    write_json(folder / "report.json", report)  # last: it says that the others are whole
    return folder


def _plain(report: dict[str, Any]) -> Any:
    return json.loads(json.dumps(report))


def _record(recipe: Recipe, stage: Stage) -> dict[str, Any]:
    return dict(read_json(workplace(recipe).model(stage.name) / "record.json", MADE_BY))


def paths(recipe: Recipe, records: Mapping[str, dict[str, Any]]) -> dict[str, list[Point]]:
    """Held-out losses over tokens from the base to a last stage: with stages, without, and the control."""
    chains = {"stages I, II, III": ("stage1", "stage2", "ift"), "one broad stage, III": ("broad", "broad-ift")}
    chains["control: III alone"] = ("control",)
    found = {}
    for title, keys in chains.items():
        if all("tracked" in records.get(key, {}) for key in keys):
            found[title] = _joined([records[key] for key in keys])
    return found


def _joined(records: Sequence[dict[str, Any]]) -> list[Point]:
    points: list[Point] = []
    before = 0
    for record in records:
        domains = record["tracked"]["domains"]
        for at, *losses in record["tracked"]["points"]:
            if at or not points:  # the first point of a later stage is the last of the one before
                points.append((before + at, dict(zip(domains, losses, strict=True))))
        before += record["tokens"]
    return points


def gaps(recipe: Recipe, records: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Depth of the gap of each domain on each path, in nats a token: over the base, and over its own best before."""
    return {
        title: {domain: _depths([losses[domain] for _, losses in points]) for domain in points[0][1]}
        for title, points in paths(recipe, records).items()
    }


def _depths(losses: list[float]) -> dict[str, float]:
    # A domain that has learned something may lose it again and still stand below the base.
    rise = max(loss - lowest for loss, lowest in zip(losses, accumulate(losses, min), strict=True))
    return {**gap(losses), "from_lowest": round(rise, 6)}


def spread(recipe: Recipe, records: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Held-out loss after stage III and after the control: mean and sample standard deviation over the seeds."""
    if len(recipe.training.seeds) < 2:
        return {}
    found = {}
    for kind in ("ift", "control"):
        same = [stage for stage in stages(recipe) if stage.kind == kind]
        losses = [records[stage.key]["loss"]["heldout"] for stage in same]
        found[kind] = {
            "seeds": [stage.seed for stage in same],
            "heldout": losses,
            "mean": round(statistics.mean(losses), 6),
            "sd": round(statistics.stdev(losses), 6),
        }
    return found


def _draw(path: Path, found: Mapping[str, Sequence[Point]]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for (title, points), style in zip(found.items(), ("-", "--", ":"), strict=False):
        for domain, color in COLORS.items():
            losses = [losses[domain] for _, losses in points]
            axes.plot([at for at, _ in points], losses, style, color=color, marker=".", label=f"{domain} · {title}")
    axes.set(title="Held-out loss through the stages", xlabel="tokens", ylabel="loss (nats a token)")
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=120, format="png")


def _text(recipe: Recipe, found: Mapping[str, Any]) -> str:
    track = recipe.training.track
    lines = [f"# Training of recipe {recipe.name}", ""]
    if found["gap"]:
        assert track is not None
        lines += [
            f"Held-out loss of general text and code (old) and of API documents and trajectories (new), "
            f"{track.sequences} sequences of {track.sequence_length} tokens each. Rise in nats a token: over the base "
            "at worst and at the end, and over the path's own lowest loss before, at worst.",
            "",
            "| path | domain | over base, deepest | over base, at the end | over its lowest, deepest |",
            "|---|---|---:|---:|---:|",
        ]
        for title, domains in found["gap"].items():
            lines += [
                f"| {title} | {name} | {v['deepest']:+.3f} | {v['at_end']:+.3f} | {v['from_lowest']:+.3f} |"
                for name, v in domains.items()
            ]
        lines += ["", "![Held-out loss through the stages](stability_gap.png)", ""]
    for kind, values in found["seeds"].items():
        lines.append(
            f"- {kind}, seeds {', '.join(map(str, values['seeds']))}: held-out loss {values['mean']:.4f} ± "
            f"{values['sd']:.4f} (mean ± standard deviation)"
        )
    return "\n".join(lines) + "\n"
