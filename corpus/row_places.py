"""Rows of JSON Lines files by where they stand: what sorts, splits and copies a corpus that memory need not hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from records.files import replacing

if TYPE_CHECKING:
    from datatrove.data import Document


class Place(NamedTuple):
    """Where a row's line stands."""

    file: int
    """Number of the file among those scanned."""
    start: int
    """Byte."""
    size: int
    """Bytes, line end included."""


class RowFiles:
    """JSON Lines files that stay open while rows are looked up in them."""

    def __init__(self, files: Sequence[Path]) -> None:
        """`files`: in the order that `scan` reads them."""
        self.files = files
        self._open = ExitStack()
        self._streams: dict[int, IO[bytes]] = {}

    def __enter__(self) -> RowFiles:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def scan(self) -> Iterator[tuple[Document, Place]]:
        """Every row with its place, one at a time."""
        for number, file in enumerate(self.files):
            start = 0
            with file.open("rb") as stream:
                for line in stream:
                    yield _document(line), Place(number, start, len(line))
                    start += len(line)

    def line(self, place: Place) -> bytes:
        """A row's line as it stands in its file."""
        if place.file not in self._streams:
            self._streams[place.file] = self._open.enter_context(self.files[place.file].open("rb"))
        self._streams[place.file].seek(place.start)
        return self._streams[place.file].read(place.size)

    def read(self, place: Place) -> Document:
        """The row at a place."""
        return _document(self.line(place))


def write_lines(file: Path, lines: Iterable[bytes]) -> None:
    """Write lines as they are, whole or not at all."""
    with replacing(file) as partial, partial.open("wb") as stream:
        stream.writelines(lines)


def _document(line: bytes) -> Document:
    from datatrove.data import Document

    return Document(**json.loads(line))
