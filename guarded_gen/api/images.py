"""``/v1/images``: pictures through the same gates, marked and signed like clips."""

from __future__ import annotations

import base64
import time
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from generator.spec import Mode
from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.admission import NewJob, admit, blocked_problem
from guarded_gen.api.bodies import body_of
from guarded_gen.api.context import Answer, Api, Remember, api_of
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import (
    EditImage,
    GenerateImage,
    only,
    parsed,
    request_body,
    size_of,
    subject_of,
)
from guarded_gen.api.schemas import IMAGES, answers, download
from guarded_gen.api.videos import backend_of, serve, supported
from guarded_gen.jobs import new_id
from guarded_gen.production.formats import format_of, formats_of, suffix_of
from guarded_gen.production.request import ClipRequest
from guarded_gen.store.tables.jobs import Job

router = APIRouter(prefix="/v1/images", tags=["images"])
_DEFAULT_SIZE = (512, 512)
QUALITY_STEPS = {"auto": None, "standard": None, "low": 2, "medium": 4, "high": 8, "hd": 8}
"""Sampling steps of a model that samples, for the words of the SDKs."""
_STATUS = {
    "unsupported_spec": 400,
    "cancelled": 409,
    "timeout": 504,
    "storage_failed": 507,
    "disk_full": 507,
}
"""How a job's error is told to who waits for its picture; any other is ours (500)."""


@router.post("/generations", responses=answers(IMAGES), openapi_extra=request_body(GenerateImage))
async def generate_image(request: Request) -> Response:
    """Signed pictures from a prompt. Waits for them; a held one is answered with 409."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(GenerateImage, body)
        return await api.post_async(
            request,
            caller,
            body,
            lambda remember: pictures(api, caller, wanted, request, remember),
        )


@router.post(
    "/edits",
    responses=answers(IMAGES),
    openapi_extra=request_body(EditImage, {"image": "one", "mask": "one"}),
)
async def edit_image(request: Request) -> Response:
    """Always refused with ``unsupported_mode``: backends edit videos, none a still picture."""
    api = api_of(request)
    await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(EditImage, body, frozenset({"image", "mask"}))
        can_follow(wanted)
        only("input_fidelity", wanted.input_fidelity)
        if body.file("image") is None:
            raise Problem(
                400,
                "missing_required_parameter",
                "send the picture as the form field image",
                param="image",
            )
        raise Problem(
            400,
            "unsupported_mode",
            f"the model {backend_of(api, wanted.model)} cannot edit a still picture",
            param="model",
            remedy="edit a video with POST /v1/videos/edits",
        )


async def pictures(
    api: Api, caller: Caller, wanted: GenerateImage, request: Request, remember: Remember
) -> Answer:
    """Take the jobs in, wait for them without a thread, and give the pictures."""
    jobs = await api.quick.run(_admitted, api, caller, wanted, request)
    ended = [await finished(api, caller, job) for job in jobs]
    answer = {
        "created": int(time.time()),
        "output_format": format_of(ClipRequest.model_validate(ended[0].request)).name,
        "size": f"{ended[0].request['width']}x{ended[0].request['height']}",
        "data": [await api.storage.run(picture, api, job, wanted.response_format) for job in ended],
    }

    def keep() -> None:
        with api.jobs.store.write() as session:
            remember(session, 200, answer)

    await api.quick.run(keep)
    return 200, answer


def can_follow(wanted: GenerateImage) -> None:
    """Refuse what a picture's request may name elsewhere and nothing here does."""
    only("stream", wanted.stream, False)
    only("partial_images", wanted.partial_images, 0)
    only("output_format", wanted.output_format, *(form.name for form in formats_of(Mode.IMAGE)))
    only("output_compression", wanted.output_compression)
    only("quality", wanted.quality, *QUALITY_STEPS)
    only("background", wanted.background, "auto", "opaque")
    only("moderation", wanted.moderation, "auto")
    only("style", wanted.style)


def _admitted(api: Api, caller: Caller, wanted: GenerateImage, request: Request) -> list[Job]:
    can_follow(wanted)
    width, height = _DEFAULT_SIZE if wanted.size in (None, "auto") else size_of(str(wanted.size))
    jobs: list[Job] = []
    for number in range(wanted.n or 1):
        job_id = new_id("img")
        fields: dict[str, Any] = {
            "prompt": wanted.prompt,
            "width": width,
            "height": height,
            "seed": None if wanted.seed is None else wanted.seed + number,
            "backend": backend_of(api, wanted.model),
            "tenant": caller.tenant,
            "subject": subject_of(wanted, caller),
            "mode": Mode.IMAGE,
            "format": wanted.output_format,
            "jurisdiction": wanted.jurisdiction,
            "label": wanted.label,
            "steps": QUALITY_STEPS.get(wanted.quality or "auto"),
        }
        clip = ClipRequest.checked(api.settings.limits, **fields)
        supported(api, clip)
        jobs.append(
            admit(
                api,
                caller,
                clip,
                lambda session, status, body: None,
                NewJob(job_id, "image", request_id=request.scope["state"]["request_id"]),
            )
        )
    return jobs


async def finished(api: Api, caller: Caller, job: Job) -> Job:
    """The ended job; a problem when it was refused, is held, or takes too long."""
    book = api.jobs.book
    if job.review != "pending":
        await api.endings.wait(job.id, api.settings.api.image_wait_s)
    job = await api.quick.run(book.get, caller.tenant, job.id)
    if job.status == "completed":
        return job
    if job.status == "failed":
        error = job.error or {}
        if error.get("code") == "moderation_blocked":
            raise blocked_problem(
                api, str(error["decision_id"]), str(error.get("reason_code")), "picture"
            )
        code = str(error.get("code"))
        raise Problem(_STATUS.get(code, 500), code, str(error.get("message")), retry=False)
    if job.review == "pending":
        raise Problem(
            409,
            "pending_review",
            "the picture is held until a person has looked at it",
            remedy=f"GET /v1/images/{job.id}/content later",
            extra={"image_id": job.id},
        )
    raise Problem(
        504,
        "timeout",
        "the picture is not ready yet",
        retry=False,
        extra={"image_id": job.id},
        remedy=f"GET /v1/images/{job.id}/content later",
    )


def picture(api: Api, job: Job, form: str | None) -> dict[str, Any]:
    asset = (job.assets or {})["video"]
    extra = {"id": job.id, "provenance": job.provenance}
    if form == "url":
        base = api.base_url.rstrip("/")
        return {"url": f"{base}/v1/images/{job.id}/content", **extra}
    data = b"".join(api.jobs.storage.chunks(asset["key"], 0, asset["bytes"]))
    return {"b64_json": base64.b64encode(data).decode(), **extra}


@router.get("/{image_id}/content", responses=download("image/png", "image/webp", "image/jpeg"))
async def image_content(request: Request, image_id: str) -> Response:
    """A signed picture. Ours: for pictures that were held or took long."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    job = await api.quick.run(api.jobs.book.get, caller.tenant, image_id)
    asset = (job.assets or {}).get("video")
    if job.kind != "image" or asset is None:
        raise Problem(404, "not_found", "there is no such picture, or it is not ready")
    return await serve(api, request, asset, f"{job.id}{suffix_of(asset['type'])}")
