"""The block that reads a crawl's pages, extracts their text and cuts it into chunks, candidates of retrieval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from corpus.chunks import MOST_CHUNKS, chunks_of
from corpus.crawl_files import source_of
from corpus.drops import CountingStep
from corpus.quality import has_control_tokens, text_problem
from corpus.read_crawl import LONGEST_PAGE, SHORTEST_TEXT, page_text, warc_pages
from corpus.rows import Row
from records.errors import UserError
from records.files import stable_hash
from records.recipe_corpus import CrawlRecipe

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

HTML_FILES = 500
"""HTML files that one task reads."""
BATCH = 256
"""Rows of a Parquet file that are in memory at once."""


def parts_of(item: CrawlRecipe, files: Sequence[str]) -> list[list[str]]:
    """The files of each task: big ones alone, HTML pages by the hundred."""
    size = HTML_FILES if item.format == "html" else 1
    return [list(files[start : start + size]) for start in range(0, len(files), size)]


class CrawlChunks(CountingStep):
    """Yields `text` rows, a chunk each, of one part of a crawl; a task reads a part.

    A page is left out as `unreadable`, `not_a_page`, `too_long`, `no_text` or `too_short`; a chunk as
    `over_the_chunks_of_a_page`, `repeated_chunk` (the same text stood in the part before), `control_token`, or for
    what corpus/quality.py says of texts.
    """

    type = "🕸 - READER"
    name = "crawl"

    def __init__(
        self, parts: Sequence[tuple[CrawlRecipe, Sequence[str]]], control_tokens: tuple[str, ...], folder: Path
    ) -> None:
        """Args: crawl and files of every task; special tokens no text may spell; the folder of the counts."""
        super().__init__(folder / "drops")
        self.parts = list(parts)
        self.control_tokens = control_tokens

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the rows, then write the counts."""
        item, files = self.parts[rank]
        seen: set[int] = set()
        for name in files:
            for number, (url, text) in enumerate(self._texts(item, name)):
                if item.pages is not None and number >= item.pages:
                    break
                self.keep()
                yield from (row.document() for row in self._rows(item, url, text, seen))
        self.write_counts(rank, source_of(item))

    def _texts(self, item: CrawlRecipe, name: str) -> Iterator[tuple[str, str]]:
        import fsspec

        try:
            with fsspec.open(name, "rb") as stream:
                if item.format == "parquet":
                    yield from self._columns(item, name, cast("BinaryIO", stream))
                elif item.format == "warc":
                    file = name.rsplit("/", 1)[-1]
                    yield from self._extracted(warc_pages(cast("BinaryIO", stream), file, self.drop))
                else:
                    yield from self._extracted([(f"file:{_below(item, name)}", stream.read(LONGEST_PAGE + 1))])
        except OSError as error:
            self.drop("unreadable", f"{name}: {error}")

    def _extracted(self, pages: Any) -> Iterator[tuple[str, str]]:
        for url, content in pages:
            text = page_text(content) if len(content) <= LONGEST_PAGE else ""
            if text == "":
                self.drop("too_long", url)
            elif text is None:
                self.drop("no_text", url)
            elif len(text) < SHORTEST_TEXT:
                self.drop("too_short", url)
            else:
                yield url, text

    def _columns(self, item: CrawlRecipe, name: str, stream: BinaryIO) -> Iterator[tuple[str, str]]:
        """Texts that are extracted already, as FineWeb has them."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(stream)
            missing = {item.text_column, item.url_column} - set(file.schema_arrow.names)
            if missing:
                raise UserError(
                    f"{name} has no column {', '.join(sorted(missing))} (it has {', '.join(file.schema_arrow.names)}); "
                    "set text_column and url_column in corpus.retrieval.crawls"
                )
            for batch in file.iter_batches(BATCH, columns=[item.text_column, item.url_column]):
                for row in batch.to_pylist():
                    text = str(row[item.text_column] or "").replace("\0", "").strip()
                    url = str(row[item.url_column] or name)
                    if len(text) > LONGEST_PAGE or len(text) < SHORTEST_TEXT:
                        self.drop("too_long" if len(text) > LONGEST_PAGE else "too_short" if text else "no_text", url)
                    else:
                        yield url, text
        except pa.ArrowInvalid as error:
            self.drop("unreadable", f"{name}: {error}")

    def _rows(self, item: CrawlRecipe, url: str, text: str, seen: set[int]) -> Iterator[Row]:
        for number, chunk in enumerate(chunks_of(text)):
            where = f"{url}#{number}"
            if number >= MOST_CHUNKS:
                self.drop("over_the_chunks_of_a_page", where)
            elif (mark := stable_hash(chunk)) in seen:
                self.drop("repeated_chunk", where)
            elif has_control_tokens(chunk, self.control_tokens):
                self.drop("control_token", where)
            elif problem := text_problem(chunk):
                self.drop(problem, where)
            else:
                seen.add(mark)
                yield Row(
                    id=f"crawl/{source_of(item)}/{where}",
                    config="text",
                    text=chunk,
                    source=source_of(item),
                    license=item.license or "unknown",
                    attribution=item.attribution,
                    url=url,
                    kind="page",
                    provenance={"reader": {"name": f"crawl {item.format}"}},
                )


def _below(item: CrawlRecipe, name: str) -> str:
    """A file's path below the folder that the recipe names."""
    return name.split(f"/{item.path.strip('/').rsplit('/', 1)[-1]}/", 1)[-1]
