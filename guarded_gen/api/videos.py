"""``/v1/videos``: the calls of the official SDK's video service, on our own jobs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from generator.registry import known
from generator.spec import Mode
from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.admission import NewJob, admit
from guarded_gen.api.bodies import Upload, body_of
from guarded_gen.api.characters import usable
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.objects import page, video_object
from guarded_gen.api.problems import Problem, not_found
from guarded_gen.api.references import store_reference
from guarded_gen.api.requests import (
    REFERENCE_PARTS,
    CreateVideo,
    Sampling,
    VideoSource,
    parsed,
    request_body,
    size_of,
    subject_of,
)
from guarded_gen.api.schemas import BYTES, VIDEO, VIDEO_DELETED, VIDEO_PAGE, answers, download
from guarded_gen.audit import Event
from guarded_gen.jobs import Status, new_id
from guarded_gen.jobs.service import remove_assets
from guarded_gen.production.formats import format_of, suffix_of
from guarded_gen.production.request import (
    ClipRequest,
    InheritedReference,
    Reference,
    StoredReference,
)
from guarded_gen.store.tables.jobs import OPEN, Job

router = APIRouter(prefix="/v1/videos", tags=["videos"])
_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")
DEFAULT_FPS = 24.0


@router.post(
    "",
    responses=answers(VIDEO),
    openapi_extra=request_body(CreateVideo, {"input_reference": "one"}, REFERENCE_PARTS),
)
async def create_video(request: Request) -> Response:
    """Ask for a video. Answers at once; poll ``GET /v1/videos/{id}`` until it ends."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateVideo, body, frozenset({"input_reference"}))
        upload = body.file("input_reference")

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            fields = clip_fields(api, caller, wanted)
            if wanted.characters:
                refuse_characters(api, caller, wanted.characters, fields["backend"])
            if wanted.seconds is not None:
                fields["seconds"] = wanted.seconds
            if wanted.size is not None:
                fields["width"], fields["height"] = size_of(wanted.size)
            return start(
                api,
                caller,
                wanted,
                fields,
                remember,
                request,
                StartsFrom(picture=upload, named_picture=wanted.input_reference),
            )

        fetches = upload is not None or wanted.input_reference is not None
        budget = api.slow if fetches else api.quick
        return polled(api, await api.post(request, caller, body, work, budget))


def refuse_characters(api: Api, caller: Caller, named: Sequence[VideoSource], backend: str) -> None:
    """Say why a clip with these likenesses is not made: one is not the caller's to use, or the
    model draws none. A field that would be ignored promises what nobody keeps."""
    for character in named:
        usable(api, caller, character.id)
    raise Problem(
        400,
        "unsupported_parameter",
        f"the model {backend} cannot draw characters",
        param="characters",
        remedy="leave characters out, or send a picture as input_reference",
    )


def clip_fields(api: Api, caller: Caller, wanted: Sampling) -> dict[str, Any]:
    """The fields that all kinds of requests share, under the request's names."""
    fps = wanted.fps or DEFAULT_FPS
    fields: dict[str, Any] = {
        "prompt": getattr(wanted, "prompt", ""),
        "negative_prompt": wanted.negative_prompt,
        "width": wanted.width,
        "height": wanted.height,
        "fps": fps,
        "seed": wanted.seed,
        "steps": wanted.num_inference_steps,
        "guidance": wanted.guidance_scale,
        "backend": backend_of(api, wanted.model),
        "tenant": caller.tenant,
        "subject": subject_of(wanted, caller),
        "rewrite_of": wanted.rewrite_of,
        "format": wanted.format,
        "jurisdiction": wanted.jurisdiction,
        "label": wanted.label,
    }
    if wanted.num_frames is not None:
        fields["seconds"] = wanted.num_frames / fps
    return fields


def is_alias(model: str) -> bool:
    """Whether this is a name of the former hosted services, which means our default backend."""
    return model.startswith(("sora-", "gpt-image-"))


def backend_of(api: Api, model: str | None) -> str:
    """The backend for a model's name; a name that is no backend of ours is refused.

    The names of the former hosted service mean the default backend, so that clients in
    production need not change; the answer names the backend that really works.
    """
    if model is None or is_alias(model):
        return api.settings.backend
    if not known(model):
        raise Problem(
            400,
            "model_not_found",
            f"there is no model {model[:80]!r}",
            param="model",
            remedy="GET /v1/models lists them",
        )
    return model


