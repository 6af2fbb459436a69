"""Content-addressed blobs on disk: `blobs/<first two>/<sha256>`, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path

from hub.local.errors import HubError


class BlobWriter:
    """Collects the bytes of one blob in a temporary file and hashes them on the way."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / uuid.uuid4().hex
        self.size = 0
        self._digest = hashlib.sha256()
        self._stream = self.path.open("wb")

    def write(self, piece: bytes | bytearray | memoryview) -> None:
        """Append bytes."""
        self._stream.write(piece)
        self._digest.update(piece)
        self.size += len(piece)

    def close(self, sync: bool = True) -> str:
        """End writing (and reach the disk, with `sync`); the hex sha256 of what was written."""
        if not self._stream.closed:
            self._stream.flush()
            if sync:
                os.fsync(self._stream.fileno())
            self._stream.close()
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Throw the temporary file away."""
        self._stream.close()
        self.path.unlink(missing_ok=True)


class Blobs:
    """All blobs of a store."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "blobs"
        self.incoming = root / "incoming"
        for folder in (self.folder, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where a blob lies, whether it is there or not. `sha256` must have been checked."""
        return self.folder / sha256[:2] / sha256

    def size(self, sha256: str) -> int | None:
        """Bytes of a stored blob, None when it is not stored."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

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
        place = self.path(sha256)
        place.parent.mkdir(exist_ok=True)
        os.replace(writer.path, place)
        return sha256

    def store(self, content: bytes) -> str:
        """Store bytes held in memory; their sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        if self.size(sha256) is None:
            writer = self.writer()
            writer.write(content)
            self.adopt(writer)
        return sha256

    def clear_incoming(self) -> None:
        """Remove what a killed server left half written."""
        for file in self.incoming.iterdir():
            file.unlink()
