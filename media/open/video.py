"""Decoding one video stream of a container: every frame that its edit list shows, or an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.sidedata.sidedata import SideData, Type
from av.video.stream import VideoStream

from media.errors import UnreadableMedia
from media.limits import MediaLimits
from media.open.container import opened
from media.open.display import Display

_DISCONTINUOUS = 0x0200
"""``AVFMT_TS_DISCONT``: time stamps of such containers may jump."""

LARGEST_GAP = 10.0
"""Seconds; a larger jump of such time stamps is one of the clock, not of the picture (FFmpeg's
``dts_delta_threshold``)."""

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave out the alpha that Matroska carries beside the picture."""


class BrokenOff(ValueError):
    """The stream ended before its index says."""


def decode_stream(
    path: Path, number: int, limits: MediaLimits, promised: int | None
) -> Iterator[tuple[av.VideoFrame, float | None]]:
    """Frames of stream ``number`` as stored, and their times in seconds, where there are any.

    Time stamps are taken as they are, jumps of the clock aside. ``promised`` packets must come:
    FFmpeg ends a truncated file like a whole one, and only the count gives it away. Raises
    :class:`BrokenOff`, ``av.error.FFmpegError`` and the errors of
    :func:`~media.open.container.opened`.
    """
    with opened(path, limits) as container:
        stream = container.streams[number]
        assert isinstance(stream, VideoStream)
        jumps = bool(container.format.flags & _DISCONTINUOUS)
        shift, last = 0.0, None
        for frame in _frames(container, stream, promised):
            at = float(frame.time) if frame.time is not None else None
            if at is not None and jumps:
                if last is not None and abs(at + shift - last) > LARGEST_GAP:
                    shift = last - at + 1 / float(stream.average_rate or 25)
                at += shift
                last = at
            yield frame, at


def _frames(
    container: InputContainer, stream: VideoStream, promised: int | None
) -> Iterator[av.VideoFrame]:
    decoder = _decoder(stream)
    packets = 0
    for packet in container.demux(stream):
        packets += packet.size > 0
        yield from packet.decode() if decoder is None else decoder.decode(packet)
    if promised is not None and packets < promised:
        raise BrokenOff(f"{packets} of {promised} packets")


def _decoder(stream: VideoStream) -> Any:
    """A decoder of our own where the usual one would lose the alpha channel."""
    context = stream.codec_context
    if alpha_beside(stream) and context.name in _ALPHA_DECODERS:
        decoder = av.CodecContext.create(_ALPHA_DECODERS[context.name], "r")
        decoder.extradata = context.extradata
        return decoder
    # Set by every caller alike: frames come out in the same order whatever the number.
    stream.thread_type = "AUTO"
    return None


def alpha_beside(stream: VideoStream) -> bool:
    """Whether Matroska says that alpha lies beside each picture."""
    return stream.metadata.get("alpha_mode", stream.metadata.get("ALPHA_MODE", "0")) == "1"


def display_of(frame: av.VideoFrame, aspect: Any) -> Display:
    """How a frame is to be shown; ``aspect`` is the shape of a pixel that the container names."""
    found = frame.side_data.get(Type.DISPLAYMATRIX.name)
    return Display.of(bytes(found) if isinstance(found, SideData) else None, aspect)


Special = tuple[str, int, str]
"""A category, how many, and what it is in words."""


def first_frame(
    container: InputContainer, stream: VideoStream
) -> tuple[Display, float, tuple[Special, ...]]:
    """How the first frame of a stream is to be shown, its time by the container's clock, and what
    a player may do with it that nobody here does; plain, 0 and nothing when none decodes.

    Reads on: ask nothing else of the container afterwards.
    """
    try:
        for packet in container.demux(stream):
            for frame in packet.decode():
                display = display_of(frame, stream.sample_aspect_ratio)
                return display, float(frame.time or 0.0), _special(frame)
    except (av.error.FFmpegError, ValueError):
        pass
    return Display.of(None, stream.sample_aspect_ratio), 0.0, ()


def _special(frame: av.VideoFrame) -> tuple[Special, ...]:
    found: list[Special] = []
    if frame.side_data.get(Type.STEREO3D.name) is not None:
        found.append(("projection", 1, "a stereo picture: each eye sees a part of it"))
    if frame.side_data.get(Type.SPHERICAL.name) is not None:
        found.append(("projection", 1, "a spherical picture: a viewer sees a part of it, bent"))
    if frame.side_data.get(Type.A53_CC.name) is not None:
        found.append(("subtitles", 1, "closed captions (CEA-608 or 708) inside the picture"))
    return tuple(found)


def breaks_off(path: Path, frames: int) -> UnreadableMedia:
    return UnreadableMedia(f"{path.name} breaks off after {frames} frames", "get an undamaged copy")
