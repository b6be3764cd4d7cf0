"""The ISCC Video-Code (ISO 24138): one code for a whole video.

MPEG-7 frame signatures at five frames a second, added up and hashed by iscc-core. The reference
implementation asks the ``ffmpeg`` program for the signatures; ours are computed here, from the
decoded luma plane as stored, and are the same to the last digit (checked against FFmpeg's
``signature`` filter where one is at hand).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import av.filter
import iscc_core
import numpy as np
from numpy.typing import NDArray

from media.errors import MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.probe import check_size, describe_stream, opened
from provenance.fingerprint import mpeg7

ISCC_FPS = 5
"""Frames a second that the reference implementation looks at."""
EIGHT_BIT_LUMA = ("gray", "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
"""Formats whose first plane is taken as it is; others are converted to the second."""

_LIMITS = MediaLimits()


@dataclass(frozen=True, slots=True)
class VideoCode:
    """An ISCC Video-Code: ``iscc`` is ``ISCC:…``, ``raw`` its digest without the header."""

    iscc: str
    raw: bytes
    frames: int


def iscc_video_code(path: Path | str, bits: int = 64, limits: MediaLimits = _LIMITS) -> str:
    """The ISCC Video-Code of a video as text, ``ISCC:…``; see :func:`video_code`."""
    return video_code(Path(path), bits, limits).iscc


def video_code(path: Path, bits: int = 64, limits: MediaLimits = _LIMITS) -> VideoCode:
    """The ISCC Video-Code of a video; ``bits`` is 64, 128, 192 or 256.

    Raises :class:`UnreadableMedia` and :class:`MediaLimitExceeded`. Cost: one decode, and about
    2 ms for each fifth of a second at 720p; memory of a few frames.
    """
    signatures = frame_signatures(path, limits)
    made = iscc_core.gen_video_code([tuple(row) for row in signatures.tolist()], bits=bits)
    code = str(made["iscc"])
    return VideoCode(code, bytes(iscc_core.Code(code).hash_bytes), len(signatures))


def frame_signatures(path: Path, limits: MediaLimits = _LIMITS) -> NDArray[np.uint8]:
    """MPEG-7 frame signatures at five frames a second: ``uint8 [N, 380]`` of 0, 1, 2."""
    return np.stack([mpeg7.signature(luma) for luma in _sampled(path, limits)])


def _sampled(path: Path, limits: MediaLimits) -> Iterator[NDArray[np.uint8]]:
    """Luma planes ``uint8 [H, W]`` at five frames a second, at least one."""
    seen = given = 0
    with opened(path, limits) as container:
        info = describe_stream(container, path)
        check_size(info.width, info.height, limits, path.name)
        if min(info.width, info.height) < mpeg7.GRID:
            raise UnreadableMedia(
                f"{path.name} is too small for a Video-Code",
                f"use a video of at least {mpeg7.GRID} pixels on each side",
            )
        stream = container.streams.video[0]
        graph = av.filter.Graph()
        source = graph.add_buffer(template=stream)
        rate = graph.add("fps", str(ISCC_FPS))
        form = graph.add("format", "|".join(EIGHT_BIT_LUMA))
        sink = graph.add("buffersink")
        graph.link_nodes(source, rate, form, sink).configure()
        try:
            for frame in container.decode(stream):
                seen += 1
                if seen > limits.max_frames:
                    raise MediaLimitExceeded(
                        f"{path.name} is longer than {limits.max_frames} frames",
                        "cut it, or raise limits.media",
                    )
                if (frame.width, frame.height) != (info.width, info.height):
                    continue
                graph.push(frame)
                for luma in _pulled(graph):
                    given += 1
                    yield luma
        except (av.error.FFmpegError, ValueError) as error:
            if seen == 0:
                raise UnreadableMedia(
                    f"{path.name} cannot be decoded", "get an undamaged copy"
                ) from error
        graph.push(None)
        for luma in _pulled(graph):
            given += 1
            yield luma
    if given == 0:
        raise UnreadableMedia(f"{path.name} has no frame", "get an undamaged copy")


def _pulled(graph: av.filter.Graph) -> Iterator[NDArray[np.uint8]]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        plane = frame.planes[0]
        stored = np.frombuffer(bytes(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
        yield stored[:, : plane.width]
