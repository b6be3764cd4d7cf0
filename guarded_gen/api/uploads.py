"""``POST /v1/uploads/label``: what a platform shows beside a file that somebody uploaded."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BeforeValidator
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Scope
from guarded_gen.api.bodies import Upload, body_of
from guarded_gen.api.context import Api, api_of
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import Request as Fields
from guarded_gen.api.requests import parsed, request_body
from guarded_gen.api.schemas import UPLOAD_LABEL, answers
from guarded_gen.origin.ingest import upload_label

router = APIRouter(prefix="/v1/uploads", tags=["provenance"])


def _truth(value: Any) -> Any:
    return value.lower() == "true" if str(value).lower() in ("true", "false") else value


class LabelUpload(Fields):
    """A form with one file, ``file``, and what its uploader says: made with AI or not."""

    declared: Annotated[bool | None, BeforeValidator(_truth)] = None


@router.post(
    "/label",
    responses=answers(UPLOAD_LABEL),
    openapi_extra=request_body(LabelUpload, {"file": "one"}),
)
async def label_upload(request: Request) -> Response:
    """Read what an uploaded file carries and give the words for its viewers.

    ``label`` is null where the file says nothing, which never means that it is real. ``notice`` is
    ``generated``, ``possible``, ``suspected`` or ``none``. The file is not kept.
    """
    api = api_of(request)
    await api.enter(request, Scope.VERIFY)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(LabelUpload, body, frozenset({"file"}))
        upload = body.file("file")
        if upload is None:
            raise Problem(
                400,
                "missing_required_parameter",
                "send the file as the form field file",
                param="file",
            )
        answer = await api.heavy.run(labelled, api, upload, wanted.declared)
    return JSONResponse(answer)


def labelled(api: Api, upload: Upload, declared: bool | None) -> dict[str, Any]:
    """The label of one upload; decodes it to read its mark."""
    origin = api.services.origin
    report = origin.report(upload.path, deep=True)
    labels = origin.carried(upload.path)[1]
    provider = api.settings.compliance.provider
    return upload_label(report, labels, provider=provider, declared=declared)
