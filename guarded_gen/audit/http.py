"""The audit log over HTTP, as C2SP tlog-tiles: ``/checkpoint``, ``/tile/…``.

Also the witness protocol (C2SP tlog-witness), where a witness is given: ``add-checkpoint``, and
``/<origin hash>/checkpoint`` for monitors.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response

from guarded_gen.audit import AuditLog
from guarded_gen.audit.tiles import COSIGNED, read_resource
from guarded_gen.audit.witness import MAX_BODY_BYTES, Witness
from guarded_gen.errors import InvalidInput, NotFound

IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "public, max-age=1, must-revalidate"
_PLAIN = {"text/plain": {"schema": {"type": "string"}}}
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_REFUSED = {"description": "Said in plain text.", "content": _PLAIN}
_TEXT: dict[int | str, Any] = {200: {"description": "Done.", "content": _PLAIN}, "4XX": _REFUSED}
_BYTES: dict[int | str, Any] = {200: {"description": "Done.", "content": _BINARY}, "4XX": _REFUSED}
_BODY = {"requestBody": {"required": True, "content": _PLAIN}}


def log_router(
    log: Callable[[], AuditLog], witness: Callable[[], Witness] | None = None
) -> APIRouter:
    """Routes below the log's prefix; public, since an entry holds no personal data.

    ``witness``: also cosign the checkpoints of other logs.
    """
    router = APIRouter(tags=["log"])

    @router.get("/checkpoint", responses=_TEXT)
    def get_log_checkpoint() -> Response:
        """The newest signed checkpoint."""
        with log().reading() as connection:
            note = read_resource(connection, "checkpoint")
        return Response(
            note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": FRESH}
        )

    @router.get("/checkpoint.cosigned", responses=_TEXT)
    def get_log_checkpoint_cosigned() -> Response:
        """The newest checkpoint that a witness cosigned, or the quorum of the witness policy."""
        try:
            with log().reading() as connection:
                note = read_resource(connection, COSIGNED, log().witness_policy)
        except NotFound as error:
            return PlainTextResponse(f"{error}\n", 404, headers={"Cache-Control": "no-cache"})
        return Response(
            note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": FRESH}
        )

    @router.get("/tile/{path:path}", responses=_BYTES)
    def get_log_tile(path: str, request: Request) -> Response:
        """A tile of hashes, or a bundle of entries below ``entries/``."""
        try:
            with log().reading() as connection:
                data = read_resource(connection, f"tile/{path}")
        except (InvalidInput, NotFound) as error:
            return PlainTextResponse(f"{error}\n", 404, headers={"Cache-Control": "no-cache"})
        headers = {"Cache-Control": IMMUTABLE}
        if path.startswith("entries/"):
            headers["Vary"] = "Accept-Encoding"
            if "gzip" in request.headers.get("accept-encoding", ""):
                data = gzip.compress(data, compresslevel=5, mtime=0)
                headers["Content-Encoding"] = "gzip"
        return Response(data, media_type="application/octet-stream", headers=headers)

    if witness is not None:
        of = witness

        @router.post("/add-checkpoint", responses=_TEXT, openapi_extra=_BODY)
        async def add_checkpoint(request: Request) -> Response:
            """Cosign another log's checkpoint if it continues the last one."""
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    return PlainTextResponse("the request is too large\n", 400)
            answer = await run_in_threadpool(lambda: of().add_checkpoint(body))
            # The framework would append a charset to a text type; the protocol names it exactly.
            return Response(
                answer.body, answer.status, headers={"Content-Type": answer.content_type}
            )

        @router.get("/{origin_hash}/checkpoint", response_class=PlainTextResponse)
        def witnessed(origin_hash: str) -> Response:
            """The newest checkpoint of another log that we cosigned; its origin is named by the
            SHA-256 in lower-case hex digits."""
            note = of().cosigned(origin_hash)
            if note is None:
                return PlainTextResponse(
                    "no checkpoint of this log was cosigned here\n",
                    404,
                    headers={"Cache-Control": "no-cache"},
                )
            return Response(
                note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": FRESH}
            )

    return router
