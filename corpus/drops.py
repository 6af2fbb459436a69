"""What a step left out: a count under each named reason, with one example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datatrove.pipeline.base import PipelineStep

from records.files import write_json


class CountingStep(PipelineStep):
    """A datatrove block that counts what it drops and writes the counts of its task when it ends."""

    def __init__(self, folder: Path) -> None:
        """`folder` receives `<rank>.json` with this block's drops."""
        super().__init__()
        self.folder = folder
        self.dropped: dict[str, dict[str, Any]] = {}
        self.kept = 0

    def drop(self, reason: str, example: str) -> None:
        """Count one dropped record; the first of each reason is kept as the example."""
        self.stat_update(f"dropped_{reason}")
        self.dropped.setdefault(reason, {"count": 0, "example": example})["count"] += 1

    def refuse(self, reason: str, example: str) -> str | None:
        """Count a dropped record, in a function that returns None in its place."""
        self.drop(reason, example)
        return None

    def keep(self) -> None:
        """Count one record that goes on."""
        self.stat_update("kept")
        self.kept += 1

    def write_counts(self, rank: int, name: str) -> None:
        """Write the counts of this task."""
        write_json(self.folder / f"{rank:05d}.json", {"name": name, "kept": self.kept, "dropped": self.dropped})


def read_counts(folder: Path) -> dict[str, Any]:
    """`{name: {kept, dropped: {reason: {count, example}}}}`, summed over tasks of the same name."""
    total: dict[str, Any] = {}
    for file in sorted(folder.glob("*.json")):
        part = json.loads(file.read_text(encoding="utf-8"))
        into = total.setdefault(part["name"], {"kept": 0, "dropped": {}})
        into["kept"] += part["kept"]
        for reason, found in sorted(part["dropped"].items()):
            known = into["dropped"].setdefault(reason, {"count": 0, "example": found["example"]})
            known["count"] += found["count"]
    return total
