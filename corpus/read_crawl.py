"""Reader of crawls: the text of HTML pages in WARC files, extracted by resiliparse."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

    def _pages(self, file: Path) -> Any:
        from fastwarc.warc import ArchiveIterator, WarcRecordType

        with file.open("rb") as stream:
            records = ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True, strict_mode=False)
            while True:
                try:
                    record = next(records)
                    url = str(record.headers.get("WARC-Target-URI") or f"{file.name}@{record.stream_pos}")
                    if record.content_length > LONGEST_PAGE:
                        self.drop("too_long", url)
                        continue
                    if record.http_headers is None or not _is_page(record):
                        self.drop("not_a_page", url)
                        continue
                    content = record.reader.read(LONGEST_PAGE + 1)
                except StopIteration:
                    return
                except (OSError, ValueError, RuntimeError) as error:
                    self.drop("unreadable", f"{file.name}: {error}")
                    return
                yield url, content


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
