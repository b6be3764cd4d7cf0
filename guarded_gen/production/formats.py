"""The formats of finished clips: what a file is called, how it is written, what it can carry.

A new format is one class here with its name in :data:`FORMATS`; stages, API and command line
ask it and know no suffix themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from generator.spec import Mode
from guarded_gen.errors import InvalidInput
from media.encode import Copied, Encoder, EncodeSettings
from media.errors import EncodeFailed
from media.soundtrack import Soundtrack

if TYPE_CHECKING:
    from guarded_gen.production.request import ClipRequest


class Writer(Protocol):
    """Takes batches ``uint8 [T, H, W, 3]``; the file is there, whole, after a clean exit."""

    def write(self, pixels: NDArray[np.uint8]) -> None: ...


class Format(Protocol):
    """One file format.

    ``moves``: it holds a clip, not one picture. What a law demands of a format of this name
    stands in :mod:`provenance.law`.
    """

    @property
    def name(self) -> str: ...
    @property
    def suffix(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def moves(self) -> bool: ...

    def writer(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings,
        sound: Soundtrack | Copied | None = None,
    ) -> AbstractContextManager[Writer]: ...


@dataclass(frozen=True, slots=True)
class Mp4:
    """H.264 in MP4."""

    name: str = "mp4"
    suffix: str = ".mp4"
    media_type: str = "video/mp4"
    moves: bool = True

    def writer(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings,
        sound: Soundtrack | Copied | None = None,
    ) -> AbstractContextManager[Writer]:
        return Encoder(path, width, height, fps, settings, sound)


class _Picture:
    """Writes the first frame that it gets with Pillow."""

    def __init__(self, path: Path, form: str, **options: object) -> None:
        self._path, self._form, self._options = path, form, options
        self._part = path.with_name(path.name + ".part")
        self._written = False

    def write(self, pixels: NDArray[np.uint8]) -> None:
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
    moves: bool = False

    def writer(
        self,
        path: Path,
        width: int,
        height: int,
        fps: Fraction,
        settings: EncodeSettings,
        sound: Soundtrack | Copied | None = None,
    ) -> AbstractContextManager[Writer]:
        return _Picture(path, "PNG")


FORMATS: tuple[Format, ...] = (Mp4(), Png())


def formats_of(mode: Mode) -> tuple[Format, ...]:
    """The formats that a mode's result can have; the first is what it has unless told."""
    return tuple(form for form in FORMATS if form.moves == (mode is not Mode.IMAGE))


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
