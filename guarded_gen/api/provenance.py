"""``POST /v1/content_provenance_checks``: where does an uploaded file come from?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Scope
from guarded_gen.api.bodies import Upload, body_of
from guarded_gen.api.context import Api, api_of
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import Request as Fields
from guarded_gen.api.requests import parsed, request_body
from guarded_gen.api.schemas import PROVENANCE, answers
from guarded_gen.origin.service import content_provenance_check

router = APIRouter(prefix="/v1/content_provenance_checks", tags=["provenance"])


class CheckFile(Fields):
    """A form with one file, ``file``; of a stream also its media ``segments[]``, in order."""


_FILES = {"file": "one", "segments": "many"}


@router.post(
    "",
    responses=answers(PROVENANCE),
    openapi_extra=request_body(CheckFile, _FILES),
)
async def check_provenance(request: Request) -> Response:
    """Read credentials, watermark and likeness of a file, without any network.

    Of a DASH or CMAF stream, send the initialisation segment as ``file`` and the media segments
    as ``segments[]``, in order.

    ``not_detected`` means only that nothing was found; it never means that a file is real.
    """
    api = api_of(request)
    await api.enter(request, Scope.VERIFY)
    async with body_of(request, api.scratch) as body:
        parsed(CheckFile, body, frozenset(_FILES))
        upload = body.file("file")
        if upload is None:
            raise Problem(
                400,
                "missing_required_parameter",
                "send the file as the form field file",
                param="file",
            )
        segments = body.files.get("segments", [])
        answer = await api.heavy.run(report, api, upload, segments)
    return JSONResponse(answer)


def report(api: Api, upload: Upload, segments: Sequence[Upload] = ()) -> dict[str, Any]:
    found = api.services.origin.report(
        upload.path, deep=True, segments=[segment.path for segment in segments]
    )
    answer = content_provenance_check(found)
    # the name under which it lies here is nobody's business; its own name comes back
    answer["report"]["verification"]["file"]["name"] = upload.label
    return answer
