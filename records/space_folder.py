"""What a Space's `vendored.json` asks for beside its own files, so that it is complete once it is uploaded alone.

The file maps a path in the Space to one of the checkout (`"calls.py": "records/calls.py"`); the entry
`"release/": "build/"` asks for what `records.release_data` writes out of the recipe's build folder.
"""

from __future__ import annotations

from pathlib import Path

from records.files import read_json
from records.recipe import ROOT
from records.release_data import FOLDER

VENDORED = "vendored.json"
RELEASE = (f"{FOLDER}/", "build/")


def vendored_files(space: Path) -> dict[str, Path]:
    """Path in the Space → file of the checkout; empty for a Space that brings everything itself."""
    return {name: ROOT / source for name, source in _listed(space).items() if (name, source) != RELEASE}


def shows_release(space: Path) -> bool:
    """Whether the Space asks for the release's figures."""
    return RELEASE in _listed(space).items()


def _listed(space: Path) -> dict[str, str]:
    file = space / VENDORED
    return dict(read_json(file, "git checkout")) if file.is_file() else {}
