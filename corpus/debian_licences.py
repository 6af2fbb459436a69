"""Licences of Debian packages, from the machine-readable `copyright` file that each of them carries."""

from __future__ import annotations

import re

COPYLEFT = frozenset(
    {f"{name}-{version}-{reach}" for name, versions in {
        "GPL": ("2.0", "3.0"), "LGPL": ("2.0", "2.1", "3.0"), "AGPL": ("3.0",), "GFDL": ("1.1", "1.2", "1.3"),
    }.items() for version in versions for reach in ("only", "or-later")}
    | {"CC-BY-SA-3.0", "CC-BY-SA-4.0", "MPL-1.1", "MPL-2.0"}
)  # fmt: skip
"""Licences that ask for the same licence on what is made of a work."""
_PLAIN = {
    "expat": "MIT",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "apache-2.0": "Apache-2.0",
    "isc": "ISC",
    "postgresql": "PostgreSQL",
    "psf-2": "PSF-2.0",
    "mpl-2.0": "MPL-2.0",
    "mpl-1.1": "MPL-1.1",
    "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-3.0": "CC-BY-SA-3.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
}
"""SPDX by Debian's short name (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/, "Short name")."""
_GNU = re.compile(r"(a?gpl|lgpl|gfdl|fdl)-(\d)(?:\.(\d))?(\+?)")
_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", re.M)


def package_licence(copyright_file: str) -> str | None:
    """SPDX expression of `Files: *`, or None: not in the machine-readable format, or a licence that is not known.

    A page under a pattern of its own is not looked up: such patterns name program files in the packages read here.
    """
    if not re.match(r"Format: .*copyright-format", copyright_file):
        return None
    for paragraph in re.split(r"\n[ \t]*\n", copyright_file):
        fields = {name.lower(): value for name, value in _FIELD.findall(paragraph)}
        if "*" in fields.get("files", "").split():
            return spdx_of_short_name(fields.get("license", "").split("\n")[0].strip())
    return None


def spdx_of_short_name(name: str) -> str | None:
    """`GPL-2+ or CC-BY-SA-3.0` gives `GPL-2.0-or-later OR CC-BY-SA-3.0`; None where a part is not known."""
    parts = re.split(r",?\s+(or|and)\s+", name)
    if "," in name or not name:
        return None
    known = [part.upper() if place % 2 else _single(part) for place, part in enumerate(parts)]
    return " ".join(part for part in known if part) if all(known) else None


def _single(name: str) -> str | None:
    lowered = name.lower()
    if found := _GNU.fullmatch(lowered):
        family = {"fdl": "GFDL"}.get(found[1], found[1].upper())
        return f"{family}-{found[2]}.{found[3] or 0}-{'or-later' if found[4] else 'only'}"
    return _PLAIN.get(lowered)
