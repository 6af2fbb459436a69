"""A Space as it is uploaded: its own files and the ones it lists in vendored.json, in one folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from records.files import replacing

ROOT = Path(__file__).resolve().parent.parent
VENDORED = "vendored.json"
LEFT_OUT = ("__pycache__", ".*", VENDORED)


def assemble(space: str, destination: Path) -> Path:
    """Put the Space `spaces/<space>` together in `destination`, replacing what is there. Returns `destination`."""
    source = ROOT / "spaces" / space
    vendored = json.loads((source / VENDORED).read_text(encoding="utf-8"))
    with replacing(destination) as partial:
        shutil.copytree(source, partial, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for name, original in sorted(vendored.items()):
            shutil.copyfile(ROOT / original, partial / name)
    return destination
