"""Reading request bodies: bounded JSON, and streams of any length straight to disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from hub.local.blobs import Blobs, BlobWriter
from hub.local.errors import HubError

MAX_JSON_BYTES = 16 << 20
PIECE_BYTES = 1 << 20


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises HubError 413 when it is longer than `limit` bytes."""
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) > limit:
            raise HubError(413, f"The request body is longer than {limit} bytes")
    return bytes(held)


async def read_json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object, {} when it is empty. Raises HubError 400 or 413."""
    return parse_object(await read_body(request, MAX_JSON_BYTES) or b"{}")


def parse_object(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises HubError 400."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise HubError(400, "The request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise HubError(400, "The request body must be a JSON object")
    return value


async def receive_blob(request: Request, blobs: Blobs, limit: int) -> BlobWriter:
    """Write the body to a temporary blob, hashing in a thread while the next piece arrives.

    Raises:
        HubError: 413, the body is longer than `limit` bytes.
        ClientDisconnect: the client went away; nothing is kept.
    """
    writer = blobs.writer()
    pending: asyncio.Task[None] | None = None
    try:
        async for piece in _pieces(request):
            if pending is not None:
                await pending
            if writer.size + len(piece) > limit:
                raise HubError(413, f"More than {limit} bytes were sent")
            pending = asyncio.ensure_future(run_in_threadpool(writer.write, piece))
        if pending is not None:
            await pending
    except (HubError, ClientDisconnect, OSError, asyncio.CancelledError):
        if pending is not None:
            await asyncio.wait([pending])
        writer.discard()
        raise
    return writer


async def _pieces(request: Request) -> AsyncIterator[bytearray]:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) >= PIECE_BYTES:
            yield held
            held = bytearray()
    if held:
        yield held


async def read_lines(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body's lines, one at a time. Raises HubError 413 when one is longer than `limit` bytes."""
    held = b""
    async for piece in request.stream():
        *lines, held = (held + piece).split(b"\n")
        for line in lines:
            yield line
        if len(held) > limit:
            raise HubError(413, f"A line of the request is longer than {limit} bytes")
    if held:
        yield held
