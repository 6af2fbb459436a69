"""Fixtures of the training tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.places import Place, make_place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A ready place: base made, corpus written, nothing trained."""
    monkeypatch.setenv("BUILD", str(tmp_path / "build"))
    return make_place(tmp_path, {})


@pytest.fixture(scope="module")
def adapter() -> Iterator[None]:
    """nanotron imported and a process group of one rank started; rank and rounding do not outlive the module."""
    import torch

    from training.device import prepare

    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0")):
            patch.setenv(name, value)
        prepare(threads=1)
        yield
    torch.set_flush_denormal(False)
