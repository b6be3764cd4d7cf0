"""Short looks into a long video: a few frames from given times, without decoding the rest.

A look begins with the key frame at or before its time when that is near enough; looks inside one
group of pictures share its decoding. So a look at key frames costs little whatever the length.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from media.errors import UnreadableMedia
from media.open.container import check_size, opened
from media.open.media import Media

Luma = NDArray[np.uint8]
CUT_CHANGE = 20.0
"""Mean change of the picture, in steps of 255, that counts as a cut."""
MOST_CUTS = 4
"""Cuts between two looks that are kept: more are flicker."""
_EPSILON = 1e-4
_INDEXED = "mov"
MOST_INDEX = 2_000_000
"""Most packets that are read to find the key frames of a file without an index."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One frame: luma ``uint8 [H, W]`` as shown, "is a key frame", seconds from the first."""

    luma: Luma
    fresh: bool
    at: float


def key_times(media: Media) -> list[float]:
    """When the key frames of what is shown begin, seconds from the first frame, rising.

    Raises :class:`UnreadableMedia`. Costs a look at the index, or the reading of the packets.
    """
    if media.is_picture:
        return [0.0]
    try:
        with opened(media.path, media.limits) as container:
            stream = _stream(container, media)
            base = float(stream.time_base or 0)
            if _INDEXED in container.format.name and len(stream.index_entries):
                found = [e.timestamp * base for e in stream.index_entries if e.is_keyframe]
            else:
                found = []
                for count, packet in enumerate(container.demux(stream)):
                    if packet.is_keyframe and packet.pts is not None:
                        found.append(packet.pts * base)
                    if count > MOST_INDEX:
                        break
    except (av.error.FFmpegError, ValueError) as error:
        raise UnreadableMedia(f"{media.path.name} breaks off", "get an undamaged copy") from error
    first = min(found, default=0.0)
    return sorted({round(max(0.0, at - first), 6) for at in found}) or [0.0]


def windows(
    media: Media,
    starts: Sequence[float],
    count: int,
    spacing: float,
    keys: Sequence[float],
    *,
    cuts: bool = False,
) -> Iterator[tuple[float, list[Glimpse]]]:
    """For each time of ``starts`` (rising): it, and up to ``count`` frames from there on.

    Frames are at least ``spacing`` seconds apart. ``keys`` are :func:`key_times`. With ``cuts``
    the first frame after every cut that was decoded on the way is given too, alone. A stretch
    that does not decode gives no frames. Raises :class:`MediaLimitExceeded` for frames past a
    limit.
    """
    if media.is_picture:
        if starts:
            yield starts[0], [Glimpse(*next(media.luma()))]
        return
    with opened(media.path, media.limits) as container:
        stream = _stream(container, media)
        stream.thread_type = "AUTO"
        reader = _Reader(container, stream, media, list(keys))
        for start in starts:
            found = reader.read(start, count, spacing)
            if cuts:
                times = {glimpse.at for glimpse in found}
                for cut in reader.cuts:
                    if cut.at not in times:
                        yield cut.at, [cut]
            reader.cuts.clear()
            yield start, found


def _stream(container: InputContainer, media: Media) -> VideoStream:
    stream = container.streams[media.showings[0].stream]
    assert isinstance(stream, VideoStream)
    return stream


class _Reader:
    def __init__(
        self, container: InputContainer, stream: VideoStream, media: Media, keys: list[float]
    ) -> None:
        self._container, self._stream, self._media, self._keys = container, stream, media, keys
        self._frames: Iterator[av.VideoFrame] | None = None
        self._held: av.VideoFrame | None = None
        self._at = -1.0
        self._origin: float | None = None
        self._size: tuple[int, int] | None = None
        self._last: NDArray[np.int16] | None = None
        self.cuts: list[Glimpse] = []

    def read(self, start: float, count: int, spacing: float) -> list[Glimpse]:
        out: list[Glimpse] = []
        with suppress(av.error.FFmpegError, ValueError, StopIteration):
            self._approach(start)
            following = start
            while len(out) < count:
                frame = self._next()
                at = self._time(frame)
                if at + _EPSILON < following:
                    continue
                following = at + spacing
                out.append(Glimpse(self._shown(frame), bool(frame.key_frame), at))
        return out

    def _approach(self, start: float) -> None:
        """Where decoding goes on: here, when no key frame lies between here and ``start``."""
        place = bisect.bisect_right(self._keys, start + _EPSILON) - 1
        key = self._keys[max(place, 0)]
        if self._frames is not None and key <= self._at + _EPSILON and self._at <= start:
            return
        if self._frames is None or self._at >= 0:
            base = float(self._stream.time_base or 1)
            begin = float(self._stream.start_time or 0) * base
            self._container.seek(
                round((begin + key) / base), stream=self._stream, backward=True, any_frame=False
            )
        self._frames = self._container.decode(self._stream)
        self._at, self._last = -1.0, None

    def _next(self) -> av.VideoFrame:
        assert self._frames is not None
        frame = next(self._frames)
        self._at = self._time(frame)
        self._compare(frame)
        return frame

    def _compare(self, frame: av.VideoFrame) -> None:
        """Remember the frame when it is the first one after a cut."""
        plane = frame.planes[0]
        rows = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
        step = max(8, plane.line_size // 40)
        glance = rows[::step, ::step].astype(np.int16)
        last, self._last = self._last, glance
        if last is not None and last.shape == glance.shape:
            change = float(np.abs(glance - last).mean())
            if change > CUT_CHANGE and len(self.cuts) < MOST_CUTS:
                self.cuts.append(Glimpse(self._shown(frame), True, self._at))

    def _time(self, frame: av.VideoFrame) -> float:
        if self._origin is None:
            base = float(self._stream.time_base or 1)
            self._origin = float(self._stream.start_time or 0) * base
        return float(frame.time or 0.0) - self._origin

    def _shown(self, frame: av.VideoFrame) -> Luma:
        media = self._media
        check_size(frame.width, frame.height, media.limits, media.path.name)
        self._size = self._size or (frame.width, frame.height)
        return media.shown_luma(frame, self._size)
