"""The readers that are measured, and one timed run of one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpus.documents import BUNDLE
from corpus.read_botocore import BotocoreReader
from corpus.read_code import CodeReader
from corpus.read_examples import ExamplesReader
from corpus.read_google import GoogleReader
from corpus.read_openapi import OpenApiReader
from corpus.read_python import PythonReader
from corpus.read_text import TextReader
from corpus.sdk_readers import SDKS

if TYPE_CHECKING:
    from datatrove.pipeline.base import PipelineStep

SEED = 1
OfWheel = Callable[[Path, Path, int | None, int], "PipelineStep"]
WHEELS: dict[str, tuple[str, OfWheel]] = {
    "botocore": ("botocore", BotocoreReader),
    "recorded examples": ("botocore", ExamplesReader),
    "google": ("google-api-python-client", GoogleReader),
    **{reader.name: (reader.package, reader) for reader in SDKS.values()},
    "openapi": (BUNDLE, lambda path, folder, limit, seed: OpenApiReader(path, BUNDLE, folder, limit, seed)),
}
"""Package and reader by the name in the record."""
OF_PACKAGES = {name: package for name, (package, _) in WHEELS.items()}
OF_INSTALLED = {"python functions": PythonReader, "code": CodeReader, "text": TextReader}
"""Readers of what this Python has installed."""


@dataclass(frozen=True)
class Case:
    """A reader to measure."""

    name: str
    make: Callable[[Path], PipelineStep]
    """A fresh reader that writes its records into a folder."""
    limit: int | None
    package: Path | None = None
    """What it reads; null where that is what is installed."""


def cases_of(packages: Mapping[str, Path], limit: int | None, installed: int) -> list[Case]:
    """The readers of the packages that are there, and those of what is installed, which are always capped."""
    cases = [
        Case(name, _of_wheel(make, packages[package], limit), limit, packages[package])
        for name, (package, make) in WHEELS.items()
        if package in packages
    ]
    most = min(installed, limit or installed)
    return [*cases, *(Case(name, _of_installed(make, most), most) for name, make in OF_INSTALLED.items())]


def _of_wheel(make: OfWheel, package: Path, limit: int | None) -> Callable[[Path], PipelineStep]:
    return lambda folder: make(package, folder, limit, SEED)


def _of_installed(make: Any, limit: int) -> Callable[[Path], PipelineStep]:
    return lambda folder: make((), folder, limit, SEED)


def run_reader(case: Case, folder: Path) -> dict[str, Any]:
    """Run a reader in this process: `{"documents", "text_megabytes", "seconds"}`, records written included."""
    start = time.perf_counter()
    documents = characters = 0
    for document in case.make(folder).run(None, 0, 1) or ():
        documents += 1
        characters += len(document.text.encode())
    seconds = time.perf_counter() - start
    return {"documents": documents, "text_megabytes": round(characters / 1e6, 3), "seconds": round(seconds, 4)}
