"""Replays in a process of their own: another environment, no network, a time limit, and files that are gone after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from corpus.bounded_files import bounded_files
from corpus.read_apis import MalformedDocument
from records.assets import ROOT

SECONDS = 300
"""Longest that one benchmark's replay may take, of processor time and of the clock."""
LARGEST_DATA = 64 << 20


def replayed(package: str, wheels: Sequence[Path], splits: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What `replay_child` prints about a package, line by line.

    Args:
        package: name of the benchmark's wheel, as `replay_child.PLAYERS` has it.
        wheels: the wheel and those that it imports, in no particular order.
        splits: splits whose tasks are played.

    Raises:
        MalformedDocument: corrupt_archive, replay_timed_out or replay_failed.
    """
    with tempfile.TemporaryDirectory(prefix="replay-") as place:
        folder = Path(place)
        for wheel in wheels:
            _unpack(wheel, folder)
        output = folder / "played.jsonl"
        with output.open("wb") as stream:
            _run([package, str(folder), str(SECONDS), *splits], folder, stream)
        with output.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)


def _run(arguments: Sequence[str], folder: Path, stream: Any) -> None:
    command = [sys.executable, "-B", "-s", "-m", "corpus.replay_child", *arguments]
    # Nothing of the caller's environment: no tokens, no proxies, and hashes that repeat.
    bare = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", "HOME": str(folder), "TZ": "UTC"}
    try:
        ended = subprocess.run(
            command, cwd=folder, env=bare, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.PIPE,
            timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MalformedDocument("replay_timed_out") from None
    if ended.returncode:
        last = ended.stderr.decode(errors="replace").strip().split("\n")[-1][:200]
        raise MalformedDocument("replay_failed", last)


def _unpack(wheel: Path, folder: Path) -> None:
    """Unpack a wheel, each file within its bound. Environments open their data as files, which a zip has not."""
    root = folder.resolve()
    try:
        for file in bounded_files(wheel):
            target = (root / file.name).resolve()
            if not target.is_relative_to(root):
                raise MalformedDocument("corrupt_archive", f"{wheel.name}: {file.name} leads out of its folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read(LARGEST_DATA))
    except zipfile.BadZipFile:
        raise MalformedDocument("corrupt_archive", wheel.name) from None
