"""The table at the end of `make all`: what was built, learned and scored, and where it lies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from records.files import read_json
from records.recipe import Recipe, build_folder, command_parser, load_recipe


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A plain text table; the first column is left-aligned, the others right-aligned."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = []
    for row in cells:
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def corpus_table(manifest: dict[str, Any]) -> str:
    """Rows and tokens per config."""
    configs = manifest["configs"].items()
    rows = [(name, f"{config['documents']:,}", f"{config['tokens']:,}") for name, config in configs]
    return table(("config", "rows", "tokens"), rows)


def training_table(models: Path) -> str:
    """Tokens read and held-out loss before and after, per model."""
    rows = []
    for file in sorted(models.glob("*/record.json"), key=lambda path: _stage_order(_load(path))):
        record = _load(file)
        if record["stage"] == "base":
            continue
        loss = record["loss"]
        before, after = f"{loss['heldout_before']:.3f}", f"{loss['heldout']:.3f}"
        rows.append((record["name"], record["stage"], f"{record['tokens']:,}", before, after))
    return table(("model", "stage", "tokens", "loss before", "loss after"), rows)


def score_table(evaluated: Path) -> str:
    """Accuracy in percent with its standard error and n, per task and model."""
    results = {}
    for file in sorted(evaluated.glob("*/results.json"), key=_model_order):
        results[file.parent.name] = _load(file)["record"]["tasks"]
    tasks = sorted({task for scores in results.values() for task in scores})
    rows = []
    for task in tasks:
        cells = [scores.get(task) for scores in results.values()]
        n = next((str(cell["n"]) for cell in cells if cell), "")
        rows.append((task, n, *(_percent(cell) for cell in cells)))
    return table(("score, % ± standard error", "n", *results), rows)


def _percent(score: dict[str, Any] | None) -> str:
    if not score:
        return "-"
    return f"{100 * score['score']:.1f} ± {100 * score['stderr']:.1f}"


def _load(file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return value


def _stage_order(record: dict[str, Any]) -> int:
    return ("base", "stage1", "stage2", "ift", "control", "broad", "broad-ift").index(record["stage"])


def _model_order(file: Path) -> tuple[int, str]:
    name = file.parent.name
    return (0 if name == "base" else 2 if name.startswith("hephaestus") else 1, name)


def places(recipe: Recipe, folder: Path) -> str:
    """Where a person looks next."""
    spoken = "" if recipe.name == "local" else f" RECIPE={recipe.name}"
    lines = [
        ("dataset card", str(folder / "corpus" / "README.md")),
        ("report", str(folder / "eval" / "report.md")),
        ("receipt", str(folder / "release" / "receipt.json")),
        ("demo", f"make demo{spoken}"),
        ("embedded Hub", "make hub"),
    ]
    return "\n".join(f"{name.ljust(14)}{place}" for name, place in lines)


def main(argv: Sequence[str]) -> int:
    """Print the tables."""
    arguments = command_parser("records.summary", "Print what was built, learned and scored.").parse_args(argv)
    recipe = load_recipe(arguments.recipe)
    folder = build_folder(recipe)
    manifest = read_json(folder / "corpus" / "manifest.json", "make corpus")
    parts = (corpus_table(manifest), training_table(folder / "models"), score_table(folder / "eval"))
    print("\n" + "\n\n".join((*parts, places(recipe, folder))))
    return 0


if __name__ == "__main__":
    from records.errors import run_command

    raise SystemExit(run_command(main))
