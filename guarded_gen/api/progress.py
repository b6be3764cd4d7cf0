"""``/v1/videos/{id}/events``: progress, and previews where allowed, as server-sent events."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Query, Request
from sse_starlette import EventSourceResponse
from starlette.responses import Response

from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.context import Api, api_of
from guarded_gen.api.objects import video_object
from guarded_gen.api.problems import Problem
from guarded_gen.api.schemas import answers
from guarded_gen.errors import NotFound, StorageFailed
from guarded_gen.jobs.book import PREVIEW
from guarded_gen.store.tables.jobs import OPEN

router = APIRouter(prefix="/v1/videos", tags=["videos"])
_LOOK_EVERY_S = 0.5
_PING_S = 15


@router.get(
    "/{video_id}/events",
    responses={
        200: {
            "description": "A stream of events.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **answers(),
    },
)
async def video_events(
    request: Request, video_id: str, previews: Annotated[bool, Query()] = False
) -> Response:
    """Every change of status and progress until the video ends.

    With ``previews``, where the operator allows them, also ``video.preview``: a signed JPEG of
    the unfinished clip, after each look that the policy allowed.
    """
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    if previews and not api.settings.jobs.previews:
        raise Problem(
            403,
            "previews_off",
            "this service shows no previews",
            param="previews",
            remedy="ask its operator to set jobs.previews",
        )
    await api.quick.run(api.jobs.book.get, caller.tenant, video_id)
    return EventSourceResponse(_events(api, caller, video_id, request, previews), ping=_PING_S)


async def _events(
    api: Api, caller: Caller, id: str, request: Request, previews: bool
) -> AsyncIterator[dict[str, Any]]:
    last: tuple[Any, ...] | None = None
    seen: str | None = None
    number = 0
    while not await request.is_disconnected() and not api.draining:
        try:
            job = await api.quick.run(api.jobs.book.get, caller.tenant, id)
        except NotFound:
            yield {"event": "video.deleted", "data": json.dumps({"id": id})}
            return
        now = (job.status, job.progress, job.stage, job.review)
        if now != last:
            last = now
            number += 1
            name = "video.progress" if job.status in OPEN else f"video.{job.status}"
            data = {**video_object(api, job), "stage": job.stage}
            yield {"event": name, "id": str(number), "data": json.dumps(data)}
        shown = job.details.get(PREVIEW) if previews else None
        if shown is not None and shown["sha256"] != seen:
            picture = await api.storage.run(_picture, api, shown)
            if picture is not None:
                seen = shown["sha256"]
                number += 1
                told = {
                    "id": id,
                    "step": shown["step"],
                    "of": shown["of"],
                    "sha256": seen,
                    "type": "image/jpeg",
                    "data": base64.b64encode(picture).decode(),
                }
                yield {"event": "video.preview", "id": str(number), "data": json.dumps(told)}
        if job.status not in OPEN:
            return
        await anyio.sleep(_LOOK_EVERY_S)


def _picture(api: Api, shown: dict[str, Any]) -> bytes | None:
    """The preview that the row names; None when it was taken back or replaced meanwhile."""
    storage, key = api.jobs.storage, str(shown["key"])
    try:
        picture = b"".join(storage.chunks(key, 0, storage.size(key)))
    except (NotFound, StorageFailed):
        return None
    return picture if hashlib.sha256(picture).hexdigest() == shown["sha256"] else None
