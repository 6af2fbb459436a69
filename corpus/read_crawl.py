"""Reader of crawls: the text of HTML pages in WARC files, extracted by resiliparse."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from corpus.drops import CountingStep

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

LONGEST_PAGE = 20_000_000
"""Bytes of a page that is read; longer ones are data or damage."""
SHORTEST_TEXT = 250
"""Characters."""


class CrawlReader(CountingStep):
    """Yields a document a page: its main text, and the address as its id.

    Pages that give nothing are counted as `unreadable` (a damaged record), `not_a_page` (no successful HTML answer),
    `too_long`, `no_text` or `too_short`. NUL bytes are left out of a page; a charset that it does not declare, or
    declares wrongly, is guessed from its bytes.
    """

    type = "🕸 - READER"
    name = "crawl"

    def __init__(self, files: tuple[Path, ...], folder: Path) -> None:
        """Args: WARC files, gzip or plain, that tasks share among them; and the folder of the counts."""
        super().__init__(folder / "drops")
        self.files = files

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield the documents, then write the counts."""
        from datatrove.data import Document

        for file in self.files[rank::world_size]:
            for url, content in self._pages(file):
                text = page_text(content)
                if text is None:
                    self.drop("no_text", url)
                elif len(text) < SHORTEST_TEXT:
                    self.drop("too_short", url)
                else:
                    self.keep()
                    yield Document(text=text, id=url, metadata={"bytes": len(content)})
        self.write_counts(rank, self.name)

    def _pages(self, file: Path) -> Iterator[tuple[str, bytes]]:
        with file.open("rb") as stream:
            yield from warc_pages(stream, file.name, self.drop)


def warc_pages(stream: BinaryIO, name: str, drop: Callable[[str, str], object]) -> Iterator[tuple[str, bytes]]:
    """Address and bytes of the HTML pages of a WARC file, gzip or plain.

    Behind a damaged record reading goes on at the next one. What gives no page is told to `drop` with its reason.

    Args:
        stream: of the file; it must be able to seek.
        name: of the file, for examples.
        drop: takes reason and example.
    """
    start: int | None = 0
    counted = False
    while start is not None:
        stream.seek(start)
        last, moved = start, False
        try:
            for position, page in _records(stream, name, drop):
                last, moved = start + position, True
                if page is not None:
                    yield page
            return
        except (OSError, ValueError, RuntimeError) as error:
            # Where a damaged record still begins like one, the error is met twice: behind the record before, and alone.
            if moved or not counted:
                drop("unreadable", f"{name}@{last}: {error}")
            counted = moved
        start = next_record(stream, last + 1)


def _records(
    stream: BinaryIO, name: str, drop: Callable[[str, str], object]
) -> Iterator[tuple[int, tuple[str, bytes] | None]]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True, strict_mode=False):
        url = str(record.headers.get("WARC-Target-URI") or f"{name}@{record.stream_pos}")
        content = None
        if record.content_length > LONGEST_PAGE:
            drop("too_long", url)
        elif record.http_headers is None or not _is_page(record):
            drop("not_a_page", url)
        else:
            content = record.reader.read(LONGEST_PAGE + 1)
            if len(content) < record.content_length:
                drop("unreadable", f"{url}: {len(content)} bytes of {record.content_length}")
                content = None
        yield record.stream_pos, None if content is None else (url, content)


def next_record(stream: BinaryIO, start: int) -> int | None:
    """Where the next record of a damaged file may begin, at or behind `start`: a gzip member or a WARC header."""
    stream.seek(0)
    mark = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]" if stream.read(2) == b"\x1f\x8b" else rb"WARC/1\.\d\r?\n")
    stream.seek(start)
    place, before = start, b""
    while block := stream.read(1 << 20):
        if found := mark.search(before + block):
            return place - len(before) + found.start()
        place, before = place + len(block), block[-16:]
    return None


def _is_page(record: Any) -> bool:
    kind = record.http_content_type or ""
    return record.http_headers.status_code == 200 and kind in ("", "text/html", "application/xhtml+xml")


def page_text(content: bytes) -> str | None:
    """The main text of an HTML page, None where there is none."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    charset = detect_encoding(content, from_html_meta=True) or "utf-8"
    if charset.lower().startswith("utf-16") and content[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        charset = "utf-8"  # a page that says so in ASCII is not in it; HTML standard, 13.2.3.2
    html = bytes_to_str(content, charset, errors="replace").replace("\0", "")
    text = str(extract_plain_text(html, main_content=True, alt_texts=False, links=False, form_fields=False)).strip()
    return text or None
