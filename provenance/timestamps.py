"""Time-stamps by RFC 3161: so that a file stays trusted after its certificate has run out.

The C2PA library asks a time-stamp server itself, once, without a time-out of ours. So it is
given the address of a :class:`Relay` on the loopback instead, which asks the configured
servers in turn with time-outs and retries, and tells the signer what happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from pydantic import BaseModel, ConfigDict, Field

QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
_MOST_REPLY_BYTES = 64 * 1024
_MOST_QUERY_BYTES = 16 * 1024
_GRANTED = (b"\x02\x01\x00", b"\x02\x01\x01")
"""``PKIStatus`` granted and grantedWithMods, as DER integers."""


class WhenUnanswered(StrEnum):
    """What to do when no server answers."""

    REFUSE = "refuse"
    SIGN_WITHOUT = "sign_without"


class TimestampSettings(BaseModel):
    """Which servers, how long to wait, and what to do when none answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: tuple[str, ...] = Field(
        (), description="URLs of RFC 3161 servers, in order; empty: no time-stamps"
    )
    attempts: int = Field(2, ge=1, le=10, description="tries per server")
    seconds: float = Field(5.0, gt=0, description="longest wait for one answer")
    pause: float = Field(0.2, ge=0, description="seconds before the next try, doubling")
    when_unanswered: WhenUnanswered = Field(
        WhenUnanswered.REFUSE, description="refuse: nothing is signed; sign_without: it is told"
    )


@dataclass
class RelayResult:
    """What a relay did: the server that answered, and every failure before it."""

    answered_by: str = ""
    failures: list[str] = field(default_factory=list)


def ask(
    query: bytes, settings: TimestampSettings, sleep: Callable[[float], None] = time.sleep
) -> tuple[bytes | None, RelayResult]:
    """Ask the servers in turn; the reply is ``None`` when none gave a granted answer."""
    asked = RelayResult()
    with httpx.Client(timeout=settings.seconds, follow_redirects=False) as client:
        for server in settings.servers:
            pause = settings.pause
            for attempt in range(settings.attempts):
                if attempt:
                    sleep(pause)
                    pause *= 2
                problem = ""
                try:
                    reply = client.post(server, content=query, headers={"Content-Type": QUERY_TYPE})
                except httpx.HTTPError as error:
                    problem = type(error).__name__
                else:
                    if reply.status_code != httpx.codes.OK:
                        problem = f"HTTP {reply.status_code}"
                    elif len(reply.content) > _MOST_REPLY_BYTES or not _granted(reply.content):
                        problem = "the request was not granted"
                    else:
                        asked.answered_by = server
                        return reply.content, asked
                asked.failures.append(f"{server}: {problem}")
    return None, asked


def _granted(reply: bytes) -> bool:
    """Whether a ``TimeStampResp`` begins with the status granted."""
    body = reply[2 + (reply[1] & 0x7F if len(reply) > 1 and reply[1] & 0x80 else 0) :]
    return reply[:1] == b"\x30" and body[:1] == b"\x30" and body[2:5] in _GRANTED


class Relay:
    """A loopback server for one signing; :attr:`asked` says afterwards what happened."""

    def __init__(self, settings: TimestampSettings) -> None:
        self.settings = settings
        self.asked = RelayResult()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Relay:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length", "0")), _MOST_QUERY_BYTES)
                reply, relay.asked = ask(self.rfile.read(size), relay.settings)
                if reply is None:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", REPLY_TYPE)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
