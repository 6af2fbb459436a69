"""`LICENSES/`: the licence and notice texts of every source that gave rows."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from corpus.distributions import usable_distributions
from corpus.licences import ATTRIBUTION
from corpus.read_debian import SOURCE, copyright_of, debian_packages, version_of
from corpus.read_replays import REPLAYS
from corpus.read_text import cpython
from corpus.sdk_readers import SDKS
from records.assets import ROOT, asset, library_wheels, listed_assets
from records.errors import UserError

NOTICE_IN_WHEEL = re.compile(r"[^/]+\.dist-info/(?:licenses/.+|(?:LICEN[CS]E|COPYING|NOTICE)[^/]*)", re.I)
DATA_WHEELS = {
    "botocore": ("Apache-2.0", "boto/botocore"),
    "google-api-python-client": ("Apache-2.0", "googleapis/google-api-python-client"),
    **{reader.package: (reader.license, reader.repository) for reader in SDKS.values()},
    **{item.package: (item.license, item.url.removeprefix("https://github.com/")) for item in REPLAYS.values()},
}
"""SPDX expression and GitHub repository of the wheels that are read as zip files."""
COMMON_LICENCES = Path("/usr/share/common-licenses")
"""Where Debian keeps the texts that its copyright files name."""
APACHE_2 = ROOT / "LICENSE"
CHANGES = (
    "Changes: records were chosen, cut, rendered as text and as messages with tools, cleared of personal data, and put "
    "into the columns of this dataset; each row names its source, its makers and the steps that it went through. It is "
    "offered as it is, without warranties, and nobody named here endorses it."
)
"""What licences of attribution ask whoever changes a work to say."""
OWN_NAME = re.compile(r"[^\w.-]")


def write_notices(rights: Mapping[str, Mapping[str, set[str]]], folder: Path) -> dict[str, dict[str, str]]:
    """Write one text file a source, and return `{source: {version, license, url}}`.

    Args:
        rights: by source, the SPDX expressions of its rows with the attributions under each.
        folder: where the files go.

    Raises:
        UserError: a source has no licence text to pass on.
    """
    wheels = [str(listed_assets()[name].path) for name in library_wheels()]
    known = {item.name: item for item in [*usable_distributions(wheels=wheels)[0], cpython()]}
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in sorted(rights):
        if name in DATA_WHEELS:
            found[name], text = _of_wheel(name)
        elif name.startswith(SOURCE):
            found[name], text = _of_debian(name, all_of(rights[name]))
        elif name in known:
            item = known[name]
            found[name] = {"version": item.version, "license": item.license, "url": item.url}
            text = item.notices() or f"{name} {item.version}\n{item.attribution}\nSPDX: {item.license}\n"
        else:
            version = listed_assets()[name].version if name in listed_assets() else ""
            found[name] = {"version": version, "license": all_of(rights[name]), "url": ""}
            text = declared_notices(rights[name])
        if not text.strip():
            raise UserError(f"{name} carries no licence text, so its rows cannot be passed on; leave it out")
        (folder / f"{OWN_NAME.sub('_', name)}.txt").write_text(text, encoding="utf-8")
    return found


def _of_wheel(name: str) -> tuple[dict[str, str], str]:
    licence, repository = DATA_WHEELS[name]
    about = {"version": asset(name).version, "license": licence, "url": f"https://github.com/{repository}"}
    text = wheel_notices(asset(name).path)
    if not text.strip() and licence == "Apache-2.0":
        # Some wheels name the licence in their METADATA alone; its text must travel with the rows.
        text = f"{name} {about['version']}\n{about['url']}\n\n{APACHE_2.read_text(encoding='utf-8')}"
    return about, text


def _of_debian(name: str, licence: str) -> tuple[dict[str, str], str]:
    """Notices of a Debian package: its copyright file, and the texts that this refers to by path."""
    package = debian_packages()[name.removeprefix(SOURCE)]
    text = copyright_of(package)
    named = sorted(set(re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", text)))
    texts = [file.read_text(encoding="utf-8") for item in named if (file := COMMON_LICENCES / item).is_file()]
    about = {
        "version": version_of(package),
        "license": licence,
        "url": f"https://packages.debian.org/{name.removeprefix(SOURCE)}",
    }
    return about, "\n".join([text, *texts])


def all_of(expressions: Iterable[str]) -> str:
    """One SPDX expression for what is under all of these, each licence named once."""
    parts: set[str] = set()
    for expression in expressions:
        parts.update([f"({expression})"] if " OR " in expression else expression.split(" AND "))
    return " AND ".join(sorted(parts))


def declared_notices(rights: Mapping[str, set[str]]) -> str:
    """Notices of documents that name a licence and carry no text of it: who made them, under what."""
    parts = []
    for licence, attributions in sorted(rights.items()):
        parts += [f"SPDX: {licence} (https://spdx.org/licenses/)", *sorted(attributions), ""]
    for licence, address in ATTRIBUTION.items():
        if any(licence in expression for expression in rights):
            parts += [f"The text of {licence} is at {address}", CHANGES, ""]
    if any("Apache-2.0" in licence for licence in rights):
        parts.append(APACHE_2.read_text(encoding="utf-8"))
    return "\n".join(parts)


def wheel_notices(wheel: Path) -> str:
    """Licence and notice files of a wheel, one after the other."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in sorted(archive.namelist()) if NOTICE_IN_WHEEL.fullmatch(name)]
        return "\n".join(archive.read(name).decode("utf-8", errors="replace") for name in names)
