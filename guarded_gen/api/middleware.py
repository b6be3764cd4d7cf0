"""What every request passes, as plain ASGI: an id, bounded reading, one error body, a log line.

Bounds on reading hold for every route: a body past the limit is refused when its length is
announced, or cut at the limit when it is not; a client that sends nothing for
``RECEIVE_TIMEOUT_S`` seconds, or trickles below ``MIN_BYTES_PER_S``, is answered 408.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guarded_gen.api.problems import Problem
from guarded_gen.telemetry import Metrics, request_id_var

_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_log = logging.getLogger("guarded_gen.api")

RECEIVE_TIMEOUT_S = 30.0
MIN_BYTES_PER_S = 1_000
_GRACE_S = 30.0
_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}
_TOLD = ("retry-after", "x-request-id", "ratelimit", "ratelimit-policy", "openai-poll-after-ms")
"""What a page may read of an answer's headers."""


def request_id(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", "-"))


class FromPages:
    """Lets web pages of these origins call the API (CORS, Fetch standard 3.2), never the console,
    and never with cookies."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=_TOLD,
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from_api = scope["type"] == "http" and scope["path"].startswith("/v1/")
        await (self._shared if from_api else self._app)(scope, receive, send)


class Gateway:
    """The outermost layer. Never lets an exception out: what is unknown becomes a bare 500."""

    def __init__(self, app: ASGIApp, most: int, metrics: Metrics) -> None:
        self._app = app
        self._max_body = most
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((v for k, v in scope["headers"] if k == b"x-request-id"), b"")
        text = given.decode("latin-1")
        rid = text if _REQUEST_ID.match(text) else f"req_{secrets.token_hex(12)}"
        scope.setdefault("state", {})["request_id"] = rid
        token = request_id_var.set(rid)
        started = time.perf_counter()
        status = 500
        begun = False

        async def out(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun = True
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = rid
                headers["openai-processing-ms"] = str(int(1000 * (time.perf_counter() - started)))
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                for name, value in scope["state"].get("headers", {}).items():
                    headers.setdefault(name, value)
            await send(message)

        bounded: _Bounded | None = None
        try:
            bounded = _Bounded(scope, receive, self._max_body)
            await self._app(scope, bounded, out)
        except Exception as error:  # noqa: BLE001 - the last net: answered, logged, never leaked
            # A middleware in between may have wrapped what the reading raised into a group.
            refused = bounded.refused if bounded is not None else None
            if isinstance(error, Problem):
                problem = error
            elif refused is not None:
                problem = refused
            else:
                problem = Problem.of(error)
                if problem.status >= 500:
                    _log.exception("request failed", extra={"event": "request_failed"})
            if not begun:
                await problem.response(rid)(scope, receive, out)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.request(scope["method"], route, status, seconds)
            _log.info(
                "request",
                extra={
                    "event": "request",
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    "ms": round(1000 * seconds, 1),
                    "tenant": scope["state"].get("tenant"),
                    "key": scope["state"].get("key_id"),
                },
            )
            request_id_var.reset(token)


class _Bounded:
    """``receive`` with a bound on bytes, silence and slowness."""

    def __init__(self, scope: Scope, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._seen = 0
        self._done = False
        self.refused: Problem | None = None
        self._started = time.monotonic()
        length = next((v for k, v in scope["headers"] if k == b"content-length"), None)
        self._announced: int | None = None
        if length is not None:
            if not length.isdigit():
                raise Problem(400, "invalid_header", "content-length is not a number")
            self._announced = int(length)
            if self._announced > most:
                raise _too_large(most)

    async def __call__(self) -> Message:
        if self._done:
            return await self._receive()
        try:
            return await self._next()
        except Problem as problem:
            self.refused = problem
            raise

    async def _next(self) -> Message:
        try:
            message = await asyncio.wait_for(self._receive(), RECEIVE_TIMEOUT_S)
        except TimeoutError as error:
            raise Problem(
                408,
                "request_timeout",
                "the body did not arrive in time",
                headers={"connection": "close"},
            ) from error
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > self._most:
                raise _too_large(self._most)
            elapsed = time.monotonic() - self._started
            if elapsed > _GRACE_S and self._seen < MIN_BYTES_PER_S * elapsed:
                raise Problem(
                    408,
                    "request_timeout",
                    "the body arrives too slowly",
                    headers={"connection": "close"},
                )
            self._done = not message.get("more_body", False)
        return message


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "payload_too_large",
        f"the body is larger than {most} bytes",
        remedy="send a smaller file, or raise limits.max_upload_bytes",
        headers={"connection": "close"},
    )
