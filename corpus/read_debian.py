"""Texts of Debian's documentation packages as `text` rows, where a recipe asks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.chunks import MOST_CHUNKS, chunks_of
from corpus.debian_licences import COPYLEFT, package_licence
from corpus.debian_pages import API_SIDE, HTML, OTHER, files_of
from corpus.drops import CountingStep
from corpus.licences import is_allowed
from corpus.quality import has_control_tokens, text_problem
from corpus.read_crawl import LONGEST_PAGE, page_text
from corpus.rows import Row
from records.assets import assets_folder
from records.errors import UserError

if TYPE_CHECKING:
    from datatrove.data import DocumentsPipeline

PACKAGES = (*API_SIDE, *OTHER)
SOURCE = "debian/"
"""What the names of these sources begin with."""
_LANGUAGE = re.compile(rb"<html[^>]*\blang\s*=\s*[\"']?([a-zA-Z]+)", re.I)


def debian_packages() -> dict[str, Path]:
    """The downloaded packages by name, in the order they are read. Raises UserError: one is missing."""
    folder = assets_folder() / "debian"
    found = {}
    for name in PACKAGES:
        files = sorted(folder.glob(f"{name}_*.deb"))
        if not files:
            raise UserError(
                f"corpus.sources.debian_texts needs package {name} in {folder}; run `make crawl` where apt-get is, "
                "or set debian_texts: 0"
            )
        found[name] = files[0]
    return found


def version_of(package: Path) -> str:
    """Version in a package's file name, where a colon is written %3a."""
    return package.name.split("_")[1].replace("%3a", ":")


def copyright_of(package: Path) -> str:
    """The package's own `copyright` file, empty where it has none."""
    wanted = f"usr/share/doc/{package.name.split('_')[0]}/copyright"
    return next((content.decode("utf-8", "replace") for name, content in files_of(package, (wanted,))), "")


class DebianTextReader(CountingStep):
    """Reads packages in turn, whole; a package whose licence is not known, or not let in, is counted page by page."""

    type = "📖 - READER"
    name = "debian texts"

    def __init__(
        self,
        packages: dict[str, Path],
        control_tokens: tuple[str, ...],
        folder: Path,
        limit: int | None,
        copyleft: bool = False,
    ) -> None:
        """Args: packages by name; special tokens no text may spell; the step's folder; the most pages kept (null: all);
        whether texts under copyleft become rows.
        """
        super().__init__(folder / "drops")
        self.packages = packages
        self.control_tokens = control_tokens
        self.limit = limit
        self.also = COPYLEFT if copyleft else frozenset()

    def run(self, data: DocumentsPipeline = None, rank: int = 0, world_size: int = 1) -> DocumentsPipeline:
        """Yield what came before, then the rows. Raises UserError: a package is damaged."""
        yield from data or ()
        for name, package in self.packages.items():
            licence = package_licence(copyright_of(package))
            for path, content in files_of(package, HTML):
                if self.limit is not None and self.kept >= self.limit:
                    break
                rows = list(self._rows(name, package, licence, path, content))
                if rows:
                    self.keep()
                yield from (row.document() for row in rows)
        self.write_counts(rank, self.name)

    def _rows(self, name: str, package: Path, licence: str | None, path: str, content: bytes) -> Iterator[Row]:
        where = f"{SOURCE}{name}/{path}"
        if licence is None:
            return self.drop("licence_unknown", where)
        if not is_allowed(licence, self.also):
            closed = is_allowed(licence, COPYLEFT)
            return self.drop("copyleft_without_consent" if closed else "licence_not_allowed", where)
        if len(content) > LONGEST_PAGE:
            return self.drop("too_long", where)
        language = _LANGUAGE.search(content[:4000])
        if language and not language[1].lower().startswith(b"en"):
            return self.drop("other_language", where)
        text = page_text(content)
        if text is None:
            return self.drop("no_text", where)
        for number, chunk in enumerate(chunks_of(text)):
            place = f"{where}#{number}"
            if number >= MOST_CHUNKS:
                self.drop("over_the_chunks_of_a_document", place)
            elif has_control_tokens(chunk, self.control_tokens):
                self.drop("control_token", place)
            elif problem := text_problem(chunk):
                self.drop(problem, place)
            else:
                yield self._row(place, name, package, licence, chunk)

    def _row(self, place: str, name: str, package: Path, licence: str, chunk: str) -> Row:
        return Row(
            id=place,
            config="text",
            text=chunk,
            source=SOURCE + name,
            license=licence,
            attribution=f"the authors that Debian's package {name} names in its copyright file",
            url=f"https://packages.debian.org/{name}",
            kind="debian_page",
            provenance={"reader": {"name": self.name, "version": version_of(package)}},
        )
