"""What a media file says of itself, read without decoding more than its headers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.container
import av.error

from media.errors import MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.tone import Transfer, transfer_of

_DEFAULT = MediaLimits()

# Demuxers that may open other files or URLs named inside the file are left out: an upload
# must not make us read a path or reach a host of its author's choice.
_FORMATS = {
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "m4v", "matroska", "webm", "avi", "mpegts"),
    *("mpeg", "flv", "ogg", "asf", "gif", "apng", "h264", "hevc", "av1", "obu", "ivf"),
    *("image2", "png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe"),
}


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The first video stream of a file.

    ``width`` and ``height`` are in pixels as stored, before ``rotation`` (degrees, clockwise,
    a multiple of 90). ``seconds`` and ``frames`` are what the header claims, None when it does
    not say. ``fps`` is the average rate. ``transfer`` is that of an HDR stream, None for SDR.
    """

    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    fps: Fraction
    seconds: float | None
    frames: int | None
    has_audio: bool
    bytes: int
    transfer: Transfer | None = None


@contextmanager
def opened(path: Path, limits: MediaLimits = _DEFAULT) -> Iterator[av.container.InputContainer]:
    """Open ``path`` for reading, or raise :class:`UnreadableMedia` / :class:`MediaLimitExceeded`.

    Only this file is read: nested protocols and playlist formats are refused.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableMedia(f"{path}: {error.strerror}", "check the path") from error
    if not path.is_file():
        raise UnreadableMedia(f"{path} is not a file", "give the path of a video or image file")
    if size > limits.max_bytes:
        raise MediaLimitExceeded(
            f"{path.name} has {size} bytes, more than {limits.max_bytes}",
            "shorten the video or raise limits.media.max_bytes",
        )
    options = {"protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0"}
    try:
        container = av.open(str(path), mode="r", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise UnreadableMedia(
            f"{path.name} is not a video or image that can be read",
            "give an MP4, MOV, WebM, MKV, AVI, GIF, PNG or JPEG file",
        ) from error
    try:
        if not _FORMATS.intersection(container.format.name.split(",")):
            raise UnreadableMedia(
                f"{path.name}: the format {container.format.name} is not read",
                "convert it to MP4",
            )
        yield container
    finally:
        container.close()


def _video_stream(container: av.container.InputContainer, name: str) -> Any:
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    raise UnreadableMedia(f"{name} has no video stream", "give a file with moving or still images")


def check_size(width: int, height: int, limits: MediaLimits, name: str) -> None:
    """Raise :class:`MediaLimitExceeded` when a frame is smaller or larger than the limits."""
    too_small = min(width, height) < limits.min_side
    too_large = max(width, height) > limits.max_side or width * height > limits.max_pixels
    if too_small or too_large:
        raise MediaLimitExceeded(
            f"{name}: frames of {width}x{height} are outside {limits.min_side} to "
            f"{limits.max_side} pixels a side",
            "scale the video, or change limits.media",
        )


def describe_stream(container: av.container.InputContainer, path: Path) -> VideoInfo:
    """The facts of an opened container; see :func:`probe`."""
    stream = _video_stream(container, path.name)
    context = stream.codec_context
    if context is None:
        raise UnreadableMedia(
            f"{path.name}: no decoder knows its video stream", "convert it to MP4"
        )
    if not context.width or not context.height:
        raise UnreadableMedia(f"{path.name}: the stream names no frame size")
    seconds: float | None = None
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        seconds = container.duration / av.time_base
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    return VideoInfo(
        container=container.format.name,
        codec=context.name,
        pixel_format=context.pix_fmt or "unknown",
        width=context.width,
        height=context.height,
        fps=Fraction(rate),
        seconds=seconds if seconds is None or seconds >= 0 else None,
        frames=stream.frames or None,
        has_audio=bool(container.streams.audio),
        bytes=path.stat().st_size,
        transfer=transfer_of(context.color_trc),
    )


def probe(path: Path, limits: MediaLimits = _DEFAULT) -> VideoInfo:
    """Read the headers of ``path``.

    Raises :class:`UnreadableMedia` for anything that is no video or image, and
    :class:`MediaLimitExceeded` for one past ``limits`` in bytes, frame size or claimed length.
    """
    with opened(path, limits) as container:
        info = describe_stream(container, path)
    check_size(info.width, info.height, limits, path.name)
    if info.seconds is not None and info.seconds > limits.max_seconds:
        raise MediaLimitExceeded(
            f"{path.name} says that it lasts {info.seconds:.0f} s, more than "
            f"{limits.max_seconds:.0f} s",
            "cut it, or raise limits.media.max_seconds",
        )
    return info
