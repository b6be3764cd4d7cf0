"""Links that anybody may follow for a while: a published file without a key.

The address carries when it ends and an HMAC over all of it, so nothing is kept about it and
nothing in it can be changed. A video that is deleted or removed takes its links along. With
``api.links_to_store`` the link leads on to an address that the object store signed, which lasts
``STORE_LINK_S`` seconds at most.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.access.keys import Scope
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.problems import Problem, not_found
from guarded_gen.api.requests import LinkVideo, parsed, request_body
from guarded_gen.api.schemas import VIDEO_LINK, answers, download
from guarded_gen.api.videos import completed, serve
from guarded_gen.production.formats import suffix_of
from guarded_gen.store.comparing import same_secret
from guarded_gen.store.tables.jobs import Job

router = APIRouter(tags=["videos"])
STORE_LINK_S = 300
Variant = Literal["video", "thumbnail", "spritesheet"]


def link_token(key: bytes, video: str, variant: str, expires: int) -> str:
    """The unguessable part of a link, 32 hex digits. ``expires``: seconds since 1970."""
    said = f"link\0{video}\0{variant}\0{expires}".encode()
    return hmac.new(key, said, hashlib.sha256).hexdigest()[:32]


@router.post(
    "/v1/videos/{video_id}/links",
    responses=answers(VIDEO_LINK),
    openapi_extra=request_body(LinkVideo),
)
async def link_video(request: Request, video_id: str) -> Response:
    """An address of a completed video's file that works without a key until it expires."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(LinkVideo, body)

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            job = completed(api, caller, video_id, "video_id")
            if wanted.variant not in (job.assets or {}):
                raise Problem(404, "expired", f"there is no {wanted.variant}", param="variant")
            expires = int(time.time() + wanted.expires_in)
            token = link_token(api.appeal_key, job.id, wanted.variant, expires)
            path = f"/v1/links/{job.id}/{wanted.variant}/{expires}/{token}"
            return 200, {
                "object": "video.link",
                "url": f"{api.base_url.rstrip('/')}{path}",
                "expires_at": expires,
            }

        return await api.post(request, caller, body, work)


@router.head("/v1/links/{video_id}/{variant}/{expires}/{token}", include_in_schema=False)
@router.get(
    "/v1/links/{video_id}/{variant}/{expires}/{token}",
    responses={
        **download("video/mp4", "image/webp", "image/jpeg"),
        307: {"description": "The object store has the file, at `location`."},
    },
)
async def follow_link(
    request: Request, video_id: str, variant: Variant, expires: int, token: str
) -> Response:
    """The file behind a link. It needs no key; 410 once it has expired."""
    api = api_of(request)
    if not same_secret(link_token(api.appeal_key, video_id, variant, expires), token):
        raise not_found("link", video_id)
    left = int(expires - time.time())
    if left < 1:
        raise Problem(410, "link_expired", "this link has expired", remedy="ask for a new one")
    job = await api.quick.run(_of_anybody, api, video_id)
    asset = (job.assets or {}).get(variant)
    if asset is None:
        raise Problem(404, "expired", f"the {variant} is not stored any more", param="variant")
    name = f"{job.id}{suffix_of(asset['type'])}"
    if api.settings.api.links_to_store and request.method == "GET":
        told = (asset["key"], min(left, STORE_LINK_S), name, asset["type"])
        url = await api.storage.run(api.jobs.storage.signed_url, *told)
        if url is not None:
            return RedirectResponse(url, 307, headers={"cache-control": "no-store"})
    return await serve(api, request, asset, name)


def _of_anybody(api: Api, video_id: str) -> Job:
    return api.jobs.book.get(None, video_id)
