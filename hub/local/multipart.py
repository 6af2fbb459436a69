"""Large objects that arrive in parts: written into one file, and hashed as they come while they come in order."""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request

from hub.local.blobs import PIECE_BYTES, Blobs
from hub.local.bodies import write_stream
from hub.local.errors import HubError

PART_BYTES = 64 << 20
MAX_PARTS = 10_000
MAX_UPLOADS = 1000


def part_size(size: int) -> int:
    """Bytes of each part but the last."""
    return max(PART_BYTES, -(-size // MAX_PARTS))


def part_count(size: int) -> int:
    """Parts of an object of `size` bytes."""
    return -(-size // part_size(size))


@dataclass
class Upload:
    """An object that is arriving."""

    path: Path
    tags: dict[int, str] = field(default_factory=dict)
    """Part number → its ETag: checksum and length."""
    hashed: int = 0
    """Bytes from the start on that `digest` covers."""
    digest: Any = field(default_factory=hashlib.sha256)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Multipart:
    """Uploads in parts of one server; a restart forgets them, and clients begin anew."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._uploads: dict[tuple[str, int], Upload] = {}
        self._lock = threading.Lock()

    def _upload(self, oid: str, size: int) -> Upload:
        with self._lock:
            if (oid, size) not in self._uploads:
                if len(self._uploads) >= MAX_UPLOADS:
                    raise HubError(503, "Too many unfinished uploads; try again later")
                path = self._blobs.incoming / f"{oid}.{size}"
                path.touch()
                self._uploads[oid, size] = Upload(path)
            return self._uploads[oid, size]

    async def receive(self, request: Request, oid: str, size: int, number: int) -> str:
        """Write one part; its ETag.

        Raises:
            HubError: 400, no such part, or the part has another length than it should; 507, the disk is full.
        """
        if not 1 <= number <= part_count(size):
            raise HubError(400, f"There is no part {number}")
        start = part_size(size) * (number - 1)
        length = min(part_size(size), size - start)
        upload = self._upload(oid, size)
        writer = _PartWriter(upload, start)
        try:
            sent = await write_stream(request, writer.write, length)
        except OSError:
            raise HubError(507, "The disk of this Hub is full") from None
        finally:
            writer.close()
        if sent != length:
            raise HubError(400, f"Part {number} has {sent} bytes, not {length}")
        upload.tags[number] = writer.tag(length)
        return upload.tags[number]

    def complete(self, oid: str, size: int, parts: list[Any]) -> None:
        """Make the object a blob.

        Raises:
            HubError: 400, parts are missing or differ from what was received, or the whole has another sha256.
        """
        upload = self._uploads.get((oid, size))
        if upload is None or _named(parts) != upload.tags or len(upload.tags) != part_count(size):
            raise HubError(400, "Parts of the object are missing or not those that were sent; send it again")
        with upload.lock:
            good = _whole_digest(upload, size) == oid
            with self._lock:
                self._uploads.pop((oid, size), None)
            if not good:
                upload.path.unlink(missing_ok=True)
                raise HubError(400, f"The uploaded bytes do not have sha256 {oid}")
            self._blobs.place({upload.path: oid})


class _PartWriter:
    def __init__(self, upload: Upload, start: int) -> None:
        self._upload, self._place, self._crc = upload, start, 0
        self._descriptor = os.open(upload.path, os.O_WRONLY)

    def write(self, piece: bytearray) -> None:
        rest, place = memoryview(piece), self._place
        while rest:
            done = os.pwrite(self._descriptor, rest, place)
            rest, place = rest[done:], place + done
        self._crc = zlib.crc32(piece, self._crc)
        with self._upload.lock:
            if self._upload.hashed == self._place:
                self._upload.digest.update(piece)
                self._upload.hashed += len(piece)
            elif self._upload.hashed > self._place:  # a part that is sent again may bring other bytes
                self._upload.hashed, self._upload.digest = 0, hashlib.sha256()
        self._place = place

    def tag(self, length: int) -> str:
        return f"{self._crc:08x}-{length}"

    def close(self) -> None:
        os.close(self._descriptor)


def _named(parts: list[Any]) -> dict[Any, str]:
    try:
        return {part["partNumber"]: str(part["etag"]).strip('"') for part in parts}
    except (TypeError, KeyError):
        raise HubError(400, "Each part needs partNumber and etag") from None


def _whole_digest(upload: Upload, size: int) -> str:
    descriptor = os.open(upload.path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        place, digest = upload.hashed, upload.digest
        if os.fstat(descriptor).st_size != size:
            return ""
        while piece := os.pread(descriptor, PIECE_BYTES, place):
            digest.update(piece)
            place += len(piece)
        return str(digest.hexdigest())
    finally:
        os.close(descriptor)
