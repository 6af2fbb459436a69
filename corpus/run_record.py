"""`run.json`: what differs from run to run, and so stays out of the manifest."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Sequence

from corpus.steps import Step, Work, seconds_of
from records.files import write_json

PACKAGES = ("datatrove", "fasttext-community", "faiss-cpu", "sentence-transformers", "torch", "tokenizers", "pyarrow")


def write_run_record(work: Work, steps: Sequence[Step], start: float, peak_bytes: int) -> None:
    """Write date, seconds of each step, peak memory, machine and versions beside the manifest."""
    seconds = seconds_of(work, steps)
    write_json(
        work.output / "run.json",
        {
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)),
            "seconds": round(time.time() - start, 1),
            "steps": seconds,
            "steps_seconds": round(sum(seconds.values()), 1),
            "peak_memory_bytes": peak_bytes,
            "workers": work.workers,
            "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "system": platform.system()},
            "python": platform.python_version(),
            "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        },
    )
