"""Reading the first rows of a Parquet file, apart from the server and within limits."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from hub.local.blobs import Blobs, DamagedBlob
from hub.local.treestore import Entry

ROWS = 10
WAIT_SECONDS = 20
CACHED = 64


class Viewer:
    """Reads first rows, two files at a time at most, and remembers the last ones."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._turn = threading.BoundedSemaphore(2)
        self._known: OrderedDict[str, dict[str, Any] | None] = OrderedDict()

    def first_rows(self, entry: Entry) -> dict[str, Any] | None:
        """`{columns, rows, total}` of a Parquet file, None when it cannot be read within the limits."""
        with self._turn:
            if entry.sha256 not in self._known:
                self._known[entry.sha256] = self._read(entry)
                while len(self._known) > CACHED:
                    self._known.popitem(last=False)
            return self._known[entry.sha256]

    def _read(self, entry: Entry) -> dict[str, Any] | None:
        script = Path(__file__).with_name("rows.py")
        try:
            self._blobs.check(entry.sha256, entry.size)
            command = [sys.executable, "-I", str(script), str(self._blobs.path(entry.sha256)), str(ROWS)]
            done = subprocess.run(command, capture_output=True, timeout=WAIT_SECONDS, check=True)
            found: dict[str, Any] = json.loads(done.stdout)
            return found
        except (DamagedBlob, subprocess.SubprocessError, ValueError, OSError):
            return None
