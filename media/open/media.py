"""What lies in a file, and what of it somebody can come to see or hear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from media.clip import Frames, Pixels
from media.errors import MediaError, MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.open import captions as reading
from media.open import heif, pictures, video
from media.open import sound as listening
from media.open.captions import TimedText
from media.open.colour import BLACK, WHITE, has_alpha, matrix_of, to_rgb
from media.open.container import check_file, check_size, opened
from media.open.cropping import Crop, crops_of
from media.open.display import Display
from media.open.formats import Still, head_of, still_of
from media.open.parts import Part, parts_of
from media.open.trailing import trailing_bytes
from media.tone import Transfer, transfer_of

_DEFAULT = MediaLimits()

_PLANAR_LUMA = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"}
)
"""Formats whose first plane is 8-bit luma."""


class MediaKind(StrEnum):
    """How a picture of a file comes to be seen."""

    SHOWN = "shown"
    """What a player shows unasked."""
    TRACK = "track"
    """Another video track, which a menu leads to."""
    COVER = "cover"
    """Cover art and thumbnails: shown in lists, and while sound plays."""
    PAGE = "page"
    """A further page of a document, which a reader turns to."""
    BACKDROP = "backdrop"
    """A transparent picture on a dark page or screen."""
    CROPPED = "cropped"
    """A track as players show it that cut it as the container asks."""


@dataclass(frozen=True, slots=True)
class Showing:
    """One picture of a file that a viewer can come to see.

    ``stream`` is the number of its stream, in picture files that of the page, from 0; ``shade``
    the grey, 0 to 255, that alpha is laid over; ``crop`` what is kept of the stored picture.
    """

    kind: MediaKind
    stream: int
    shade: int = WHITE
    crop: Crop | None = None

    @property
    def name(self) -> str:
        """``shown``, ``track 2``, ``cover 0``, ``on black`` …, for records and for people."""
        if self.kind is MediaKind.SHOWN:
            return "shown"
        if self.kind is MediaKind.BACKDROP:
            return "on black" if self.shade == BLACK else f"on grey {self.shade}"
        return f"{self.kind.value} {self.stream}"


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound track: its stream, codec, samples a second and channels; ``default`` is played
    unasked."""

    stream: int
    codec: str
    rate: int
    channels: int
    default: bool


@dataclass(frozen=True, slots=True)
class NotShown:
    """Something in a file that is no picture of ours to judge: ``category`` is one of the
    taxonomy (``subtitles``, ``attachment``, ``track``, ``hidden_frames``, ``trailing_bytes``,
    ``projection``)."""

    category: str
    count: int
    what: str


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The picture that a player shows.

    ``width`` and ``height`` are in pixels as shown: turned, and with square pixels. ``seconds``
    and ``frames`` are what the header claims, None when it does not say. ``fps`` is the average
    rate. ``transfer`` is that of an HDR stream, None for SDR.
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


