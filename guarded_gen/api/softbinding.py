"""The C2PA Soft Binding Resolution API 1.0: from a mark or a fingerprint to a manifest.

Public by design: anybody with a stripped file may ask where it comes from. What is asked is
not stored.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from guarded_gen.api.schemas import BINARY, BYTES
from guarded_gen.errors import GuardedGenError, describe
from guarded_gen.origin.soft_bindings import MEDIA_TYPE, FoundBinding, SoftBindings

MOST_QUERY_CHARS = 2_048
MOST_RESULTS = 100
_BINARY = {"schema": BINARY}
_ASSET = {BYTES: _BINARY}
_ASSETS = ("image/", "audio/", "video/", "application/octet-stream", "application/mp4")


class SoftBindingQuery(BaseModel):
    """A soft binding too large for a query string."""

    model_config = ConfigDict(extra="ignore")

    alg: str
    value: str = Field(max_length=1_000_000)


class SoftBindingMatch(BaseModel):
    manifestId: str
    endpoint: str | None = None
    similarityScore: int | None = Field(None, ge=0, le=100)


class SoftBindingQueryResult(BaseModel):
    matches: list[SoftBindingMatch]


class SoftBindingAlgorithm(BaseModel):
    alg: str


class SoftBindingWatermark(SoftBindingAlgorithm):
    watermarks: bool


class SoftBindingAlgList(BaseModel):
    watermarks: list[SoftBindingWatermark]
    fingerprints: list[SoftBindingAlgorithm]


class _Route(APIRoute):
    """The contract knows 400 where FastAPI would say 422, and our errors in our shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except RequestValidationError as error:
                first = error.errors()[0]
                where = str(first["loc"][-1])
                return _problem(400, "invalid_input", f"{where}: {first['msg']}", where)
            except GuardedGenError as error:
                told = describe(error)
                return _problem(told.http_status, told.code, told.message, told.param)

        return handle


def _problem(status: int, code: str, message: str, param: str | None) -> JSONResponse:
    body = {"error": {"message": message, "type": code, "code": code, "param": param}}
    return JSONResponse(body, status)


def _result(matches: list[FoundBinding]) -> JSONResponse:
    return JSONResponse({"matches": [match.to_json() for match in matches]})


Run = Callable[..., Awaitable[Any]]
Most = Annotated[int, Query(alias="maxResults", ge=1, description="most identifiers to return")]


def create_router(
    bindings: Callable[[Request], SoftBindings],
    most_bytes: int,
    scratch: Callable[[Request], Path] | None = None,
    run: Run = asyncio.to_thread,
    decode: Run = asyncio.to_thread,
) -> APIRouter:
    """The five operations. ``bindings`` gives the service for a request; ``most_bytes`` is the
    largest asset that is taken; ``scratch`` says where uploads lie while they are read; ``run``
    executes queries in a thread, ``decode`` what reads an asset."""
    router = APIRouter(route_class=_Route, tags=["soft bindings"])

    @router.get("/matches/byBinding", response_model=SoftBindingQueryResult)
    async def query_by_binding(request: Request, value: str, alg: str, most: Most = 10) -> Response:
        """Identifiers of the manifests that carry a soft binding."""
        if len(value) > MOST_QUERY_CHARS:
            return _problem(414, "query_too_long", "the value is too long: use POST", "value")
        service = bindings(request)
        limit = min(most, MOST_RESULTS)
        return _result(await run(service.by_binding, alg, value, limit))

    @router.post("/matches/byBinding", response_model=SoftBindingQueryResult)
    async def query_by_large_binding(
        request: Request, query: SoftBindingQuery, most: Most = 10
    ) -> Response:
        """The same, for values too long for an address."""
        service = bindings(request)
        limit = min(most, MOST_RESULTS)
        return _result(await run(service.by_binding, query.alg, query.value, limit))

    @router.post(
        "/matches/byContent",
        response_model=SoftBindingQueryResult,
        openapi_extra={"requestBody": {"required": True, "content": _ASSET}},
    )
    async def upload_file(
        request: Request,
        alg: str | None = None,
        most: Most = 10,
        hint_alg: Annotated[str | None, Query(alias="hintAlg")] = None,
        hint_value: Annotated[str | None, Query(alias="hintValue")] = None,
    ) -> Response:
        """Identifiers of the manifests that fit an asset, which is the body of the request."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not kind.startswith(_ASSETS):
            return _problem(415, "unsupported_media_type", "send a video or an image", None)
        hint = (hint_alg, hint_value) if hint_alg and hint_value else None
        folder = scratch(request) if scratch else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="asset-") as file:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > most_bytes:
                    message = f"larger than {most_bytes} bytes"
                    return _problem(413, "limit_exceeded", message, None)
                file.write(chunk)
            file.flush()
            service = bindings(request)
            limit = min(most, MOST_RESULTS)
            matches = await decode(service.by_content, Path(file.name), limit, alg, hint)
        return _result(matches)

    @router.get(
        "/manifests/{manifestId}",
        responses={
            200: {"description": "A C2PA store.", "content": {MEDIA_TYPE: _BINARY, **_ASSET}}
        },
    )
    async def get_manifest_by_id(
        request: Request,
        manifestId: str,
        only_active: Annotated[bool, Query(alias="returnActiveManifest")] = False,
    ) -> Response:
        """The manifest store, or its active manifest alone."""
        service = bindings(request)
        body = await run(partial(service.manifest, manifestId, only_active=only_active))
        kind = BYTES if request.headers.get("accept") == BYTES else MEDIA_TYPE
        return Response(body, media_type=kind)

    @router.get("/services/supportedAlgorithms", response_model=SoftBindingAlgList)
    async def get_supported_bindings(request: Request) -> Response:
        """The soft-binding algorithms that can be asked for."""
        return JSONResponse(bindings(request).supported())

    return router
