"""Turn a trained checkpoint into a published folder: weights, tokenizer, record.json, run.json and the loss curve."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from records.files import list_files, replacing, sha256_file, write_json

NOT_COPIED = frozenset({"model.safetensors", "record.json", "run.json"})
NOT_HASHED = frozenset({"record.json", "run.json", "figures/loss.png"})
CURVE_POINTS = 400


def export_model(
    folder: Path, parent: Path, checkpoint: Path, record: dict[str, Any], run: dict[str, Any], losses: Sequence[float]
) -> None:
    """Write a model folder whole or not at all.

    Args:
        folder: where, for example `models/hephaestus-135m-ift`.
        parent: the model trained from; its config and tokenizer are kept.
        checkpoint: nanotron weights.
        record: all of record.json but `schema`, `curve` and `files`; must be deterministic.
        run: run.json (times, device).
        losses: training loss of each step, in nats a token.
    """
    from training.convert import to_transformers

    with replacing(folder) as partial:
        partial.mkdir()
        for file in sorted(parent.iterdir()):
            if file.is_file() and file.name not in NOT_COPIED:
                shutil.copyfile(file, partial / file.name)
        to_transformers(checkpoint, parent, partial / "model.safetensors")
        draw_losses(partial / "figures" / "loss.png", record["name"], record["tokens"], losses, record["loss"])
        write_json(partial / "run.json", run)
        files = list_files(partial, NOT_HASHED)
        write_json(partial / "record.json", {"schema": 1, **record, "files": files})


def loss_record(losses: Sequence[float], tokens: int, before: float, after: float) -> dict[str, Any]:
    """The `loss` part of a record, in nats a token; the curve holds at most 400 points `[tokens, loss]`."""
    every = -(-len(losses) // CURVE_POINTS)
    points = range(every - 1, len(losses), every)
    return {
        "first": round(losses[0], 6),
        "last": round(losses[-1], 6),
        "heldout_before": round(before, 6),
        "heldout": round(after, 6),
        "curve": [[tokens * (step + 1) // len(losses), round(losses[step], 6)] for step in points],
    }


def parent_link(parent: Path, name: str) -> dict[str, str]:
    """How a record names the model it was trained from."""
    return {"name": name, "record_sha256": sha256_file(parent / "record.json")}


def draw_losses(path: Path, title: str, tokens: int, losses: Sequence[float], held_out: dict[str, Any]) -> None:
    """The training loss over tokens, and the held-out loss before and after."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    path.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    places = [tokens * (step + 1) / len(losses) for step in range(len(losses))]
    axes.plot(places, losses, color="#4477aa", linewidth=1.2, label="training")
    both = [held_out["heldout_before"], held_out["heldout"]]
    axes.plot([0, tokens], both, "o--", color="#cc6677", label="held out")
    axes.set(title=title, xlabel="tokens", ylabel="loss (nats a token)")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
