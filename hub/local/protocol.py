"""HTTP/1.1 as uvicorn speaks it, with a bound on the head of a request, which it lacks."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 << 10
_ANSWER = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose first line and headers are longer than 64 KiB, before they are held in memory."""

    _head = 0
    _in_body = False

    def data_received(self, data: bytes) -> None:
        """Count what arrives before the body."""
        if self.transport is None or self.transport.is_closing():
            return
        if not self._in_body:
            self._head += len(data)
        super().data_received(data)
        if not self._in_body and self._head > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_ANSWER)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head, self._in_body = 0, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its body begins."""
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It ends."""
        self._head, self._in_body = 0, False
        super().on_message_complete()
