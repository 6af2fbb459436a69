"""One row of the corpus, between steps as a datatrove document and at the end as a Parquet row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from records.files import canonical_json, replacing

if TYPE_CHECKING:
    from datatrove.data import Document

AGENT, CODE, TEXT = ("api_docs", "trajectories", "web"), ("code",), ("text",)
GROUPS = {"agent": AGENT, "code": CODE, "text": TEXT}
"""The groups whose shares the recipe's mix fixes, and the configs in each."""
STREAM = (*AGENT, *CODE, *TEXT)
"""Configs that stage I reads."""
TOKENISED = (*STREAM, "stage2", "ift")
BENCHMARK_DERIVED = "benchmark_derived"
"""Rows made from tasks of public benchmarks: off by default, in shards of their own, and never in the stream."""
CONFIGS = (*TOKENISED, "labels", BENCHMARK_DERIVED)
MAY_BE_EMPTY = ("web", BENCHMARK_DERIVED)
SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Row:
    """What every config's rows hold, `tokens` aside, which tokenisation adds."""

    id: str
    config: str
    text: str
    source: str
    """Package the row was read from."""
    license: str
    """SPDX expression."""
    attribution: str
    url: str
    kind: str
    api_ids: tuple[str, ...] = ()
    messages: str | None = None
    """Messages as JSON, null where the row is plain text."""
    tools: str | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    """Step → why the row is here."""

    def document(self) -> Document:
        """The row as datatrove carries it."""
        from datatrove.data import Document

        names = ("config", "source", "license", "attribution", "url", "kind", "messages", "tools", "provenance")
        metadata = {name: getattr(self, name) for name in names}
        return Document(text=self.text, id=self.id, metadata={**metadata, "api_ids": list(self.api_ids)})


def row_of(document: Document) -> Row:
    """The row that a document carries; metadata of other steps is left out."""
    fields = {name: value for name, value in document.metadata.items() if name in Row.__dataclass_fields__}
    fields["api_ids"] = tuple(fields.get("api_ids", ()))
    return Row(id=document.id, text=document.text, **fields)


def read_documents(*files: Path) -> Iterator[Document]:
    """Documents of JSON Lines files in the order given."""
    from datatrove.data import Document

    for file in files:
        with file.open(encoding="utf-8") as stream:
            for line in stream:
                yield Document(**json.loads(line))


def write_documents(file: Path, documents: Iterable[Document]) -> None:
    """Write documents as JSON Lines that datatrove's JsonlReader reads, whole or not at all."""
    with replacing(file) as partial, partial.open("w", encoding="utf-8") as stream:
        for item in documents:
            stream.write(canonical_json({"id": item.id, "metadata": item.metadata, "text": item.text}) + "\n")


def ordered_json(value: Any) -> str:
    """Compact JSON that keeps the order of keys: messages and tools must render to the row's text again."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def jsonl_files(folder: Path) -> list[Path]:
    """The JSON Lines files of a step, in the order of their tasks."""
    return sorted(folder.glob("*.jsonl"))


def with_reason(document: Document, step: str, reason: dict[str, Any]) -> Document:
    """The same document, whose provenance also says what `step` saw in it."""
    document.metadata["provenance"] = {**document.metadata.get("provenance", {}), step: reason}
    return document
