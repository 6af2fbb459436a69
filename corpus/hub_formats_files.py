"""Records of the files datasets come in: JSON arrays, JSON Lines and Parquet, a little at a time."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any

from corpus.foreign_calls import BadRow

PIECE = 1 << 20
"""Bytes read at once."""
LARGEST_RECORD = 32 << 20
"""Most characters of one record of a JSON array or line."""
BATCH = 64
"""Rows of a Parquet file held at once."""
SUFFIXES = (".json", ".jsonl", ".parquet")
_SPACE = " \t\r\n,"


def records_of(name: str, stream: IO[bytes], columns: tuple[str, ...]) -> Iterator[dict[str, Any] | BadRow]:
    """Yield the records of a file, and a BadRow in the place of one that cannot be read.

    Args:
        name: of the file; its suffix says the format.
        stream: its bytes; Parquet needs to seek.
        columns: of a Parquet file, those to read; those it lacks are left out.

    A damaged end gives one last BadRow, damaged_file.
    """
    if name.endswith(".parquet"):
        yield from _of_parquet(stream, columns)
    elif name.endswith(".jsonl"):
        yield from _of_lines(stream)
    else:
        yield from _of_json(stream)


def _of_parquet(stream: IO[bytes], columns: tuple[str, ...]) -> Iterator[dict[str, Any] | BadRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(stream, pre_buffer=False)
        wanted = [name for name in columns if name in file.schema_arrow.names]
        for batch in file.iter_batches(BATCH, columns=wanted or None):
            yield from batch.to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        yield BadRow("damaged_file")


def _of_lines(stream: IO[bytes]) -> Iterator[dict[str, Any] | BadRow]:
    waiting = b""
    while True:
        piece = stream.read(PIECE)
        *lines, waiting = (waiting + piece).split(b"\n") if piece else (waiting, b"")
        for line in lines:
            if line.strip():
                yield _parsed(line)
        if not piece:
            return
        if len(waiting) > LARGEST_RECORD:
            yield BadRow("damaged_file")
            return


def _parsed(line: bytes) -> dict[str, Any] | BadRow:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return BadRow("not_json")
    return value if isinstance(value, dict) else BadRow("not_an_object")


def _of_json(stream: IO[bytes]) -> Iterator[dict[str, Any] | BadRow]:
    """The objects of an array, or one after the other, read as they come."""
    text = _Text(stream)
    if text.next_letter() == "[":
        text.place += 1
    while (letter := text.next_letter()) not in ("", "]"):
        value = text.value() if letter == "{" else None
        if value is None:
            yield BadRow("damaged_file")
            return
        yield value


class _Text:
    """Text of a stream with a place in it; what is before the place is let go when more is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self.held, self.place, self.ended = "", 0, False

    def more(self) -> bool:
        """Read a piece; False at the end."""
        piece = b"" if self.ended else self.stream.read(PIECE)
        self.ended = not piece
        self.held, self.place = self.held[self.place :] + self.decode(piece, final=self.ended), 0
        return not self.ended

    def next_letter(self) -> str:
        """The next letter that is no space or comma, left in its place; empty at the end."""
        while True:
            while self.place < len(self.held):
                if (letter := self.held[self.place]) not in _SPACE:
                    return letter
                self.place += 1
            if not self.more():
                return ""

    def value(self) -> dict[str, Any] | None:
        """The object here, or None where it does not end or is too large."""
        while True:
            try:
                value, self.place = json.JSONDecoder().raw_decode(self.held, self.place)
                return value if isinstance(value, dict) else None
            except (ValueError, RecursionError):
                if len(self.held) > LARGEST_RECORD or not self.more():
                    return None
