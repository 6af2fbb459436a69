"""A Space as it is uploaded: its own files and the ones it lists in vendored.json, in one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from records.files import replacing
from records.gallery_choice import CHOSEN, chosen_gallery, which
from records.space_folder import VENDORED, vendored_files

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("__pycache__", ".*", VENDORED)


def add_gallery(build: Path, model: Path, space: Path) -> str:
    """Give an assembled Space the examples chosen for its model, where `make gallery` did; says which it shows."""
    chosen = chosen_gallery(build, model)
    if chosen is not None:
        (space / CHOSEN).parent.mkdir(exist_ok=True)
        shutil.copyfile(chosen, space / CHOSEN)
    return which(chosen)


def assemble(space: str, destination: Path) -> Path:
    """Put the Space `spaces/<space>` together in `destination`, replacing what is there. Returns `destination`."""
    source = ROOT / "spaces" / space
    with replacing(destination) as partial:
        shutil.copytree(source, partial, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for name, original in sorted(vendored_files(source).items()):
            shutil.copyfile(original, partial / name)
    return destination
