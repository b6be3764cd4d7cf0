"""The ISCC Video-Code (ISO 24138): one code for a whole video.

MPEG-7 frame signatures at five frames a second, added up and hashed by iscc-core. The reference
implementation asks the ``ffmpeg`` program for the signatures; ours are computed here, from the
decoded luma plane as stored, and are the same to the last digit (checked against FFmpeg's
``signature`` filter where one is at hand).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from media.errors import MediaError, UnreadableMedia
from media.limits import MediaLimits
from provenance.fingerprint import mpeg7

if TYPE_CHECKING:
    import av
    import av.error
    import av.filter

ISCC_FPS = 5
"""Frames a second that the reference implementation looks at."""
EIGHT_BIT_LUMA = ("gray", "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
"""Formats whose first plane is taken as it is; others are converted to the second."""

_LIMITS = MediaLimits()
_TICK = Fraction(1, 90_000)


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
    import iscc_core

    signatures = frame_signatures(path, limits)
    made = iscc_core.gen_video_code([tuple(row) for row in signatures.tolist()], bits=bits)
    code = str(made["iscc"])
    return VideoCode(code, bytes(iscc_core.Code(code).hash_bytes), len(signatures))


def frame_signatures(path: Path, limits: MediaLimits = _LIMITS) -> NDArray[np.uint8]:
    """MPEG-7 frame signatures at five frames a second: ``uint8 [N, 380]`` of 0, 1, 2."""
    return np.stack([mpeg7.signature(luma) for luma in _sampled(path, limits)])


def _sampled(path: Path, limits: MediaLimits) -> Iterator[NDArray[np.uint8]]:
    """Luma planes ``uint8 [H, W]`` at five frames a second, at least one."""
    from media.open import open_media
    from media.open.display import Display

    given = 0
    media = open_media(path, limits)
    if min(media.info.width, media.info.height) < mpeg7.GRID:
        raise UnreadableMedia(
            f"{path.name} is too small for a Video-Code",
            f"use a video of at least {mpeg7.GRID} pixels on each side",
        )
    graph: av.filter.Graph | None = None
    size = (0, 0)
    display = Display()
    broken: MediaError | None = None
    try:
        for frame, at in media.stored():
            if graph is None:
                graph, size = _graph(frame), (frame.width, frame.height)
            if (frame.width, frame.height) != size:
                continue
            display = media.display_of(frame, media.showings[0])
            frame.pts, frame.time_base = round(at / _TICK), _TICK
            graph.push(frame)
            for luma in _pulled(graph):
                given += 1
                yield display.apply(luma, square=False)
    except UnreadableMedia as error:
        # What came before the break has a code; a file without any frame has none.
        broken = error
    if graph is not None:
        graph.push(None)
        for luma in _pulled(graph):
            given += 1
            yield display.apply(luma, square=False)
    if given == 0:
        raise broken or UnreadableMedia(f"{path.name} has no frame", "get an undamaged copy")


def _graph(frame: av.VideoFrame) -> av.filter.Graph:
    import av
    import av.error
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=_TICK
    )
    rate = graph.add("fps", str(ISCC_FPS))
    form = graph.add("format", "|".join(EIGHT_BIT_LUMA))
    sink = graph.add("buffersink")
    graph.link_nodes(source, rate, form, sink).configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Iterator[NDArray[np.uint8]]:
    import av
    import av.error
    import av.filter

    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        plane = frame.planes[0]
        stored = np.frombuffer(bytes(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
        yield stored[:, : plane.width]
