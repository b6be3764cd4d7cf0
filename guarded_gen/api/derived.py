"""``/v1/videos``: videos that are made from videos: edits, extensions, blends, remixes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response

from generator.spec import Mode
from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.bodies import Upload, body_of
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.problems import Problem
from guarded_gen.api.requests import (
    SOURCE_PARTS,
    BlendVideos,
    EditVideo,
    ExtendVideo,
    RemixVideo,
    Sampling,
    VideoSource,
    only,
    parsed,
    request_body,
)
from guarded_gen.api.schemas import VIDEO, answers
from guarded_gen.api.videos import StartsFrom, clip_fields, completed, is_alias, polled, start
from guarded_gen.production.request import rate_like, shape_like
from guarded_gen.store.tables.jobs import Job
from media.errors import MediaError
from media.probe import probe

Derived = TypeVar("Derived", EditVideo, ExtendVideo)
router = APIRouter(prefix="/v1/videos", tags=["videos"])


@router.post(
    "/edits",
    responses=answers(VIDEO),
    openapi_extra=request_body(EditVideo, {"video": "one"}, SOURCE_PARTS),
)
async def edit_video(request: Request) -> Response:
    """A new video made from an existing or uploaded one by a prompt."""
    return await from_video(
        request,
        EditVideo,
        lambda wanted: Mode.EDIT,
        "edited_from",
        lambda wanted: {"strength": wanted.strength},
    )


@router.post(
    "/extensions",
    responses=answers(VIDEO),
    openapi_extra=request_body(ExtendVideo, {"video": "one"}, SOURCE_PARTS),
)
async def extend_video(request: Request) -> Response:
    """A completed video continued for some more seconds, or led up to: ``direction``."""
    return await from_video(
        request,
        ExtendVideo,
        lambda wanted: Mode.EXTEND if wanted.direction == "forward" else Mode.EXTEND_BACK,
        "extended_from",
        lambda wanted: {"seconds": wanted.seconds},
    )


@router.post("/blends", responses=answers(VIDEO), openapi_extra=request_body(BlendVideos))
async def blend_videos(request: Request) -> Response:
    """A video that leads from the end of one completed video to the start of another."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(BlendVideos, body)

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            first, second = (
                completed(api, caller, named.id, f"videos.{number}.id")
                for number, named in enumerate(wanted.videos)
            )
            fields = like(clip_fields(api, caller, wanted), wanted, first)
            details = {"blended_from": [first.id, second.id]}
            origin = StartsFrom(Mode.BLEND, video=first, second=second, details=details)
            fields |= {"seconds": wanted.seconds}
            return start(api, caller, wanted, fields, remember, request, origin)

        return polled(api, await api.post(request, caller, body, work, api.slow))


async def from_video(
    request: Request,
    model: type[Derived],
    mode: Callable[[Derived], Mode],
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
                    mode(wanted),
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
