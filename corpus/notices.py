"""`LICENSES/`: the licence and notice texts of every source that gave rows."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from corpus.distributions import usable_distributions
from corpus.read_msgraph import MsGraphReader
from corpus.read_oci import OciReader
from corpus.read_tencentcloud import TencentCloudReader
from corpus.read_text import cpython
from records.assets import ROOT, asset
from records.errors import UserError

NOTICE_IN_WHEEL = re.compile(r"[^/]+\.dist-info/(?:licenses/.+|(?:LICEN[CS]E|COPYING|NOTICE)[^/]*)", re.I)
DATA_WHEELS = {
    "botocore": ("Apache-2.0", "boto/botocore"),
    "google-api-python-client": ("Apache-2.0", "googleapis/google-api-python-client"),
    OciReader.package: (OciReader.license, "oracle/oci-python-sdk"),
    TencentCloudReader.package: (TencentCloudReader.license, "TencentCloud/tencentcloud-sdk-python-intl-en"),
    MsGraphReader.package: (MsGraphReader.license, "microsoftgraph/msgraph-sdk-python"),
}
"""SPDX expression and GitHub repository of the wheels that are read as zip files."""
APACHE_2 = ROOT / "LICENSE"
OWN_NAME = re.compile(r"[^\w.-]")


def write_notices(names: Iterable[str], folder: Path) -> dict[str, dict[str, str]]:
    """Write one text file a source, and return `{source: {version, license, url}}`.

    Raises:
        UserError: a source has no licence text to pass on.
    """
    known = {item.name: item for item in [*usable_distributions()[0], cpython()]}
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name in sorted(names):
        if name in DATA_WHEELS:
            licence, repository = DATA_WHEELS[name]
            url = f"https://github.com/{repository}"
            found[name] = {"version": asset(name).version, "license": licence, "url": url}
            text = wheel_notices(asset(name).path)
            if not text.strip() and licence == "Apache-2.0":
                # Some wheels name the licence in their METADATA alone; its text must travel with the rows.
                text = f"{name} {asset(name).version}\n{url}\n\n{APACHE_2.read_text(encoding='utf-8')}"
        else:
            item = known[name]
            found[name] = {"version": item.version, "license": item.license, "url": item.url}
            text = item.notices() or f"{name} {item.version}\n{item.attribution}\nSPDX: {item.license}\n"
        if not text.strip():
            raise UserError(f"{name} carries no licence text, so its rows cannot be passed on; leave it out")
        (folder / f"{OWN_NAME.sub('_', name)}.txt").write_text(text, encoding="utf-8")
    return found


def wheel_notices(wheel: Path) -> str:
    """Licence and notice files of a wheel, one after the other."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in sorted(archive.namelist()) if NOTICE_IN_WHEEL.fullmatch(name)]
        return "\n".join(archive.read(name).decode("utf-8", errors="replace") for name in names)
