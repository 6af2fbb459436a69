"""Fixtures of the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.places import Place, make_place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A ready place: base made, corpus written, nothing trained."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    return make_place(tmp_path, {})


@pytest.fixture(scope="module")
def adapter() -> None:
    """nanotron imported and a process group of one rank started in this process."""
    from training.device import prepare

    prepare(threads=1)
