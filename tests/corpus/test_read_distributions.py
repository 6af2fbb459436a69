"""Licences, code and text of self-made distributions."""

from __future__ import annotations

from email.message import Message
from pathlib import Path

import pytest

from corpus.chunks import chunks_of
from corpus.distributions import usable_distributions
from corpus.docstrings import reference_text
from corpus.licences import is_allowed, spdx_of
from corpus.quality import code_problem, text_problem
from corpus.read_code import CodeReader
from corpus.read_text import TextReader, without_markup

CONTROL = ("<|im_start|>",)


def metadata(**fields: str | list[str]) -> Message:
    message = Message()
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            message[name.replace("_", "-")] = item
    return message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "Apache-2.0 OR BSD-2-Clause"}, "Apache-2.0 OR BSD-2-Clause"),
        ({"License": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"License": "The MIT License (MIT)\n\nCopyright (c) someone"}, "MIT"),
        ({"License": "BSD"}, "BSD-3-Clause"),
        ({"License": "MPL-2.0 AND MIT"}, "MPL-2.0 AND MIT"),
        ({"Classifier": "License :: OSI Approved :: ISC License (ISCL)"}, "ISC"),
        ({"License": "a long text", "Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        (
            {"Classifier": ["License :: OSI Approved :: MIT License", "License :: OSI Approved :: BSD License"]},
            "BSD-3-Clause AND MIT",
        ),
        ({"Classifier": ["License :: OSI Approved :: MIT License", "License :: Other"]}, None),
        ({}, None),
    ],
)
def test_licences_become_spdx(fields: dict, expected: str | None) -> None:
    assert spdx_of(metadata(**fields), []) == expected


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND Apache-2.0", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", False),
        ("(GPL-2.0-only OR MIT) AND ISC", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("LGPL-2.1-or-later", False),
        ("(MIT", False),
        ("", False),
    ],
)
def test_only_permissive_expressions_are_allowed(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_distributions_are_sorted_out_by_licence(site: Path) -> None:
    usable, left_out = usable_distributions([str(site)])
    assert {item.name: item.license for item in usable} == {"counter": "MIT", "free": "BSD-2-Clause"}
    assert left_out == {"license_unknown": ["silent"], "license_not_allowed": ["copyleft"]} or left_out == {
        "license_not_allowed": ["copyleft"],
        "license_unknown": ["silent"],
    }
    counter = next(item for item in usable if item.name == "counter")
    assert counter.attribution.startswith("Copyright (c) 2020 Ada Count") and "MIT License" in counter.notices()


def test_code_rows_and_drop_reasons(site: Path, tmp_path: Path) -> None:
    block = CodeReader(CONTROL, tmp_path / "work", None, 1, [str(site)])
    rows = {row.id: row.metadata for row in block.run()}
    assert set(rows) == {"counter/counter/__init__.py", "free/free/__init__.py"}
    assert rows["free/free/__init__.py"]["license"] == "BSD-2-Clause"
    assert {reason: found["count"] for reason, found in block.dropped.items()} == {
        "license_not_allowed": 1, "license_unknown": 1, "vendored": 1, "test_file": 1, "generated": 1,
        "mostly_data": 1, "not_utf8": 1, "control_token": 1,
    }  # fmt: skip


def test_code_is_not_run(tmp_path: Path) -> None:
    from tests.corpus.conftest import GOOD_CODE, add_distribution

    trap = f"raise SystemExit('imported')\n{GOOD_CODE}"
    add_distribution(tmp_path / "site", "trap", "License: MIT\n\n", {"trap/__init__.py": trap})
    rows = list(CodeReader(CONTROL, tmp_path / "work", None, 1, [str(tmp_path / "site")]).run())
    assert [row.text for row in rows] == [trap]


def test_text_rows_are_chunks_with_their_licence(site: Path, tmp_path: Path) -> None:
    block = TextReader(CONTROL, tmp_path / "work", None, 1, [str(site)])
    rows = list(block.run())
    readme = [row for row in rows if row.metadata["kind"] == "readme"]
    assert len(readme) > 1 and all(row.metadata["license"] == "MIT" for row in readme)
    assert all(len(row.text) <= 2400 for row in rows)
    assert len({row.id for row in rows}) == len(rows)


def test_chunks_hold_the_whole_text() -> None:
    text = "\n\n".join([f"paragraph {n} " + "word " * (n * 7 % 90) for n in range(80)] + ["x" * 900])
    chunks = chunks_of(text, 400)
    assert max(map(len, chunks)) <= 400
    assert "".join("".join(chunks).split()) == "".join(text.split())


def test_reference_text_takes_public_docstrings() -> None:
    long = "Explains in a sentence that is long enough to be of use to whoever reads it, and then some more."
    source = f'"""The module."""\ndef shown(a, b=1):\n    """{long}"""\ndef _hidden():\n    """{long}"""\n'
    text = reference_text(source, "pack.part")
    assert text.startswith("pack.part\n=========\n\nThe module.") and "shown(a, b=1)\n\nExplains" in text
    assert "_hidden" not in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = 1\n", "too_short"),
        ("x = 1  # " + "y" * 600 + "\n", "long_lines"),
        ("def f(:\n" + "    pass\n" * 60, "not_python"),
        ("x = 'a'\n" * 50_000, "too_long"),
    ],
)
def test_code_problems_are_named(text: str, reason: str) -> None:
    assert code_problem(text) == reason


def test_text_problems_are_named() -> None:
    assert text_problem("short") == "too_short"
    assert text_problem("| 1 | 2 | 3 |\n" * 50) == "not_prose"
    assert text_problem("These are plain words in a row that say something. " * 10) is None
    assert without_markup("<p align=center>\n![b](x.png)\nHello <b>you</b>") == "Hello you"
