"""Sending a blob, whole or in part, at constant memory; no byte of a damaged one is sent as if it were good."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.local.blobs import Blobs, DamagedBlob

PIECE_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
_LOG = logging.getLogger("uvicorn.error")


def asked_range(text: str, size: int) -> tuple[int, int] | None:
    """`[start, end)` of a Range header; None for the whole file.

    Several ranges at once and what is no byte range read as the whole file, which RFC 9110 (14.2) allows.

    Raises:
        ValueError: the range lies outside the file (416).
    """
    match = _RANGE.fullmatch(text.replace(" ", ""))
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= end:
        raise ValueError(f"bytes {start}-{end} of {size}")
    return start, end


class BlobResponse(Response):
    """Bytes `[start, end)` of a blob.

    A whole blob is hashed while it is sent, and its last piece is held back until the hash is right: a client that
    has all bytes has the right ones. A part is only sent from a blob that was hashed before (`Blobs.check`).
    """

    def __init__(self, blobs: Blobs, sha256: str, size: int, part: tuple[int, int] | None, headers: dict[str, str]):
        """Raises DamagedBlob when the blob can be seen to be damaged before a byte is sent."""
        super().__init__(None, 206 if part else 200, headers, "application/octet-stream")
        self._blobs, self._sha256 = blobs, sha256
        self._place, self._end = part or (0, size)
        if part:
            blobs.check(sha256, size)
        self._descriptor, self._status = blobs.open(sha256, size)
        self._digest = None if part else hashlib.sha256()
        self.headers["content-length"] = str(self._end - self._place)
        try:
            self._first = self._read()  # of a small blob this is all, so that damage is told with a status
        except DamagedBlob:
            os.close(self._descriptor)
            raise

    def _read(self) -> bytes:
        piece = os.pread(self._descriptor, min(PIECE_BYTES, self._end - self._place), self._place)
        self._place += len(piece)
        if not piece and self._place < self._end:
            raise DamagedBlob(self._sha256)
        if self._digest is not None:
            self._digest.update(piece)
            if self._place == self._end:
                good = self._digest.hexdigest() == self._sha256
                self._blobs.note(self._sha256, self._status, good)
                if not good:
                    raise DamagedBlob(self._sha256)
        return piece

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, reading and hashing the next piece meanwhile; stop when the client has gone."""
        gone = asyncio.ensure_future(_wait_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            piece: bytes = self._first
            while self._place < self._end and not gone.done():
                reading = asyncio.ensure_future(run_in_threadpool(self._read))
                try:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                finally:
                    await asyncio.wait([reading])  # the file must not be closed under it
                piece = reading.result()
            if not gone.done():
                await send({"type": "http.response.body", "body": piece})
        except DamagedBlob:
            # Ending without the promised length breaks the connection, which no client takes for a whole file.
            _LOG.error("blob %s is damaged; its download was broken off", self._sha256)
        finally:
            os.close(self._descriptor)
            gone.cancel()

    def discard(self) -> None:
        """Close the file of a response that is not sent."""
        os.close(self._descriptor)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
