"""``/v1/videos/{id}/events``: progress as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse
from starlette.responses import Response

from guarded_gen.api.door import Door, door_of
from guarded_gen.api.keys import Caller, Scope
from guarded_gen.api.objects import video_object
from guarded_gen.api.schemas import answers
from guarded_gen.errors import NotFound
from guarded_gen.jobs.plan import OPEN

router = APIRouter(prefix="/v1/videos", tags=["videos"])
_LOOK_EVERY_S = 0.5
_PING_S = 15


@router.get("/{video_id}/events", responses={
    200: {"description": "A stream of events.", "content": {"text/event-stream": {
        "schema": {"type": "string"}}}}, **answers()})  # fmt: skip
async def video_events(request: Request, video_id: str) -> Response:
    """Every change of status and progress until the video ends. No previews are sent."""
    door = door_of(request)
    caller = await door.enter(request, Scope.GENERATE)
    await anyio.to_thread.run_sync(door.jobs.book.get, caller.tenant, video_id)
    return EventSourceResponse(_events(door, caller, video_id, request), ping=_PING_S)


async def _events(
    door: Door, caller: Caller, id: str, request: Request
) -> AsyncIterator[dict[str, Any]]:
    last: tuple[Any, ...] | None = None
    number = 0
    while not await request.is_disconnected() and not door.draining:
        try:
            job = await anyio.to_thread.run_sync(door.jobs.book.get, caller.tenant, id)
        except NotFound:
            yield {"event": "video.deleted", "data": json.dumps({"id": id})}
            return
        now = (job.status, job.progress, job.stage, job.review)
        if now != last:
            last = now
            number += 1
            name = "video.progress" if job.status in OPEN else f"video.{job.status}"
            data = {**video_object(door, job), "stage": job.stage}
            yield {"event": name, "id": str(number), "data": json.dumps(data)}
        if job.status not in OPEN:
            return
        await anyio.sleep(_LOOK_EVERY_S)
