"""A receiver of one webhook, on an address that the service can reach."""

from __future__ import annotations

import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY_BYTES = 1_000_000


class Receiver:
    """Listens on ``host:port``; ``url`` is how the service calls it from outside."""

    def __init__(self, host: str, port: int, url: str) -> None:
        self.url = url
        self._got: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()
        got = self._got

        class ReceiverHandler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length") or 0), MAX_BODY_BYTES)
                got.put(({k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return None

        self._server = ThreadingHTTPServer((host, port), ReceiverHandler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, seconds: float) -> tuple[dict[str, str], bytes]:
        """Headers and body of the next call; raises :class:`queue.Empty` when none comes."""
        return self._got.get(timeout=seconds)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
