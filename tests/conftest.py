"""What every test shares: no network but loopback, no cache of the user's, and no silent skip in CI."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.processes import Server, start_server

LOOPBACK = ("127.", "::1", "localhost")
LONGEST = ("test_readme.py",)
"""Names of test files by the time they take, the longest first."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With CI=true a skipped test has failed, unless it lacks a GPU: CI has everything else."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and "GPU" not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"


def pytest_configure(config: pytest.Config) -> None:
    """Hugging Face and matplotlib caches lie in a temporary folder.

    Set before a test module is imported: these libraries read the variables once, when they are.
    """
    caches = tempfile.TemporaryDirectory(prefix="hephaestus-caches-")
    config.add_cleanup(caches.cleanup)
    for name in ("HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_ASSETS_CACHE", "HF_XET_CACHE"):
        os.environ.pop(name, None)
    os.environ["HF_HOME"] = str(Path(caches.name) / "hf")
    os.environ["MPLCONFIGDIR"] = str(Path(caches.name) / "mpl")
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first: started last, one would leave the other process with nothing to do."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(autouse=True, scope="module")
def environment_is_left_as_it_was() -> Iterator[None]:
    """A module whose code takes the whole process offline would make others fail, far from the cause."""
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_ENDPOINT", "HF_TOKEN")
    before = {name: os.environ.get(name) for name in names}
    yield
    assert {name: os.environ.get(name) for name in names} == before


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """A connection to anywhere else is an error that names the address."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
            raise OSError(f"a test tried to reach {address[0]}:{address[1]}; tests use loopback only")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An embedded Hub in a process of its own, for one test module."""
    found = start_server(tmp_path_factory.mktemp("build"))
    yield found
    found.kill()
