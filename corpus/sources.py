"""Step `sources`: every reader as one datatrove task, and the Api records of all of them in one file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datatrove.pipeline.base import PipelineStep

from corpus.api import Api
from corpus.benchmark_sources import benchmark_readers
from corpus.documents import document_readers
from corpus.drops import read_counts
from corpus.executor import jsonl_writer, run_blocks
from corpus.hub_commits import known_commits
from corpus.read_azure_cli import AzureCliReader, AzureExamplesReader
from corpus.read_botocore import BotocoreReader
from corpus.read_code import CodeReader
from corpus.read_debian import DebianTextReader, debian_packages
from corpus.read_examples import ExamplesReader
from corpus.read_google import GoogleReader
from corpus.read_hub import hub_readers
from corpus.read_python import PythonReader
from corpus.read_text import TextReader, TopicsReader
from corpus.rows import jsonl_files, read_documents
from corpus.sdk_readers import SDKS
from corpus.session_rows import WholeServicesReader
from corpus.steps import Work, write_report
from corpus.tokenizer import control_tokens
from records.assets import asset, library_wheels
from records.errors import UserError
from records.files import replacing

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

GOOGLE = "google-api-python-client"
PYTHON_TASKS = 6
"""Tasks that share the Python distributions."""


class OneReaderPerTask(PipelineStep):
    """Runs the reader whose place is the task's rank."""

    type = "📖 - READER"
    name = "sources"

    def __init__(self, readers: Sequence[PipelineStep]) -> None:
        """`readers`, in the order of ranks."""
        super().__init__()
        self.readers = list(readers)

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield what the reader yields."""
        yield from self.readers[rank].run(None, rank, world_size)


def readers(work: Work, folder: Path) -> list[PipelineStep]:
    """The readers of a recipe, the slowest first."""
    caps, seed = work.recipe.corpus.sources, work.recipe.seed
    tokens = control_tokens(work.step("tokenizer"))
    botocore, google = asset("botocore").path, asset(GOOGLE).path
    libraries = [str(asset(name).path) for name in (library_wheels() if caps.library_wheels else ())]
    found: list[PipelineStep] = [
        CodeReader(tokens, folder, caps.code_files, seed, wheels=libraries),
        BotocoreReader(botocore, folder, caps.botocore_apis, seed),
        GoogleReader(google, folder, caps.google_apis, seed),
        *python_readers(work, folder, tokens, libraries),
        TextReader(tokens, folder, caps.text_files, seed, wheels=libraries),
        ExamplesReader(botocore, folder, caps.trajectories, seed),
        TopicsReader(tokens, folder),
    ]
    if caps.debian_texts != 0:
        found.append(DebianTextReader(debian_packages(), tokens, folder, caps.debian_texts, caps.copyleft))
    for key, reader in SDKS.items():
        if (cap := getattr(caps, key)) != 0:
            found.append(reader(asset(reader.package).path, folder, cap, seed))
    if caps.azure_cli_examples != 0:
        found.append(AzureExamplesReader(asset(AzureCliReader.package).path, folder, caps.azure_cli_examples, seed))
    found += document_readers(caps, folder, seed)
    found += benchmark_readers(caps, folder)
    found += hub_readers(caps, tokens, folder, known_commits(work.folder))
    if caps.simulated_sessions:
        clouds = [BotocoreReader(botocore, folder, None, seed), GoogleReader(google, folder, None, seed)]
        found.append(WholeServicesReader(clouds, None, folder, caps.simulated_sessions, seed))
    return found


def python_readers(work: Work, folder: Path, tokens: tuple[str, ...], libraries: Sequence[str]) -> list[PipelineStep]:
    """Readers of Python functions: several share the work where all are read, one takes as many as a cap allows."""
    caps, seed = work.recipe.corpus.sources, work.recipe.seed
    count = PYTHON_TASKS if caps.python_apis is None else 1
    return [
        PythonReader(
            tokens, folder, caps.python_apis, seed, wheels=libraries, methods=caps.python_methods, part=(number, count)
        )
        for number in range(count)
    ]


def read_sources(work: Work, folder: Path) -> None:
    """Run all readers and report what each kept and dropped.

    Raises:
        UserError: a config that everything later needs has no row.
    """
    blocks = readers(work, folder)
    pipeline = [OneReaderPerTask(blocks), jsonl_writer(folder / "rows")]
    run_blocks("sources", pipeline, folder, len(blocks), work.workers)
    with replacing(work.folder / "apis.jsonl") as partial, partial.open("wb") as whole:
        for file in jsonl_files(folder / "apis"):
            with file.open("rb") as part:
                shutil.copyfileobj(part, whole)
    counts: dict[str, int] = {}
    for item in read_documents(*jsonl_files(folder / "rows")):
        counts[item.metadata["config"]] = counts.get(item.metadata["config"], 0) + 1
    for config in ("api_docs", "trajectories", "code", "text"):
        if not counts.get(config):
            raise UserError(f"no row of {config} was read; raise the caps in corpus.sources of the recipe")
    write_report(folder, {"readers": read_counts(folder / "drops"), "rows": counts})


def read_apis(file: Path) -> list[Api]:
    """The Api records that `sources` wrote to `apis.jsonl`."""
    with file.open(encoding="utf-8") as stream:
        return [_api(json.loads(line)) for line in stream]


def _api(values: dict[str, Any]) -> Api:
    return Api(**{**values, "errors": tuple(values["errors"]), "examples": tuple(values["examples"])})
