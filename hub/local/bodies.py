"""Reading request bodies: bounded JSON, lines, and streams of any length straight to disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from hub.local.blobs import Blobs, BlobWriter
from hub.local.errors import HubError

MAX_JSON_BYTES = 16 << 20
PIECE_BYTES = 1 << 20


async def body_stream(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces. Raises HubError 415 when it is compressed: nothing here unpacks what it does not know."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HubError(415, "Content-Encoding is not supported; send the body as it is")
    async for piece in request.stream():
        yield piece


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises HubError 413 when it is longer than `limit` bytes, or says so."""
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > limit):
        raise HubError(413, f"The request body is longer than {limit} bytes")
    held = bytearray()
    async for piece in body_stream(request):
        held += piece
        if len(held) > limit:
            raise HubError(413, f"The request body is longer than {limit} bytes")
    return bytes(held)


async def read_json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object, {} when it is empty. Raises HubError 400, 413 or 415."""
    return parse_object(await read_body(request, MAX_JSON_BYTES) or b"{}")


def parse_object(text: bytes) -> dict[str, Any]:
    """A JSON object. Raises HubError 400, also for what JSON of one's own could not be written from."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise HubError(400, "The request body is not valid JSON") from None
    if not isinstance(value, dict):
        raise HubError(400, "The request body must be a JSON object")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def write_stream(request: Request, write: Callable[[bytearray], object], limit: int) -> int:
    """Hand the body to `write` in large pieces, in a thread while the next one arrives; the number of bytes.

    Raises:
        HubError: 413, the body is longer than `limit` bytes.
        ClientDisconnect: the client went away.
    """
    pending: asyncio.Task[object] | None = None
    size = 0
    try:
        async for piece in _pieces(request):
            size += len(piece)
            if size > limit:
                raise HubError(413, f"More than {limit} bytes were sent")
            if pending is not None:
                await pending
            pending = asyncio.ensure_future(run_in_threadpool(write, piece))
        if pending is not None:
            await pending
    except BaseException:
        if pending is not None:
            await asyncio.wait([pending])
        raise
    return size


async def receive_blob(request: Request, blobs: Blobs, limit: int) -> BlobWriter:
    """Write the body to a temporary blob and hash it.

    Raises:
        HubError: 413, the body is longer than `limit` bytes; 507, the disk is full.
        ClientDisconnect: the client went away; nothing is kept.
    """
    writer = blobs.writer()
    try:
        await write_stream(request, writer.write, limit)
    except OSError:
        writer.discard()
        raise HubError(507, "The disk of this Hub is full") from None
    except (HubError, ClientDisconnect, asyncio.CancelledError):
        writer.discard()
        raise
    return writer


async def _pieces(request: Request) -> AsyncIterator[bytearray]:
    held = bytearray()
    async for piece in body_stream(request):
        held += piece
        if len(held) >= PIECE_BYTES:
            yield held
            held = bytearray()
    if held:
        yield held


async def read_lines(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body's lines, one at a time. Raises HubError 413 when one is longer than `limit` bytes."""
    held = bytearray()
    async for piece in body_stream(request):
        start = len(held)
        held += piece
        end = held.find(b"\n", start)
        while end >= 0:
            yield bytes(held[:end])
            del held[: end + 1]
            end = held.find(b"\n")
        if len(held) > limit:
            raise HubError(413, f"A line of the request is longer than {limit} bytes")
    if held:
        yield bytes(held)