@dataclass(frozen=True, slots=True)
class StartsFrom:
    """What a clip is made from: nothing, a picture, a video or two; and the mode that means.

    ``details`` are kept with the job.
    """

    mode: Mode = Mode.TEXT_TO_VIDEO
    picture: Upload | None = None
    named_picture: Any = None
    video: Job | None = None
    second: Job | None = None
    uploaded_video: Upload | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def start(
    api: Api,
    caller: Caller,
    wanted: Sampling,
    fields: dict[str, Any],
    remember: Remember,
    request: Request,
    origin: StartsFrom,
) -> tuple[int, dict[str, Any]]:
    """Build the request, keep what it refers to, and take the job in."""
    if api.draining:
        raise Problem(
            503, "shutting_down", "this process takes no new work", headers={"retry-after": "1"}
        )
    job_id = new_id("video")
    details, mode = dict(origin.details), origin.mode
    if wanted.metadata:
        details["metadata"] = wanted.metadata
    ClipRequest.checked(api.settings.limits, **fields, mode=Mode.TEXT_TO_VIDEO)
    references: list[Reference] = []
    try:
        if origin.picture is not None or origin.named_picture is not None:
            key = store_reference(api, caller, job_id, origin.picture, origin.named_picture)
            references.append(StoredReference(key=key))
            mode = Mode.IMAGE_TO_VIDEO
        elif origin.video is not None:
            key = source_key(origin.video)
            references.append(InheritedReference(key=key, source=origin.video.id))
            if origin.second is not None:
                key = source_key(origin.second)
                references.append(InheritedReference(key=key, source=origin.second.id))
        elif origin.uploaded_video is not None:
            key = store_reference(api, caller, job_id, origin.uploaded_video, None, video=True)
            references.append(StoredReference(key=key))
        clip = ClipRequest.checked(
            api.settings.limits, **fields, mode=mode, references=tuple(references)
        )
        supported(api, clip)
        format_of(clip)
        job = admit(
            api,
            caller,
            clip,
            remember,
            NewJob(
                job_id,
                "video",
                details,
                wanted.priority,
                request.scope["state"]["request_id"],
            ),
        )
    except BaseException:
        for kept in references:
            if isinstance(kept, StoredReference):
                api.jobs.storage.remove(kept.key)
        raise
    return 200, video_object(api, job)


def supported(api: Api, clip: ClipRequest) -> None:
    """Refuse, before a job is made of it, what the backend cannot do."""
    able = api.services.generator(clip.backend).capabilities()
    if clip.mode not in able.modes:
        raise Problem(
            400,
            "unsupported_mode",
            f"the model {able.name} cannot do {clip.mode.value}",
            param="model",
            remedy=f"it can do: {', '.join(sorted(m.value for m in able.modes))}",
        )
    if clip.seconds > able.max_seconds or max(clip.width, clip.height) > able.max_side:
        raise Problem(
            400,
            "unsupported_size",
            f"the model {able.name} makes at most {able.max_side} pixels a side "
            f"and {able.max_seconds:g} s",
            param="size",
        )
    if clip.width % able.size_multiple or clip.height % able.size_multiple:
        raise Problem(
            400,
            "unsupported_size",
            f"sides must be multiples of {able.size_multiple} for the model {able.name}",
            param="size",
        )


def source_key(job: Job) -> str:
    return str((job.assets or {})["video"]["key"])


def completed(api: Api, caller: Caller, id: str, param: str) -> Job:
    """A finished video of this tenant that can serve as a source."""
    job = api.jobs.book.get(caller.tenant, id)
    if job.kind != "video":
        raise not_found("video", id)
    if job.status != Status.COMPLETED.value or not job.assets:
        raise Problem(409, "video_not_ready", "only a completed video can be a source", param=param)
    return job


def polled(api: Api, response: Response) -> Response:
    """Tell pollers how long to wait."""
    response.headers["openai-poll-after-ms"] = str(api.settings.api.poll_after_ms)
    return response


