"""Distributions as sources: their files, licence and notices, read without importing anything of theirs.

They are installed, or lie in wheels, which are read as zip files.
"""

from __future__ import annotations

import csv
import importlib.metadata
import itertools
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.licences import is_allowed, spdx_of

NOTICE = re.compile(r"(?:\.dist-info/(?:licenses/.*|(?:.*/)?(?:LICEN[CS]E|COPYING|NOTICE)[^/]*)|^LICENSE\.txt)$", re.I)
BENCHMARK_HARNESSES = frozenset({"lm_eval", "lm-eval", "bfcl-eval", "evaluate"})
"""Distributions that carry benchmark questions."""


@dataclass(frozen=True)
class Distribution:
    """One distribution that the corpus may use."""

    name: str
    version: str
    license: str
    """SPDX expression."""
    attribution: str
    url: str
    root: Path | zipfile.Path
    """Folder or wheel that file names are relative to."""
    files: tuple[str, ...]
    readme: str

    def notices(self) -> str:
        """The licence and notice files, one after the other."""
        return "\n".join(text for name in self.files if NOTICE.search(name) and (text := _text(self.root / name)))

    def read(self, file: str) -> str:
        """Text of one file. Raises UnicodeDecodeError or OSError."""
        try:
            return (self.root / file).read_text(encoding="utf-8")
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
            raise OSError(f"{file} of {self.root} cannot be unpacked") from error

    def size(self, file: str) -> int:
        """Bytes of one file. Raises OSError."""
        if isinstance(self.root, Path):
            return (self.root / file).stat().st_size
        try:
            return self.root.root.getinfo(file).file_size
        except KeyError as error:
            raise FileNotFoundError(f"{self.root} holds no {file}") from error


def usable_distributions(
    paths: Sequence[str] | None = None, wheels: Sequence[str] = ()
) -> tuple[list[Distribution], dict[str, list[str]]]:
    """Distributions whose licence allows it, by name, and those left out by named reason.

    Args:
        paths: folders to search in place of `sys.path`.
        wheels: searched after them; of a distribution that is installed too, the wheel is not read.
    """
    found: dict[str, Distribution] = {}
    left_out: dict[str, list[str]] = {}
    # importlib passes over a zip file that is torn without a word.
    if torn := [Path(wheel).name for wheel in wheels if not zipfile.is_zipfile(wheel)]:
        left_out["corrupt_archive"] = torn
    for item, metadata in _found(paths, wheels):
        name = str(metadata["Name"])
        usable = _usable(item, metadata)
        if isinstance(usable, str):
            left_out.setdefault(usable, []).append(name)
        else:
            found[name.lower()] = usable
    return [found[name] for name in sorted(found)], {reason: sorted(names) for reason, names in left_out.items()}


def installed_versions(paths: Sequence[str] | None = None) -> list[str]:
    """`<name>-<version>.dist-info` of every installed distribution: what code and text rows depend on."""
    folders = [Path(folder) for folder in (sys.path if paths is None else paths)]
    return sorted({item.name for folder in folders if folder.is_dir() for item in folder.glob("*.dist-info")})


def _found(paths: Sequence[str] | None, wheels: Sequence[str]) -> Iterator[tuple[importlib.metadata.Distribution, Any]]:
    """Each distribution with its METADATA, which importlib parses anew at every access."""
    items = importlib.metadata.distributions() if paths is None else importlib.metadata.distributions(path=list(paths))
    seen = set()
    # importlib takes a zip file for a folder.
    for item in itertools.chain(items, importlib.metadata.distributions(path=list(wheels))):
        metadata = item.metadata
        name = metadata["Name"]
        # The first on the path is the one Python would import.
        if name and name.lower() not in seen:
            seen.add(name.lower())
            yield item, metadata


def _usable(item: importlib.metadata.Distribution, metadata: Any) -> Distribution | str:
    if metadata["Name"] in BENCHMARK_HARNESSES:
        return "benchmark_harness"
    # RECORD is CSV whose first column is the file; `item.files` would make a path object of each.
    files = tuple(sorted(row[0] for row in csv.reader((item.read_text("RECORD") or "").splitlines()) if row))
    if not files:
        return "no_file_list"
    root = item.locate_file("")
    root = root if isinstance(root, zipfile.Path) else Path(str(root))
    notices = [text for name in files if NOTICE.search(name) and (text := _text(root / name))]
    license_name = spdx_of(metadata, notices)
    if license_name is None:
        return "license_unknown"
    if not is_allowed(license_name):
        return "license_not_allowed"
    return Distribution(
        name=metadata["Name"],
        version=metadata["Version"],
        license=license_name,
        attribution=_attribution(metadata, notices),
        url=_url(metadata),
        root=root,
        files=files,
        readme=str(metadata.get_payload() or metadata["Description"] or ""),
    )


def _text(file: Path | zipfile.Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error):
        return ""


def _attribution(metadata: Any, notices: Sequence[str]) -> str:
    """The copyright line of the licence, else the author of METADATA, else the project's name."""
    for notice in notices:
        if found := re.search(r"^\W*(Copyright (?:\(c\)|©|\d{4})[^\n]{3,120})", notice, re.M | re.I):
            return f"{found[1].strip()} ({metadata['Name']})"
    author = metadata["Author"] or metadata["Author-Email"] or f"The {metadata['Name']} authors"
    return f"{str(author).strip()} ({metadata['Name']})"


def _url(metadata: Any) -> str:
    links = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL") or [] if ", " in line)
    for label in ("Source", "source", "Repository", "repository", "Homepage", "homepage", "GitHub"):
        if label in links:
            return str(links[label])
    return str(metadata["Home-page"] or next(iter(links.values()), ""))
