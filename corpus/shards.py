"""Step `shards`: Parquet files, and the last look for leaks before anything is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
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
from records.files import canonical_json

if TYPE_CHECKING:
    from datatrove.data import Document

ROWS_IN_GROUP = 500
"""Rows of a row group: readers that want one row fetch little else."""
SHARD_BYTES = 400_000_000
"""A file that has grown to this ends; one more row group fits below the 500 MB that viewers and mirrors like."""
WRITTEN_AS = {"compression": "zstd", "write_page_index": True, "use_content_defined_chunking": True}
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
    """Write `data/<config>/<split>-<number>-of-<files>.parquet` and look for leaks in what was written.

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
                rows = read_documents(work.step("arrange") / config / f"{split}.jsonl")
                lengths = row_lengths(work, config, split)
                files = write_split(folder / "data" / config, split, rows, lengths)
                for file in files:
                    refuse_leaks(file, index)
                size = sum(file.stat().st_size for file in files)
                found = {"documents": len(lengths), "tokens": sum(lengths), "bytes": size}
                report.setdefault(config, {})[split] = {**found, "lengths": histogram(lengths)}
                bar.update()
    write_report(folder, report)


def shard_files(folder: Path) -> list[Path]:
    """The Parquet files below a folder that holds `data/`, sorted."""
    return sorted((folder / "data").glob("*/*.parquet"))


def write_split(
    folder: Path, split: str, rows: Iterable[Document], lengths: Sequence[int], most_bytes: int = SHARD_BYTES
) -> list[Path]:
    """Write the Parquet files of one split: zstd, small row groups, page index, content-defined chunks.

    Rows are held a row group at a time. A file that has reached `most_bytes` is the last but for a new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"*{split}-*.parquet*"):
        stale.unlink()
    written: list[Path] = []
    columns = (columns_of(row, length) for row, length in zip(rows, lengths, strict=True))
    group = list(islice(columns, ROWS_IN_GROUP))
    while group:
        written.append(folder / f".{split}-{len(written):05d}.parquet")
        with written[-1].open("wb") as stream, pq.ParquetWriter(stream, SCHEMA, **WRITTEN_AS) as writer:
            while group and stream.tell() < most_bytes:
                writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))
                group = list(islice(columns, ROWS_IN_GROUP))
    names = [folder / f"{split}-{number:05d}-of-{len(written):05d}.parquet" for number in range(len(written))]
    for file, name in zip(written, names, strict=True):
        file.replace(name)
    return names


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
