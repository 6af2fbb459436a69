"""`python -m hub.bench_static FOLDER`: a plain file server, which the embedded Hub is measured against.

PUT writes the body to a file, and, like the Hub, has it on the disk before it answers; GET sends a file with sendfile.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PIECE_BYTES = 1 << 20


def make_handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    """A handler of requests for `/<name>` in a folder."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        rbufsize = PIECE_BYTES

        def do_PUT(self) -> None:
            left = int(self.headers["Content-Length"])
            buffer = memoryview(bytearray(PIECE_BYTES))
            with (folder / Path(self.path).name).open("wb", buffering=0) as stream:
                while left:
                    count = self.rfile.readinto(buffer[: min(left, PIECE_BYTES)])  # type: ignore[attr-defined]
                    stream.write(buffer[:count])
                    left -= count
                os.fsync(stream.fileno())
            self._head(0)

        def do_GET(self) -> None:
            with (folder / Path(self.path).name).open("rb") as stream:
                self._head(os.fstat(stream.fileno()).st_size)
                self.connection.sendfile(stream)

        def _head(self, length: int) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            """No log."""

    return Handler


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(Path(sys.argv[1])))
    print(f"static server at http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
