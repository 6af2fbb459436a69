"""The examples chosen for a model's Space by `make gallery`: where they lie, and whether they are of given weights."""

from __future__ import annotations

from pathlib import Path

from records.files import read_json, sha256_file
from records.release_data import FOLDER

CHOSEN = f"{FOLDER}/tool_sets.json"
"""Place in a Space of the gallery chosen for its model; beside the code lies the committed one."""
WEIGHTS = "model.safetensors"


def weights_print(model: Path) -> str:
    """sha256 of a model folder's weights, as its record says where there is one; of weights in parts, of their index.

    Raises:
        FileNotFoundError: the folder holds no weights.
    """
    record = model / "record.json"
    listed = read_json(record, "make train").get("files", []) if record.is_file() else []
    known = {row.get("path"): str(row.get("sha256")) for row in listed}
    index = model / f"{WEIGHTS}.index.json"
    return known.get(WEIGHTS) or sha256_file(index if index.is_file() else model / WEIGHTS)


def gallery_path(build: Path, weights: str) -> Path:
    """Where the choice for a model with this print lies in a recipe's build folder."""
    return build / "gallery" / f"{weights[:16]}.json"


def chosen_gallery(build: Path, model: Path) -> Path | None:
    """The choice made for exactly these weights; None where there is none."""
    try:
        weights = weights_print(model)
    except FileNotFoundError:
        return None
    file = gallery_path(build, weights)
    if not file.is_file() or read_json(file, "make gallery")["measured"]["weights_sha256"] != weights:
        return None
    return file


def told(gallery: Path) -> str:
    """One line about a gallery: which model chose its examples, and how many candidates it gets right."""
    measured = read_json(gallery, "make gallery")["measured"]
    return f"examples chosen with {measured['model']}, which gets {measured['right']} of {measured['of']} right"


def which(chosen: Path | None) -> str:
    """Which examples a Space shows."""
    return told(chosen) if chosen else "the examples are the committed ones; `make gallery` chooses some for this model"
