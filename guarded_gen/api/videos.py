"""``/v1/videos``: the calls of the official SDK's video service, on our own jobs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

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
    SOURCE_PARTS,
    CreateVideo,
    EditVideo,
    ExtendVideo,
    RemixVideo,
    Sampling,
    VideoSource,
    only,
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
    rate_like,
    shape_like,
)
from guarded_gen.store.tables.jobs import OPEN, Job
from media.errors import MediaError
from media.probe import probe

Derived = TypeVar("Derived", EditVideo, ExtendVideo)
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
    """What a clip is made from: nothing, one picture or one video; and the mode that means.

    ``details`` are kept with the job.
    """

    mode: Mode = Mode.TEXT_TO_VIDEO
    picture: Upload | None = None
    named_picture: Any = None
    video: Job | None = None
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


@router.post(
    "/edits",
    responses=answers(VIDEO),
    openapi_extra=request_body(EditVideo, {"video": "one"}, SOURCE_PARTS),
)
async def edit_video(request: Request) -> Response:
    """A new video made from an existing or uploaded one by a prompt."""
    return await from_video(
        request, EditVideo, Mode.EDIT, "edited_from", lambda wanted: {"strength": wanted.strength}
    )


@router.post(
    "/extensions",
    responses=answers(VIDEO),
    openapi_extra=request_body(ExtendVideo, {"video": "one"}, SOURCE_PARTS),
)
async def extend_video(request: Request) -> Response:
    """A completed video continued for some more seconds."""
    return await from_video(
        request,
        ExtendVideo,
        Mode.EXTEND,
        "extended_from",
        lambda wanted: {"seconds": wanted.seconds},
    )


async def from_video(
    request: Request,
    model: type[Derived],
    mode: Mode,
    relation: str,
    own: Callable[[Derived], dict[str, Any]],
) -> Response:
    """Take in a job that starts from a video: one of ours, or an upload."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(model, body, frozenset({"video"}))
        upload = body.file("video")

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            source = source_of(api, caller, wanted.video, upload)
            fields = like(clip_fields(api, caller, wanted), wanted, source) | own(wanted)
            if upload is not None:
                fields = like_upload(api, fields, upload, wanted.fps)
            return start(
                api,
                caller,
                wanted,
                fields,
                remember,
                request,
                StartsFrom(
                    mode,
                    video=source,
                    uploaded_video=upload,
                    details=derived(source, relation),
                ),
            )

        return polled(api, await api.post(request, caller, body, work, api.slow))


def source_of(
    api: Api, caller: Caller, named: VideoSource | None, upload: Upload | None
) -> Job | None:
    if (named is None) == (upload is None):
        raise Problem(
            400,
            "missing_required_parameter",
            "give video as a file or as video[id]",
            param="video",
        )
    return completed(api, caller, named.id, "video.id") if named is not None else None


def like(fields: dict[str, Any], wanted: Sampling, source: Job | None) -> dict[str, Any]:
    """A derived clip has the size, rate, length and model of its source unless told otherwise."""
    if source is not None:
        request = source.request
        if wanted.model is not None and not is_alias(wanted.model):
            only("model", wanted.model, request["backend"])
        only("fps", wanted.fps, request["fps"])
        for name in ("width", "height"):
            fields[name] = fields[name] or request[name]
        fields["fps"] = request["fps"]
        fields.setdefault("seconds", request["seconds"])
        fields["backend"] = request["backend"]
    return fields


def like_upload(
    api: Api, fields: dict[str, Any], upload: Upload, fps: float | None
) -> dict[str, Any]:
    """The same for an uploaded source; one that cannot be read is refused where it is stored."""
    limits = api.settings.limits.media
    try:
        info = probe(upload.path, limits)
    except MediaError:
        return fields
    width, height = shape_like(info, limits)
    fields["width"] = fields["width"] or width
    fields["height"] = fields["height"] or height
    if fps is None:
        fields["fps"] = rate_like(info, limits)
    if info.seconds:
        able = api.services.generator(fields["backend"]).capabilities()
        longest = min(limits.max_generated_seconds, able.max_seconds)
        fields.setdefault("seconds", min(info.seconds, longest))
    return fields


def derived(source: Job | None, name: str) -> dict[str, Any]:
    return {name: source.id} if source is not None else {}


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


@router.post("/{video_id}/remix", responses=answers(VIDEO), openapi_extra=request_body(RemixVideo))
async def remix_video(request: Request, video_id: str) -> Response:
    """The same video with another prompt: same seed, size, length and model."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(RemixVideo, body)

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            source = completed(api, caller, video_id, "video_id")
            fields = like(clip_fields(api, caller, wanted), wanted, source)
            if fields["seed"] is None:
                fields["seed"] = source.request["seed"]
            return start(
                api,
                caller,
                wanted,
                fields,
                remember,
                request,
                StartsFrom(details={"remixed_from": source.id}),
            )

        return polled(api, await api.post(request, caller, body, work))


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
