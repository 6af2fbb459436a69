"""Rows of `benchmark_derived` from runs and pairs that public benchmarks published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from corpus.bounded_files import bounded_files
from corpus.drops import CountingStep
from corpus.read_apis import MalformedDocument
from corpus.recorded_formats import FORMATS, Recorded
from corpus.rows import BENCHMARK_DERIVED, Row, ordered_json
from records.calls import render_chat
from records.recipe_corpus import RecordedRecipe

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

LONGEST = 24_000
"""Characters of a dialogue."""
SUFFIXES = (".json", ".jsonl", ".csv")


class RecordedReader(CountingStep):
    """One row a dialogue, each dialogue once."""

    type = "📖 - READER"

    def __init__(self, recorded: RecordedRecipe, source: Path, package: str, folder: Path) -> None:
        """Args: what the recipe says, where the files lie, their name in rows and counts, and the step's folder."""
        super().__init__(folder / "drops")
        self.recorded = recorded
        self.source = source
        self.package = package
        self.name = f"recorded {package}"

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows."""
        seen: set[str] = set()
        try:
            for found in FORMATS[self.recorded.format](self._files()):
                if self.recorded.rows is not None and self.kept >= self.recorded.rows:
                    break
                if not isinstance(found, Recorded):
                    self.drop(found[1], found[0])
                    continue
                text = render_chat(found.messages, found.tools)
                if len(text) > LONGEST:
                    self.drop("too_long", found.id)
                elif text in seen:
                    self.drop("repeated", found.id)
                else:
                    seen.add(text)
                    self.keep()
                    yield self._row(found, text).document()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.drop("malformed_file", f"{self.package}: {error}"[:200])
        self.write_counts(rank, self.name)

    def _files(self) -> dict[str, str]:
        files: dict[str, str] = {}
        try:
            for file in bounded_files(self.source):
                if file.name.endswith(SUFFIXES):
                    try:
                        files[file.name] = file.read().decode("utf-8")
                    except UnicodeDecodeError:
                        self.drop("not_utf8", file.name)
                    except MalformedDocument as reason:
                        self.drop(str(reason), file.name)
        except MalformedDocument as reason:
            self.drop(str(reason), self.source.name)
        return files

    def _row(self, found: Recorded, text: str) -> Row:
        return Row(
            id=f"{self.package}/{found.id}",
            config=BENCHMARK_DERIVED,
            text=text,
            source=self.package,
            license=self.recorded.license,
            attribution=self.recorded.attribution,
            url="",
            kind=f"recorded_{self.recorded.format}",
            messages=ordered_json(found.messages),
            tools=ordered_json(found.tools),
            provenance={"reader": {"name": self.name, "format": self.recorded.format}},
        )