@dataclass(slots=True)
class Media:
    """A file that was looked into; made by :func:`open_media`.

    ``showings`` begins with what is shown unasked. Nothing stays open between two calls.
    """

    path: Path
    limits: MediaLimits
    info: VideoInfo
    showings: tuple[Showing, ...]
    sounds: tuple[Sound, ...] = ()
    subtitles: tuple[int, ...] = ()
    chapters: tuple[str, ...] = ()
    """Titles, which a player's menu shows."""
    not_shown: tuple[NotShown, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    """Files inside this one; look at each with :func:`open_media` on its own."""
    begin: float = 0.0
    """When the shown picture begins by the container's clock, in seconds."""
    _still: Still | None = None
    _sheet: pictures.Sheet | None = field(default=None, repr=False)
    _promised: dict[int, int | None] = field(default_factory=dict, repr=False)
    _translucent: set[int] = field(default_factory=set, repr=False)

    @property
    def is_picture(self) -> bool:
        """Whether this is a picture format: a still, or a sequence such as a GIF."""
        return self._still is not None

    def translucent(self, showing: Showing) -> bool:
        """Whether alpha showed in a stream whose frames were read once already."""
        return showing.stream in self._translucent

    def stored(self, showing: Showing | None = None) -> Iterator[tuple[av.VideoFrame, float]]:
        """Frames as stored, and seconds from the first, rising strictly.

        Raises :class:`UnreadableMedia` when no frame can be decoded or the stream breaks off,
        and :class:`MediaLimitExceeded` at the first frame past a limit.
        """
        chosen = showing or self.showings[0]
        period = float(1 / self.info.fps)
        count, start, last = 0, None, -1.0
        try:
            for frame, told in self._source(chosen):
                check_size(frame.width, frame.height, self.limits, self.path.name)
                if told is None:
                    at = last + period if count else 0.0
                else:
                    start = told if start is None else start
                    at = told - start
                last = at if at > last else last + period
                count += 1
                if count > self.limits.max_frames or last > self.limits.max_seconds:
                    raise MediaLimitExceeded(
                        f"{self.path.name} is longer than {self.limits.max_frames} frames or "
                        f"{self.limits.max_seconds:.0f} s",
                        "cut it, or raise limits.media",
                    )
                yield frame, last
        except (av.error.FFmpegError, ValueError) as error:
            raise video.breaks_off(self.path, count) from error
        if count == 0:
            raise UnreadableMedia(f"{self.path.name} has no frame", "get an undamaged copy")

    def _source(self, showing: Showing) -> Iterator[tuple[av.VideoFrame, float | None]]:
        if self._still is Still.HEIC:
            yield from ((frame, 0.0) for frame in heif.frames(self.path, self.limits))
        elif self._still is not None:
            assert self._sheet is not None
            for frame in pictures.frames(
                self.path, self._still, self._sheet, self.limits, showing.stream
            ):
                yield frame, float(frame.time or 0)
        else:
            promised = self._promised.get(showing.stream)
            yield from video.decode_stream(self.path, showing.stream, self.limits, promised)

    def frames(self, showing: Showing | None = None) -> Iterator[Frames]:
        """Batches of frames as they are shown: upright, square pixels, HDR and wide colours as
        SDR, alpha over the showing's shade.

        Each batch is ``uint8 [T, H, W, 3]`` RGB of at most ``limits.batch_bytes``. A clip whose
        frame size changes midway is scaled to that of its first frame. Raises as
        :meth:`stored`; batches already yielded stand. Cost: about 2 ms per 720p frame.
        """
        chosen = showing or self.showings[0]
        pixels: list[Pixels] = []
        times: list[float] = []
        size: tuple[int, int] | None = None
        index, most = 0, 1
        broken: MediaError | None = None
        stored = self.stored(chosen)
        while True:
            try:
                frame, at = next(stored)
            except StopIteration:
                break
            except MediaError as error:
                broken = error
                break
            picture = self._shown(frame, chosen)
            if size is None:
                size = (picture.shape[1], picture.shape[0])
                check_size(*size, self.limits, self.path.name)
                most = int(np.clip(self.limits.batch_bytes // (size[0] * size[1] * 3), 1, 32))
            elif picture.shape[1::-1] != size:
                picture = self._resized(picture, size)
            pixels.append(picture)
            times.append(at)
            if len(pixels) == most:
                yield Frames(np.stack(pixels), np.array(times), index)
                index += len(pixels)
                pixels, times = [], []
        if pixels:
            yield Frames(np.stack(pixels), np.array(times), index)
        if broken is not None:
            raise broken

    def _shown(self, frame: av.VideoFrame, showing: Showing) -> Pixels:
        transfer = transfer_of(frame.color_trc) or self.info.transfer
        rgb, translucent = to_rgb(frame, transfer, showing.shade)
        if translucent:
            self._translucent.add(showing.stream)
        if showing.crop is not None:
            left, upper, right, lower = showing.crop
            rgb = np.ascontiguousarray(rgb[upper:lower, left:right])
        display = self.display_of(frame, showing)
        return rgb if display.plain else display.apply(rgb)

    @staticmethod
    def _resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        return np.asarray(frame.to_ndarray(format="rgb24", width=size[0], height=size[1]))

    def display_of(self, frame: av.VideoFrame, showing: Showing) -> Display:
        """How a stored frame is to be shown."""
        if self._still is not None:
            return Display()
        # Reading side data ties a frame into a cycle, which keeps its memory until the garbage
        # collector comes by: once for each angle is enough.
        key = (showing.stream, frame.rotation)
        if key not in self._displays:
            self._displays[key] = video.display_of(frame, self._aspects.get(showing.stream))
        return self._displays[key]

    _displays: dict[tuple[int, int], Display] = field(default_factory=dict, repr=False)
    _aspects: dict[int, Fraction | None] = field(default_factory=dict, repr=False)

    def luma(
        self, showing: Showing | None = None, *, square: bool = True
    ) -> Iterator[tuple[NDArray[np.uint8], bool, float]]:
        """Every frame's luma ``uint8 [H, W]`` as it is shown, "is a key frame", seconds.

        8-bit luma is taken as stored, whatever its range, which costs a tenth of any conversion;
        ``square=False`` leaves the shape of pixels as stored. Raises as :meth:`stored`.
        """
        chosen = showing or self.showings[0]
        size: tuple[int, int] | None = None
        for frame, at in self.stored(chosen):
            size = size or (frame.width, frame.height)
            yield self.shown_luma(frame, size, chosen, square=square), frame.key_frame, at

    def shown_luma(
        self,
        frame: av.VideoFrame,
        size: tuple[int, int],
        showing: Showing | None = None,
        *,
        square: bool = True,
    ) -> NDArray[np.uint8]:
        """A stored frame's luma as it is shown; ``size`` is (width, height) of those before."""
        chosen = showing or self.showings[0]
        grey = self._luma_of(frame, size, chosen)
        if chosen.crop is not None:
            left, upper, right, lower = chosen.crop
            grey = grey[upper:lower, left:right]
        display = self.display_of(frame, chosen)
        return grey if display.plain else display.apply(grey, square=square)

    def sound(
        self, track: Sound, rate: int, channels: int = 1, *, aligned: bool = False
    ) -> Iterator[listening.Samples]:
        """Blocks ``float32 [N, C]`` of a sound track; see :func:`media.open.sound.samples`.

        ``aligned``: from the moment on at which the picture begins.
        """
        begin = self.begin if aligned else None
        return listening.samples(self.path, track.stream, self.limits, rate, channels, begin)

    def captions(self, stream: int) -> Iterator[TimedText]:
        """The lines of a subtitle track; see :func:`media.open.captions.captions`."""
        return reading.captions(self.path, stream, self.limits)

    def loudness(self, track: Sound) -> Iterator[listening.Loudness]:
        """How loud a sound track is, ten times a second."""
        return listening.loudness(self.path, track.stream, self.limits)

    def _luma_of(
        self, frame: av.VideoFrame, size: tuple[int, int], showing: Showing
    ) -> NDArray[np.uint8]:
        if frame.format.name in _PLANAR_LUMA and (frame.width, frame.height) == size:
            plane = frame.planes[0]
            stored = np.frombuffer(bytes(plane), dtype=np.uint8)
            return stored.reshape(plane.height, plane.line_size)[:, : plane.width]
        if has_alpha(frame):
            rgb, _ = to_rgb(frame, None, showing.shade)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        matrix = matrix_of(frame)
        named: dict[str, Any] = {} if matrix is None else {"src_colorspace": matrix}
        grey = frame.reformat(*size, format="gray", **named).to_ndarray()
        return np.asarray(grey, dtype=np.uint8)


def open_media(path: Path, limits: MediaLimits = _DEFAULT) -> Media:
    """Look into ``path`` without decoding more than its headers and one frame.

    Raises :class:`UnreadableMedia` for anything that is no video or image, and
    :class:`MediaLimitExceeded` for one past ``limits`` in bytes, frame size or claimed length.
    """
    size = check_file(path, limits)
    try:
        still = still_of(head_of(path))
    except OSError as error:
        raise UnreadableMedia(f"{path}: {error.strerror}", "check the path") from error
    media = _picture(path, still, size, limits) if still else _video(path, size, limits)
    check_size(media.info.width, media.info.height, limits, path.name)
    if media.info.seconds is not None and media.info.seconds > limits.max_seconds:
        raise MediaLimitExceeded(
            f"{path.name} says that it lasts {media.info.seconds:.0f} s, more than "
            f"{limits.max_seconds:.0f} s",
            "cut it, or raise limits.media.max_seconds",
        )
    behind = trailing_bytes(path, still)
    media.parts = parts_of(path, still, size - behind)
    behind -= sum(part.length for part in media.parts if part.offset >= size - behind)
    if behind > 0:
        media.not_shown += (NotShown("trailing_bytes", behind, f"{behind} bytes behind the end"),)
    return media


def _picture(path: Path, still: Still, size: int, limits: MediaLimits) -> Media:
    shown = Showing(MediaKind.SHOWN, 0)
    if still is Still.HEIC:
        width, height, codec, transfer = heif.size_of(path, limits)
        rate = pictures.STILL_RATE
        info = VideoInfo(
            still.value, codec, "yuv420p", width, height, rate, None, 1, False, size, transfer
        )
        showings: tuple[Showing, ...] = (shown, Showing(MediaKind.BACKDROP, 0, BLACK))
        return Media(path, limits, info, showings, not_shown=_more_pictures(path), _still=still)
    sheet = pictures.sheet_of(path, still, limits)
    info = VideoInfo(
        still.value,
        sheet.codec,
        sheet.mode.lower(),
        sheet.width,
        sheet.height,
        sheet.rate,
        None,
        None if sheet.moves else 1,
        False,
        size,
        sheet.transfer,
    )
    pages = range(min(sheet.pages, limits.max_pages))
    showings = (shown, *(Showing(MediaKind.PAGE, n) for n in pages[1:]))
    # A later frame of an animation, or page, may be transparent where the first is not.
    if sheet.alpha or sheet.moves or sheet.pages > 1:
        showings += tuple(Showing(MediaKind.BACKDROP, n, BLACK) for n in pages)
    not_shown = _more_pictures(path) if still is Still.AVIF else ()
    if left := sheet.pages - len(pages):
        not_shown += (NotShown("track", left, f"{left} more pages"),)
    return Media(
        path,
        limits,
        info,
        showings,
        not_shown=not_shown,
        metadata=sheet.metadata,
        _still=still,
        _sheet=sheet,
    )


def _more_pictures(path: Path) -> tuple[NotShown, ...]:
    """Of a HEIF file: pictures beside the primary one."""
    more = heif.further_of(path)
    return (NotShown("track", more, f"{more} more pictures"),) if more else ()


def _video(path: Path, size: int, limits: MediaLimits) -> Media:
    with opened(path, limits) as container:
        covers, tracks, unknown = _sorted(container)
        if not tracks:
            if unknown:
                raise UnreadableMedia(
                    f"{path.name}: no decoder knows its video stream", "convert it to MP4"
                )
            raise UnreadableMedia(
                f"{path.name} has no video stream", "give a file with moving or still images"
            )
        shown = tracks[0]
        more = [*tracks[1:], *covers]
        looked, left = more[: limits.max_tracks - 1], more[limits.max_tracks - 1 :]
        showings = [Showing(MediaKind.SHOWN, shown.index)]
        showings += [
            Showing(MediaKind.COVER if s in covers else MediaKind.TRACK, s.index) for s in looked
        ]
        showings += [
            Showing(MediaKind.BACKDROP, s.index, BLACK)
            for s in (shown, *looked)
            if _may_show_alpha(s)
        ]
        showings += _cropped(path, container, {s.index for s in (shown, *looked)})
        info = _describe(container, shown, path, size)
        promised = {s.index: _promised(s) for s in (shown, *looked)}
        aspects = {s.index: s.sample_aspect_ratio for s in (shown, *looked)}
        sounds = tuple(
            Sound(
                s.index,
                s.codec_context.name if s.codec_context else "unknown",
                s.codec_context.sample_rate if s.codec_context else 0,
                s.codec_context.channels if s.codec_context else 0,
                bool(s.disposition & av.stream.Disposition.default),
            )
            for s in container.streams.audio
        )
        subtitles = tuple(s.index for s in container.streams.subtitles)
        rest = _rest(container, [*left, *unknown], shown)
        chapters = tuple(
            title for c in container.chapters() if (title := c["metadata"].get("title", "").strip())
        )
        metadata = dict(container.metadata)
        display, begin, special = video.first_frame(container, shown)
        rest += tuple(NotShown(*one) for one in special)
    width, height = display.size(info.width, info.height)
    return Media(
        path,
        limits,
        _sized(info, width, height),
        tuple(showings),
        sounds,
        subtitles,
        chapters,
        rest,
        metadata,
        begin=begin,
        _promised=promised,
        _aspects=aspects,
    )


def _cropped(path: Path, container: InputContainer, looked: set[int]) -> list[Showing]:
    """Tracks as players show them that apply the container's crop."""
    apart = av.stream.Disposition.attached_pic
    tracks = [s.index for s in container.streams.video if not s.disposition & apart]
    return [
        Showing(MediaKind.CROPPED, stream, crop=crop)
        for stream, crop in zip(tracks, crops_of(path, container.format.name), strict=False)
        if crop is not None and stream in looked
    ]


def _sized(info: VideoInfo, width: int, height: int) -> VideoInfo:
    return replace(info, width=width, height=height)


def _sorted(container: InputContainer) -> tuple[list[Any], list[Any], list[Any]]:
    """Covers; tracks, what a player shows first; and streams that nothing here decodes."""
    covers, tracks, unknown = [], [], []
    apart = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    for stream in container.streams.video:
        if stream.codec_context is None or stream.codec_context.name == "unknown":
            unknown.append(stream)
        elif stream.disposition & apart:
            covers.append(stream)
        else:
            tracks.append(stream)
    default = av.stream.Disposition.default
    tracks.sort(key=lambda s: (not s.disposition & default, s.index))
    return covers, tracks, unknown


def _may_show_alpha(stream: Any) -> bool:
    form = stream.codec_context.format
    named = form is not None and (
        form.name == "pal8" or any(part.is_alpha for part in form.components)
    )
    return bool(named or video.alpha_beside(stream))


def _promised(stream: Any) -> int | None:
    """How many packets must come: the index, cut by the edit list, says so in MP4 and MOV."""
    if not stream.frames:
        return None
    if "mov" in stream.container.format.name:
        # FFmpeg has applied the edit list to the index, and reads no packet outside it.
        return min(stream.frames, len(stream.index_entries)) or None
    return int(stream.frames)


def _rest(container: InputContainer, left: list[Any], shown: Any) -> tuple[NotShown, ...]:
    found = []
    if left:
        found.append(NotShown("track", len(left), f"{len(left)} more video tracks"))
    if count := len(container.streams.attachments):
        found.append(NotShown("attachment", count, f"{count} attachments"))
    if "mov" in container.format.name and shown.frames and len(shown.index_entries):
        # FFmpeg leaves out of the index, or marks, what the edit list leaves out.
        hidden = max(0, shown.frames - len(shown.index_entries))
        hidden += sum(entry.is_discard for entry in shown.index_entries)
        if hidden:
            what = f"{hidden} frames outside the edit list"
            found.append(NotShown("hidden_frames", hidden, what))
    return tuple(found)


def _describe(container: InputContainer, stream: Any, path: Path, size: int) -> VideoInfo:
    context = stream.codec_context
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
        bytes=size,
        transfer=transfer_of(context.color_trc),
    )
