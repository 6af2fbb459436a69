"""Content-addressed blobs on disk: `blobs/<first two>/<sha256>`, written whole or not at all, checked when read."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hub.local.errors import HubError

PIECE_BYTES = 1 << 20
SYNC_THREADS = 16
"""Files that are synced at once share the file system's journal writes."""


class DamagedBlob(Exception):
    """A blob on the disk is not what was stored: it has another sha256 or size, or is gone."""


class BlobWriter:
    """Collects the bytes of one blob in a temporary file and hashes them on the way."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / uuid.uuid4().hex
        self.size = 0
        self._digest = hashlib.sha256()
        self._stream = self.path.open("wb", buffering=0)

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        rest = memoryview(piece)
        self._digest.update(rest)
        self.size += len(rest)
        while rest:  # a raw stream may take less than it is given
            rest = rest[self._stream.write(rest) :]

    def close(self, sync: bool = True) -> str:
        """End writing (and reach the disk, with `sync`); the hex sha256 of what was written."""
        if not self._stream.closed:
            if sync:
                os.fsync(self._stream.fileno())
            self._stream.close()
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Throw the temporary file away."""
        self._stream.close()
        self.path.unlink(missing_ok=True)


class Blobs:
    """All blobs of a store.

    A blob's sha256 is computed when it is written and when it is read. What was found is remembered with the file's
    inode, size and time of change, so that requests for parts of a large file do not each read all of it.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / "blobs"
        self.incoming = root / "incoming"
        for folder in (self.folder, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self._found: dict[str, tuple[tuple[int, int, int], bool]] = {}
        self._checking: dict[str, threading.Lock] = {}

    def path(self, sha256: str) -> Path:
        """Where a blob lies, whether it is there or not. `sha256` must have been checked."""
        return self.folder / sha256[:2] / sha256

    def size(self, sha256: str) -> int | None:
        """Bytes of a stored blob, None when it is not stored or known to be damaged (so that it is sent again)."""
        try:
            status = self.path(sha256).stat()
        except FileNotFoundError:
            return None
        return None if self.known(sha256, status) is False else status.st_size

    def known(self, sha256: str, status: os.stat_result) -> bool | None:
        """Whether the file, as it is now, was found to be good (True) or damaged (False); None if not read yet."""
        key, good = self._found.get(sha256, ((0, 0, 0), None))
        return good if key == _key(status) else None

    def note(self, sha256: str, status: os.stat_result, good: bool) -> None:
        """Remember what reading the whole file showed."""
        self._found[sha256] = (_key(status), good)

    def open(self, sha256: str, size: int) -> tuple[int, os.stat_result]:
        """A file descriptor of a blob and its state. Raises DamagedBlob when it is gone, too short or known damaged."""
        try:
            descriptor = os.open(self.path(sha256), os.O_RDONLY)
        except OSError:
            raise DamagedBlob(sha256) from None
        status = os.fstat(descriptor)
        if status.st_size != size or self.known(sha256, status) is False:
            os.close(descriptor)
            raise DamagedBlob(sha256)
        return descriptor, status

    def check(self, sha256: str, size: int) -> None:
        """Read all of a blob, unless its file was read before and has not changed. Raises DamagedBlob."""
        with self._checking.setdefault(sha256, threading.Lock()):
            descriptor, status = self.open(sha256, size)
            try:
                if self.known(sha256, status) is None:
                    self.note(sha256, status, _digest(descriptor) == sha256)
            finally:
                os.close(descriptor)
            if not self.known(sha256, status):
                raise DamagedBlob(sha256)

    def read(self, sha256: str, size: int) -> bytes:
        """A small blob's bytes. Raises DamagedBlob."""
        descriptor, status = self.open(sha256, size)
        with os.fdopen(descriptor, "rb") as stream:
            content = stream.read()
        if hashlib.sha256(content).hexdigest() != sha256:
            self.note(sha256, status, good=False)
            raise DamagedBlob(sha256)
        return content

    def writer(self) -> BlobWriter:
        """A new temporary blob."""
        return BlobWriter(self.incoming)

    def adopt(self, writer: BlobWriter, expected: str | None = None) -> str:
        """Make a written blob part of the store; its sha256.

        Raises:
            HubError: 400, the bytes do not have the expected sha256; nothing is stored.
        """
        sha256 = writer.close()
        if expected is not None and sha256 != expected:
            writer.discard()
            raise HubError(400, f"The uploaded bytes have sha256 {sha256}, not {expected}")
        self.place({writer.path: sha256})
        return sha256

    def place(self, written: dict[Path, str]) -> None:
        """Give temporary files, which have reached the disk, their places."""
        for path, sha256 in written.items():
            place = self.path(sha256)
            place.parent.mkdir(exist_ok=True)
            os.replace(path, place)
        _sync_all({self.path(sha256).parent for sha256 in written.values()})

    def batch(self) -> BlobBatch:
        """A group of small blobs that are stored together."""
        return BlobBatch(self)

    def store(self, content: bytes) -> str:
        """Store bytes held in memory; their sha256."""
        batch = self.batch()
        sha256 = batch.add(content)
        batch.finish()
        return sha256

    def clear_incoming(self) -> None:
        """Remove what a killed server left half written."""
        for file in self.incoming.iterdir():
            file.unlink()


class BlobBatch:
    """Small blobs written one by one and synced together, which takes a fraction of the time."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._written: dict[Path, str] = {}
        self._hashes: set[str] = set()

    def add(self, content: bytes) -> str:
        """Write bytes, unless the store holds them already; their sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            if self._blobs.path(sha256).read_bytes() == content:  # a damaged one is written anew
                return sha256
        except OSError:
            pass
        if sha256 not in self._hashes:
            self._hashes.add(sha256)
            path = self._blobs.incoming / uuid.uuid4().hex
            self._written[path] = sha256
            path.write_bytes(content)
        return sha256

    def finish(self) -> None:
        """Make all of them part of the store."""
        _sync_all(self._written)
        self._blobs.place(self._written)
        self._written = {}

    def discard(self) -> None:
        """Throw away what was not finished."""
        for path in self._written:
            path.unlink(missing_ok=True)


def _key(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _digest(descriptor: int) -> str:
    digest = hashlib.sha256()
    while piece := os.read(descriptor, PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


def _sync_all(paths: Iterable[Path]) -> None:
    paths = list(paths)
    if len(paths) < 2:
        for path in paths:
            _sync(path)
        return
    with ThreadPoolExecutor(min(SYNC_THREADS, len(paths))) as pool:
        list(pool.map(_sync, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
