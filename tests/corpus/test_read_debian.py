"""Debian's documentation as text: packages made here, under licences of every kind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from corpus import notices, read_debian
from corpus.assemble import rights_marks
from corpus.debian_licences import COPYLEFT, package_licence, spdx_of_short_name
from corpus.debian_pages import files_of
from corpus.licences import is_allowed
from corpus.read_debian import DebianTextReader, debian_packages, version_of
from records.errors import UserError

FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
SENTENCE = "The function takes a path and gives back the bytes that the file of that name holds at the time. "
COPYRIGHTS = {
    "free-doc": FORMAT + "Files: *\nCopyright: The makers\nLicense: Expat\n Permission is hereby granted.\n",
    "bound-doc": FORMAT
    + "Files: debian/*\nLicense: Expat\n\nFiles: *\nLicense: GPL-2+\n In /usr/share/common-licenses/GPL-2.\n",
    "prose-doc": "This is free, see the web page.\n",
    "closed-doc": FORMAT + "Files: *\nLicense: CC-BY-NC-4.0\n",
}


def page(text: str, language: str = "en") -> bytes:
    return f'<html lang="{language}"><body><main><p>{text}</p></main></body></html>'.encode()


def package(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    """A .deb with these files and the package's copyright file."""
    tree = folder / "trees" / name
    control = (
        f"Package: {name}\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: Nobody <n@example.org>\nDescription: x\n"
    )
    written = {"DEBIAN/control": control.encode(), f"usr/share/doc/{name}/copyright": COPYRIGHTS[name].encode()}
    for path, content in {**written, **files}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    file = folder / "debian" / f"{name}_1%3a2.0-1_all.deb"
    file.parent.mkdir(exist_ok=True)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(tree), str(file)], check=True, capture_output=True)
    return file


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    for name in COPYRIGHTS:
        files = {f"usr/share/doc/{name}/html/{n}.html": page(f"{name} {n}. " + SENTENCE * 5) for n in range(3)}
        files[f"usr/share/doc/{name}/html/fr.html"] = page("La fonction prend un chemin. " * 20, "fr-FR")
        files[f"usr/share/doc/{name}/html/token.html"] = page("Say <b>&lt;|im_end|&gt;</b>. " + SENTENCE * 5)
        files[f"usr/share/doc/{name}/html/short.html"] = page("No more.")
        package(tmp_path, name, files)
    monkeypatch.setenv("ASSETS", str(tmp_path))
    monkeypatch.setattr(read_debian, "PACKAGES", tuple(COPYRIGHTS))
    return debian_packages()


def counts(reader: DebianTextReader) -> dict[str, int]:
    return {reason: found["count"] for reason, found in reader.dropped.items()}


def test_only_permissive_texts_become_rows_without_consent(packages: dict[str, Path], tmp_path: Path) -> None:
    reader = DebianTextReader(packages, ("<|im_end|>",), tmp_path, None)
    rows = list(reader.run())
    assert {(row.metadata["source"], row.metadata["license"]) for row in rows} == {("debian/free-doc", "MIT")}
    assert len(rows) == 3 and all(row.metadata["config"] == "text" and SENTENCE.strip() in row.text for row in rows)
    assert rows[0].metadata["provenance"]["reader"]["version"] == "1:2.0-1" == version_of(packages["free-doc"])
    assert counts(reader) == {
        "copyleft_without_consent": 6, "licence_unknown": 12, "other_language": 1, "control_token": 1, "too_short": 1,
    }  # fmt: skip
    assert reader.dropped["copyleft_without_consent"]["example"].startswith("debian/bound-doc/usr/share/doc/")


def test_copyleft_comes_in_by_consent_and_keeps_a_release_from_going_out(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    rows = list(DebianTextReader(packages, ("<|im_end|>",), tmp_path, None, copyleft=True).run())
    assert {row.metadata["license"] for row in rows} == {"MIT", "GPL-2.0-or-later"} and len(rows) == 6
    assert rights_marks("debian/bound-doc", {"GPL-2.0-or-later": {"x"}}, frozenset()) == {"restricted": True}
    capped = DebianTextReader(packages, (), tmp_path, 4, copyleft=True)
    assert len(list(capped.run())) == capped.kept == 4


def test_notices_are_the_package_s_own(
    packages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "GPL-2").write_text("the text of version two")
    monkeypatch.setattr(notices, "COMMON_LICENCES", tmp_path)
    rights = {
        f"debian/{name}": {licence: {"x"}} for name, licence in (("free-doc", "MIT"), ("bound-doc", "GPL-2.0-or-later"))
    }
    found = notices.write_notices(rights, tmp_path / "LICENSES")
    assert (
        found["debian/free-doc"]["version"] == "1:2.0-1" and found["debian/bound-doc"]["license"] == "GPL-2.0-or-later"
    )
    assert "Permission is hereby granted" in (tmp_path / "LICENSES/debian_free-doc.txt").read_text()
    assert (tmp_path / "LICENSES/debian_bound-doc.txt").read_text().endswith("the text of version two")


def test_missing_and_damaged_packages_are_named(packages: dict[str, Path], tmp_path: Path) -> None:
    packages["free-doc"].write_bytes(packages["free-doc"].read_bytes()[:900])
    with pytest.raises(UserError, match=r"free-doc_.*is damaged; remove it"):
        list(files_of(packages["free-doc"], (".html",)))
    packages["free-doc"].unlink()
    with pytest.raises(UserError, match=r"needs package free-doc .*make crawl.*debian_texts: 0"):
        debian_packages()


@pytest.mark.parametrize(
    ("short", "spdx"),
    [
        ("Expat", "MIT"), ("GPL-2", "GPL-2.0-only"), ("GPL-2.0+ or CC-BY-SA-3.0", "GPL-2.0-or-later OR CC-BY-SA-3.0"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"), ("GFDL-1.3+", "GFDL-1.3-or-later"), ("FDL-1.2", "GFDL-1.2-only"),
        ("Apache-2.0 and BSD-3-clause", "Apache-2.0 AND BSD-3-Clause"), ("public-domain", None),
        ("Expat and odd", None),
        ("", None), ("GPL-2, Expat or ISC", None),
    ],
)  # fmt: skip
def test_short_names(short: str, spdx: str | None) -> None:
    assert spdx_of_short_name(short) == spdx
    if spdx and ("GPL" in spdx or "GFDL" in spdx):
        assert not is_allowed(spdx) and is_allowed(spdx, COPYLEFT)


def test_the_licence_is_that_of_everything() -> None:
    assert package_licence(COPYRIGHTS["bound-doc"]) == "GPL-2.0-or-later"
    assert package_licence(COPYRIGHTS["prose-doc"]) is None and package_licence("") is None
