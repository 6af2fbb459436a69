"""A Space as it is uploaded: its own files and the ones it lists in vendored.json, in one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from records.files import replacing
from records.space_folder import VENDORED, vendored_files

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("__pycache__", ".*", VENDORED)


def assemble(space: str, destination: Path) -> Path:
    """Put the Space `spaces/<space>` together in `destination`, replacing what is there. Returns `destination`."""
    source = ROOT / "spaces" / space
    with replacing(destination) as partial:
        shutil.copytree(source, partial, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for name, original in sorted(vendored_files(source).items()):
            shutil.copyfile(original, partial / name)
    return destination
