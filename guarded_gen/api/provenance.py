"""``POST /v1/content_provenance_checks``: where does an uploaded file come from?"""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from guarded_gen.api.bodies import Upload, body_of
from guarded_gen.api.door import Door, door_of
from guarded_gen.api.keys import Scope
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import Request as Fields
from guarded_gen.api.requests import parsed, request_body
from guarded_gen.api.schemas import PROVENANCE, answers
from guarded_gen.desk import content_provenance_check

router = APIRouter(prefix="/v1/content_provenance_checks", tags=["provenance"])
_AT_ONCE = anyio.CapacityLimiter(2)


class CheckFile(Fields):
    """A form with one file, ``file``."""


@router.post("", responses=answers(PROVENANCE), openapi_extra=request_body(CheckFile, ("file",)))
async def check(request: Request) -> Response:
    """Read credentials, watermark and likeness of a file, without any network.

    ``not_detected`` means only that nothing was found; it never means that a file is real.
    """
    door = door_of(request)
    await door.enter(request, Scope.VERIFY)
    async with body_of(request, door.scratch) as body:
        parsed(CheckFile, body, frozenset({"file"}))
        upload = body.file("file")
        if upload is None:
            raise Problem(
                400, "missing_required_parameter", "send the file as the form field file",
                param="file",
            )  # fmt: skip
        answer = await anyio.to_thread.run_sync(report, door, upload, limiter=_AT_ONCE)
    return JSONResponse(answer)


def report(door: Door, upload: Upload) -> dict[str, Any]:
    found = door.services.desk.report(upload.path, deep=True)
    answer = content_provenance_check(found)
    # the name under which it lies here is nobody's business; its own name comes back
    answer["report"]["verification"]["file"]["name"] = upload.label
    return answer
