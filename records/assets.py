"""The data wheels of `requirements/assets*.txt`: fetched by `make setup`, checked by sha256, read as zip files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from records.errors import UserError
from records.files import sha256_file

ROOT = Path(__file__).resolve().parent.parent
LISTS = {
    ROOT / "requirements" / "assets.txt": "make setup",
    ROOT / "requirements" / "assets-full.txt": "make setup WHEELS=full",
    ROOT / "requirements" / "assets-libraries.txt": "make setup WHEELS=full",
    ROOT / "requirements" / "assets-replays.txt": "make setup WHEELS=replays",
    ROOT / "requirements" / "assets-npm.txt": "make setup WHEELS=npm",
}
"""The lists, each with the command that fetches what it names."""


@dataclass(frozen=True)
class Asset:
    """One pinned data wheel."""

    name: str
    version: str
    sha256: str
    listed: str
    """Name of the list."""
    fetch: str
    """Command that fetches it."""

    @property
    def path(self) -> Path:
        """Where it lies; a name with `*` where it was not fetched."""
        # npm's own name of a package file, and pip's.
        npm, wheel = f"{self.name}-{self.version}.tgz", f"{self.name.replace('-', '_')}-{self.version}-*.whl"
        packed = npm if self.listed == "assets-npm.txt" else wheel
        return min(assets_folder().glob(packed), default=assets_folder() / packed)


def assets_folder() -> Path:
    """Where the wheels lie: `$ASSETS`, or `build/assets` of this checkout."""
    return Path(os.environ.get("ASSETS") or ROOT / "build" / "assets")


def listed_assets() -> dict[str, Asset]:
    """Every wheel of the lists by package name, whether it was fetched or not."""
    found = {}
    for file, command in LISTS.items():
        listed = re.findall(r"^([\w.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})", file.read_text(), re.M)
        for name, version, digest in listed:
            found[name] = Asset(name, version, digest, file.name, command)
    return found


def library_wheels() -> tuple[str, ...]:
    """Names of the wheels of Python libraries."""
    return tuple(name for name, item in listed_assets().items() if item.listed == "assets-libraries.txt")


def asset(name: str) -> Asset:
    """One wheel, present and with the listed sha256.

    Raises:
        UserError: the wheel is missing or differs from the listed hash.
    """
    wheel = listed_assets()[name]
    path = wheel.path
    if not path.is_file():
        raise UserError(f"the data wheel {path} is missing; run `{wheel.fetch}` to fetch it")
    if sha256_file(path) != wheel.sha256:
        raise UserError(f"{path} does not have the sha256 that requirements/ lists; remove it and run `{wheel.fetch}`")
    return wheel
