"""Peak memory of this process and its workers together."""

from __future__ import annotations

import threading
from types import TracebackType

INTERVAL = 0.5
"""Seconds between samples."""


class PeakMemory:
    """Samples the resident memory of the process tree while its block runs."""

    def __init__(self) -> None:
        """Nothing is sampled before the block begins."""
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        import psutil

        process = psutil.Process()
        while True:
            total = 0
            for item in [process, *process.children(recursive=True)]:
                try:
                    total += item.memory_info().rss
                except psutil.Error:
                    continue
            self.peak_bytes = max(self.peak_bytes, total)
            if self._stop.wait(INTERVAL):
                return
