"""Imports go one way (DESIGN): a part imports itself and records, records nothing of ours, nothing imports tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("records", "corpus", "training", "eval", "hub", "spaces")
ALLOWED = {part: {part, "records"} for part in PARTS} | {"records": {"records"}}


def imported_parts(source: str) -> set[str]:
    """Names of our parts that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        found |= {name.split(".")[0] for name in names} & {*PARTS, "tests"}
    return found


@pytest.mark.parametrize("part", PARTS)
def test_part_imports_only_itself_and_records(part: str) -> None:
    files = list((ROOT / part).rglob("*.py"))
    assert files
    for file in files:
        allowed = set() if "function_calling" in file.parts else ALLOWED[part]
        assert imported_parts(file.read_text(encoding="utf-8")) <= allowed, file


def test_a_forbidden_import_is_seen() -> None:
    assert imported_parts("def f():\n    from training.data import x\n    import hub.local") == {"training", "hub"}


def test_files_stay_short() -> None:
    long = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for part in (*PARTS, "tests")
        for file in (ROOT / part).rglob("*.py")
    }
    assert not {name: lines for name, lines in long.items() if lines > 420}
