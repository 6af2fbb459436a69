"""The two binary formats that Xet clients send: xorbs (runs of compressed chunks) and shards (files as lists of runs).

Layouts follow the Xet pages of the Hub's documentation; all integers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lz4.frame

from hub.local.errors import HubError

MAX_XORB_BYTES = 66 << 20
"""64 MiB of content, the headers of its chunks, and a footer."""
MAX_CHUNK_BYTES = 1 << 20
SHARD_TAG = b"HFRepoMetaData\0"
RECORD = 48
NO_HASH = b"\xff" * 32
WITH_VERIFICATION, WITH_METADATA = 1 << 31, 1 << 30
STORED, LZ4, GROUPED_LZ4 = 0, 1, 2


@dataclass(frozen=True)
class Run:
    """Consecutive chunks of one xorb: `[first, end)`."""

    xorb: str
    first: int
    end: int
    size: int
    """Bytes when unpacked."""


@dataclass(frozen=True)
class ShardFile:
    """A file as a shard describes it."""

    sha256: str | None
    runs: tuple[Run, ...]


def hash_text(raw: bytes) -> str:
    """A Xet hash as text: four little-endian 64-bit words in hex."""
    return "".join(f"{word:016x}" for word in struct.unpack("<4Q", raw))


def read_shard(data: bytes) -> list[ShardFile]:
    """The files of an uploaded shard. Raises HubError 400."""
    if not data.startswith(SHARD_TAG) or len(data) < RECORD:
        raise HubError(400, "Not a shard")
    try:
        return list(_shard_files(data, RECORD))
    except struct.error:
        raise HubError(400, "The shard ends too early") from None


def _shard_files(data: bytes, place: int) -> Iterator[ShardFile]:
    while True:
        name, flags, count = struct.unpack_from("<32sII8x", data, place)
        if name == NO_HASH:
            return
        place += RECORD
        if count > (len(data) - place) // RECORD:
            raise HubError(400, "The shard ends too early")
        runs = tuple(_run(data, place + RECORD * number) for number in range(count))
        place += RECORD * count * (2 if flags & WITH_VERIFICATION else 1)
        sha256 = None
        if flags & WITH_METADATA:
            sha256 = hash_text(struct.unpack_from("<32s16x", data, place)[0])
            place += RECORD
        yield ShardFile(sha256, runs)


def _run(data: bytes, place: int) -> Run:
    name, _, size, first, end = struct.unpack_from("<32sIIII", data, place)
    if first >= end:
        raise HubError(400, "A shard names an empty run of chunks")
    return Run(hash_text(name), first, end, size)


def chunk_places(xorb: Path) -> list[int]:
    """Byte offset of each chunk of a xorb, and of the end of the last. Raises HubError 400."""
    places, length = [0], xorb.stat().st_size
    with xorb.open("rb") as stream:
        while places[-1] + 8 <= length:
            stream.seek(places[-1])
            header = stream.read(8)
            if header[:7] == b"XETBLOB":  # the footer, which newer clients leave out
                break
            places.append(places[-1] + 8 + int.from_bytes(header[1:4], "little"))
    if places[-1] > length or len(places) < 2:
        raise HubError(400, "The xorb is damaged")
    return places


def unpack_run(xorb: Path, places: list[int], run: Run) -> Iterator[bytes]:
    """The unpacked chunks of a run. Raises HubError 400 when a chunk is damaged or larger than it says."""
    if run.end >= len(places):
        raise HubError(400, f"Xorb {run.xorb} has no chunk {run.end - 1}")
    with xorb.open("rb") as stream:
        stream.seek(places[run.first])
        for number in range(run.first, run.end):
            yield unpack_chunk(stream.read(places[number + 1] - places[number]))


def unpack_chunk(packed: bytes) -> bytes:
    """One chunk, header included, unpacked. Raises HubError 400."""
    scheme, size = packed[4], int.from_bytes(packed[5:8], "little")
    if packed[0] != 0 or size > MAX_CHUNK_BYTES:
        raise HubError(400, "A chunk of the xorb has an unknown version or is too large")
    if scheme == STORED:
        data = packed[8:]
    elif scheme in (LZ4, GROUPED_LZ4):
        data = _decompress(memoryview(packed)[8:], size)
    else:
        raise HubError(400, f"A chunk of the xorb has the unknown compression {scheme}")
    if len(data) != size:
        raise HubError(400, "A chunk of the xorb has another size than it says")
    return _ungroup(data) if scheme == GROUPED_LZ4 else data


def _decompress(data: memoryview, size: int) -> bytes:
    try:
        # max_length keeps a small chunk from unpacking into gigabytes.
        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, max_length=size + 1))
    except RuntimeError:
        raise HubError(400, "A chunk of the xorb is not valid LZ4") from None


def _ungroup(data: bytes) -> bytes:
    """Undo byte grouping: all first bytes of 4-byte words came first, then all second bytes, and so on."""
    plain, start = bytearray(len(data)), 0
    for lane in range(4):
        count = (len(data) - lane + 3) // 4
        plain[lane::4] = data[start : start + count]
        start += count
    return bytes(plain)
