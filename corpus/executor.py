"""datatrove's local executor: quiet, with one progress bar, and with its logs kept in the work folder."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import multiprocess
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.logging import setup_default_logger
from tqdm import tqdm

PRELOAD = ["datatrove.pipeline.readers", "datatrove.pipeline.dedup", "datatrove.pipeline.tokens", "corpus.executor"]


class QuietExecutor(LocalPipelineExecutor):
    """LocalPipelineExecutor whose messages go to its log files alone."""

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        with quiet():
            return super()._run_for_rank(rank, local_rank, node_rank)

    def run(self) -> Any:
        """Run all tasks that are not complete."""
        with quiet():
            setup_default_logger()
            return super().run()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what libraries print on stderr nowhere, unless VERBOSE is set."""
    if os.environ.get("VERBOSE"):
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
    setup_default_logger_quietly()


def setup_default_logger_quietly() -> None:
    """Take away loguru's sinks: the last one points at a stream that is closed by now."""
    from loguru import logger

    logger.remove()


def run_blocks(name: str, pipeline: list[PipelineStep], folder: Path, tasks: int, workers: int) -> None:
    """Run datatrove blocks; tasks that an interrupted run completed are not run again.

    Args:
        name: of the executor: its logs lie in `folder/logs/<name>` and its progress bar says it.
        pipeline: blocks, in order.
        folder: the step's work folder.
        tasks: ranks the input is divided among; outputs depend on it, so it never comes from `workers`.
        workers: processes.
    """
    logs = folder / "logs" / name
    executor = QuietExecutor(pipeline, tasks, min(workers, tasks), str(logs))
    multiprocess.set_forkserver_preload(PRELOAD)
    with progress(name, "tasks", tasks) as bar, _following(bar, logs / "completions"):
        executor.run()


@contextlib.contextmanager
def progress(name: str, unit: str, total: int | None = None) -> Iterator[Any]:
    """The progress bar of a step, which says what it counts."""
    with tqdm(total=total, desc=f"corpus · {name}", unit=f" {unit}", file=sys.stderr) as bar:
        yield bar


@contextlib.contextmanager
def _following(bar: Any, completions: Path) -> Iterator[None]:
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(0.2):
            show()

    def show() -> None:
        done = len(list(completions.glob("*"))) if completions.exists() else 0
        if done > bar.n:
            bar.update(done - bar.n)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        show()


def jsonl_writer(folder: Path) -> JsonlWriter:
    """datatrove's JSON Lines writer, one plain file a task."""
    return JsonlWriter(str(folder), output_filename="${rank}.jsonl", compression=None)
