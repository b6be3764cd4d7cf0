"""The formats of finished clips: what a file is called, how it is written, what it can carry.

A new format is one class here with its name in :data:`FORMATS`; stages, API and command line
ask it and know no suffix themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from generator.spec import Mode
from guarded_gen.errors import InvalidInput
from media.errors import EncodeFailed

if TYPE_CHECKING:
    from guarded_gen.production.request import ClipRequest
    from media.encode import Copied
    from media.encoding import EncodeSettings
    from media.soundtrack import Soundtrack


class Writer(Protocol):
    """Takes batches ``uint8 [T, H, W, 3]``; the file is there, whole, after a clean exit."""

    def write(self, pixels: NDArray[np.uint8]) -> None: ...


class Format(Protocol):
    """One file format.

    ``clips`` and ``stills``: it can hold frames one after the other, and one picture alone.
    ``sound``: it can hold sound. ``carries``: what of a law's demands a file of it can hold, in
    the words of :data:`provenance.law.NEEDS`.
    """

    @property
    def name(self) -> str: ...
    @property
    def suffix(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def clips(self) -> bool: ...
    @property
    def stills(self) -> bool: ...
    @property
    def sound(self) -> bool: ...
    @property
    def carries(self) -> frozenset[str]: ...

    def writer(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings,
        sound: Soundtrack | Copied | None = None,
        *,
        still: bool = False,
    ) -> AbstractContextManager[Writer]: ...


@dataclass(frozen=True, slots=True)
class Mp4:
    """H.264 in MP4."""

    name: str = "mp4"
    suffix: str = ".mp4"
    media_type: str = "video/mp4"
    clips: bool = True
    stills: bool = False
    sound: bool = True
    carries: frozenset[str] = frozenset({"credentials", "container_metadata"})

    def writer(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings,
        sound: Soundtrack | Copied | None = None,
        *,
        still: bool = False,
    ) -> AbstractContextManager[Writer]:
        from media.encode import Encoder

        return Encoder(path, width, height, fps, settings, sound)


class _Picture:
    """Writes the first frame that it gets with Pillow."""

    def __init__(self, path: Path, form: str, **options: object) -> None:
        self._path, self._form, self._options = path, form, options
        self._part = path.with_name(path.name + ".part")
        self._written = False

    def write(self, pixels: NDArray[np.uint8]) -> None:
        from PIL import Image

        if self._written or not len(pixels):
            return
        try:
            Image.fromarray(pixels[0]).save(self._part, self._form, **self._options)
        except OSError as error:
            raise EncodeFailed(
                f"{self._path.name} could not be written: {error.strerror or error}",
                "check the free space",
            ) from error
        self._written = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        if error is None and self._written:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
        if error is None and not self._written:
            raise EncodeFailed("no frame was given to the encoder")
        return False


@dataclass(frozen=True, slots=True)
class Png:
    """One picture, lossless."""

    name: str = "png"
    suffix: str = ".png"
    media_type: str = "image/png"
    clips: bool = False
    stills: bool = True
    sound: bool = False
    carries: frozenset[str] = frozenset({"credentials"})

    def writer(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings,
        sound: Soundtrack | Copied | None = None,
        *,
        still: bool = False,
    ) -> AbstractContextManager[Writer]:
        return _Picture(path, "PNG")


class _Animation:
    """Writes an animated WebP, frame after frame, with FFmpeg's encoder of libwebp.

    Memory holds the coded frames, not the pictures: about what the file becomes. Plays for ever.
    """

    def __init__(self, path: Path, width: int, height: int, fps: Fraction, quality: int) -> None:
        self._path, self._frames, self._period = path, 0, 1 / fps
        self._part = path.with_name(path.name + ".part")
        try:
            self._container = av.open(str(self._part), "w", format="webp", options={"loop": "0"})
        except (OSError, av.error.FFmpegError) as error:
            raise self._failed(error) from error
        self._stream = self._container.add_stream("libwebp_anim", rate=fps)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"quality": str(quality), "compression_level": "2"}
        self._stream.codec_context.time_base = self._period

    def write(self, pixels: NDArray[np.uint8]) -> None:
        try:
            for picture in pixels:
                # VP8 is BT.601 in the limited range, whatever the file says
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
                    format="yuv420p",
                    dst_colorspace=Colorspace.ITU601,
                    dst_color_range=ColorRange.MPEG,
                )
                frame.pts, frame.time_base = self._frames, self._period
                self._container.mux(self._stream.encode(frame))
                self._frames += 1
        except (OSError, av.error.FFmpegError) as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        try:
            if error is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if error is None:
                self._part.replace(self._path)
        except (OSError, av.error.FFmpegError) as problem:
            if error is None:
                raise self._failed(problem) from problem
        finally:
            self._part.unlink(missing_ok=True)
        return False

    def _failed(self, error: Exception) -> EncodeFailed:
        return EncodeFailed(f"{self._path.name} could not be written: {error}", "check free space")


@dataclass(frozen=True, slots=True)
class WebP:
    """One picture, or frames one after the other, without sound."""

    name: str = "webp"
    suffix: str = ".webp"
    media_type: str = "image/webp"
    clips: bool = True
    stills: bool = True
    sound: bool = False
    carries: frozenset[str] = frozenset({"credentials"})
    quality: int = 90

    def writer(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings,
        sound: Soundtrack | Copied | None = None,
        *,
        still: bool = False,
    ) -> AbstractContextManager[Writer]:
        if still:
            return _Picture(path, "WEBP", quality=self.quality)
        return _Animation(path, width, height, fps, self.quality)


FORMATS: tuple[Format, ...] = (Mp4(), Png(), WebP())
"""The first that a mode can have is what its result has unless told."""
CARRIES: Mapping[str, frozenset[str]] = {form.name: form.carries for form in FORMATS}
"""What the files that are written here can carry, by format: what a law's answer depends on."""


def formats_of(mode: Mode) -> tuple[Format, ...]:
    """The formats that a mode's result can have; the first is what it has unless told."""
    if mode is Mode.IMAGE:
        return tuple(form for form in FORMATS if form.stills)
    return tuple(form for form in FORMATS if form.clips and (form.sound or not mode.sounding))


def suffix_of(media_type: str) -> str:
    """How the name of a file of this type ends; what is kept beside clips is JPEG."""
    return next((form.suffix for form in FORMATS if form.media_type == media_type), ".jpg")


def format_of(request: ClipRequest) -> Format:
    """The format of a request's result; raises :class:`InvalidInput` for one it cannot have."""
    possible = formats_of(request.mode)
    if request.format is None:
        return possible[0]
    return _named(request.format, possible)


def format_for(path: Path, mode: Mode) -> Format:
    """The format that a file name asks for; raises :class:`InvalidInput` for any other name."""
    possible = formats_of(mode)
    for form in possible:
        if path.suffix.lower() == form.suffix:
            return form
    endings = " or ".join(form.suffix for form in possible)
    raise InvalidInput(
        f"{path} does not end in {endings}", f"give a name ending in {endings}", "output"
    )


def _named(name: str, possible: Sequence[Format]) -> Format:
    for form in possible:
        if form.name == name:
            return form
    known = ", ".join(form.name for form in possible)
    raise InvalidInput(f"{name[:40]!r} is no format for this", f"it can be: {known}", "format")