@router.get("", responses=answers(VIDEO_PAGE))
async def list_videos(
    request: Request,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Annotated[Literal["asc", "desc"], Query()] = "desc",
) -> Response:
    """This tenant's videos, newest first."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    jobs, more = await api.quick.run(
        lambda: api.jobs.book.list(
            caller.tenant, after=after, limit=limit, ascending=order == "asc"
        )
    )
    return JSONResponse(page([video_object(api, job) for job in jobs], more))


@router.get("/{video_id}", responses=answers(VIDEO))
async def retrieve_video(request: Request, video_id: str) -> Response:
    """One video and how far it is."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    job = await api.quick.run(api.jobs.book.get, caller.tenant, video_id)
    if job.kind != "video":
        raise not_found("video", video_id)
    response = JSONResponse(video_object(api, job))
    return polled(api, response) if job.status in OPEN else response


@router.delete("/{video_id}", responses=answers(VIDEO_DELETED))
async def delete_video(request: Request, video_id: str) -> Response:
    """Delete a video and its stored files. One that still runs is stopped within its step."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> dict[str, Any]:
        job = api.jobs.book.delete(
            caller.tenant, video_id, lambda job: changed("clip.deleted", caller, job)
        )
        remove_assets(api.jobs, job)
        return {"id": job.id, "object": "video.deleted", "deleted": True}

    return JSONResponse(await api.slow.run(work))


@router.post("/{video_id}/cancel", responses=answers(VIDEO))
async def cancel_video(request: Request, video_id: str) -> Response:
    """Stop a video that has not ended. Ours; the SDK only deletes."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    job = await api.quick.run(
        lambda: api.jobs.book.cancel(
            caller.tenant, video_id, lambda job: changed("clip.cancelled", caller, job)
        )
    )
    return JSONResponse(video_object(api, job))


def changed(kind: str, caller: Caller, job: Job) -> Event:
    return Event(kind=kind, tenant=job.tenant, actor=caller.name, body={"clip": job.id})


@router.head("/{video_id}/content", include_in_schema=False)
@router.get(
    "/{video_id}/content",
    responses=download("video/mp4", "image/webp", "image/jpeg"),
)
async def video_content(
    request: Request,
    video_id: str,
    variant: Annotated[Literal["video", "thumbnail", "spritesheet"], Query()] = "video",
) -> Response:
    """The signed clip, its thumbnail or a sheet of stills. Ranges are served."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    job = await api.quick.run(api.jobs.book.get, caller.tenant, video_id)
    if job.status != Status.COMPLETED.value:
        raise Problem(
            409,
            "video_not_ready",
            f"the video is {job.status}",
            param="video_id",
            remedy="poll the video until it is completed",
        )
    asset = (job.assets or {}).get(variant)
    if asset is None:
        raise Problem(404, "expired", f"the {variant} is not stored any more", param="variant")
    return await serve(api, request, asset, f"{job.id}{suffix_of(asset['type'])}")


async def serve(api: Api, request: Request, asset: dict[str, Any], name: str) -> Response:
    """A stored object, whole or the asked range of it (RFC 9110, section 14)."""
    size = await api.storage.run(api.jobs.storage.size, asset["key"])
    etag = f'"{asset.get("sha256", asset["key"])}"'
    headers = {
        "accept-ranges": "bytes",
        "etag": etag,
        "cache-control": "private, max-age=0",
        "content-disposition": f'attachment; filename="{name}"',
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    kind = BYTES if request.headers.get("accept") == BYTES else asset["type"]
    start, end, status = 0, size, 200
    wanted = _RANGE.match(request.headers.get("range", ""))
    if wanted is not None and request.headers.get("if-range", etag) == etag:
        first, last = wanted.groups()
        if first:
            start, end = int(first), min(int(last) + 1 if last else size, size)
        elif last:
            start = max(0, size - int(last))
        if start >= size or start >= end:
            raise Problem(
                416,
                "range_not_satisfiable",
                f"the file has {size} bytes",
                headers={"content-range": f"bytes */{size}"},
            )
        status = 206
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kind)
    return StreamingResponse(
        api.storage.stream(api.jobs.storage.chunks(asset["key"], start, end)),
        status,
        headers,
        media_type=kind,
    )
