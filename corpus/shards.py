"""Step `shards`: Parquet files, and the last look for leaks before anything is published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.benchmarks import BenchmarkIndex, load_index
from corpus.decontaminate import texts_of
from corpus.executor import progress
from corpus.rows import CONFIGS, SPLITS, read_documents
from corpus.steps import Work, write_report
from corpus.tokenise import row_lengths
from records.errors import UserError
from records.files import canonical_json, replacing

if TYPE_CHECKING:
    from datatrove.data import Document

ROWS_IN_GROUP = 500
"""Rows of a row group: readers that want one row fetch little else."""
SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("messages", pa.string()),
        ("tools", pa.string()),
        ("id", pa.string()),
        ("source", pa.string()),
        ("license", pa.string()),
        ("attribution", pa.string()),
        ("url", pa.string()),
        ("kind", pa.string()),
        ("api_ids", pa.list_(pa.string())),
        ("tokens", pa.int32()),
        ("provenance", pa.string()),
    ]
)
"""Columns of every config. `messages`, `tools` and `provenance` are JSON."""


def write_shards(work: Work, folder: Path) -> None:
    """Write `data/<config>/<split>-00000-of-00001.parquet` and look for leaks in what was written.

    A config without rows gets no file: `load_dataset` cannot read an empty one.

    Raises:
        UserError: a shard holds a leak; nothing is published then.
    """
    recipe = work.recipe.corpus.decontamination
    index = load_index(recipe.benchmarks, recipe.n_gram)
    report: dict[str, Any] = {}
    with progress("shards", "files", len(CONFIGS) * len(SPLITS)) as bar:
        for config in CONFIGS:
            for split in SPLITS:
                rows = list(read_documents(work.step("arrange") / config / f"{split}.jsonl"))
                lengths = row_lengths(work, config, split)
                file = shard_file(folder, config, split)
                if rows:
                    write_shard(file, rows, lengths)
                    refuse_leaks(file, index)
                size = file.stat().st_size if rows else 0
                found = {"documents": len(rows), "tokens": sum(lengths), "bytes": size}
                report.setdefault(config, {})[split] = {**found, "lengths": histogram(lengths)}
                bar.update()
    write_report(folder, report)


def shard_files(folder: Path) -> list[Path]:
    """The Parquet files below a folder that holds `data/`, sorted."""
    return sorted((folder / "data").glob("*/*.parquet"))


def shard_file(folder: Path, config: str, split: str) -> Path:
    """Where a split's Parquet file lies."""
    return folder / "data" / config / f"{split}-00000-of-00001.parquet"


def write_shard(file: Path, rows: list[Document], lengths: list[int]) -> None:
    """Write one Parquet file: zstd, small row groups, page index, content-defined chunks."""
    columns = [columns_of(row, length) for row, length in zip(rows, lengths, strict=True)]
    table = pa.Table.from_pylist(columns, schema=SCHEMA)
    with replacing(file) as partial:
        pq.write_table(
            table,
            partial,
            compression="zstd",
            row_group_size=ROWS_IN_GROUP,
            write_page_index=True,
            use_content_defined_chunking=True,
        )


def columns_of(row: Document, tokens: int) -> dict[str, Any]:
    """A document as a Parquet row."""
    named = {name: row.metadata[name] for name in SCHEMA.names if name in row.metadata}
    provenance = canonical_json(row.metadata["provenance"])
    return {**named, "text": row.text, "id": row.id, "tokens": tokens, "provenance": provenance}


def refuse_leaks(file: Path, index: BenchmarkIndex) -> None:
    """Read a written shard back and raise UserError on the first leak in it."""
    for text, name in _texts(file):
        if leaks := index.leaks(text):
            raise UserError(
                f"{file.name} of {file.parent.name} still holds {leaks[0].item.benchmark} item {leaks[0].item.id} "
                f"in row {name} ({leaks[0].words!r}); nothing was published: report this, decontamination missed it"
            )


def _texts(file: Path) -> Iterator[tuple[str, str]]:
    for batch in pq.ParquetFile(file).iter_batches(columns=["id", "text", "messages", "tools"]):
        for row in batch.to_pylist():
            yield from ((text, row["id"]) for text in texts_of(row["text"], row["messages"], row["tools"]))


def histogram(lengths: list[int]) -> dict[str, int]:
    """Rows by length: the number of rows with at most 2^k tokens and more than 2^(k-1)."""
    counts: dict[int, int] = {}
    for length in lengths:
        bound = 1 << max(0, length - 1).bit_length()
        counts[bound] = counts.get(bound, 0) + 1
    return {str(bound): counts[bound] for bound in sorted(counts)}
