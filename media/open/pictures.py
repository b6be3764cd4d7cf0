"""Pictures and sequences of pictures as frames: PNG and APNG, JPEG, GIF, WebP, AVIF, BMP, TIFF.

Read by Pillow, which puts tiles of a grid together, disposes of the frames of animations and
knows every page. Each frame becomes an ``av.VideoFrame``, so that all that comes after is one way.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from PIL import Image, ImageCms, ImageOps

from media.errors import UnreadableMedia
from media.limits import MediaLimits
from media.open import heif
from media.open.container import check_file, check_size, unreadable
from media.open.formats import Still
from media.tone import Transfer, transfer_of

TIME_BASE = Fraction(1, 1000)
STILL_RATE = Fraction(25)
"""The rate told of a single picture, which has none."""

_PIL = {
    Still.PNG: ("PNG",),
    # A JPEG with further pictures behind it, as phones write, is what Pillow calls MPO.
    Still.JPEG: ("JPEG", "MPO"),
    Still.GIF: ("GIF",),
    Still.WEBP: ("WEBP",),
    Still.AVIF: ("AVIF",),
    Still.BMP: ("BMP",),
    Still.TIFF: ("TIFF",),
}

_PAGED = frozenset({Still.TIFF, Still.JPEG})

_LEAST_MS, _USUAL_MS = 11, 100
"""Browsers show frames that ask for 10 ms or less for 100."""

BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    MemoryError,
)
"""What Pillow raises for damaged files."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a picture file says before its pixels are read; sizes as shown."""

    codec: str
    mode: str
    width: int
    height: int
    rate: Fraction
    alpha: bool
    moves: bool
    pages: int = 1
    transfer: Transfer | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def sheet_of(path: Path, still: Still, limits: MediaLimits) -> Sheet:
    """Raises :class:`UnreadableMedia` and :class:`MediaLimitExceeded`."""
    with _opened(path, still, limits) as image:
        width, height = image.size
        try:
            if image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
                width, height = height, width
            # Pages are turned by a reader; what lies behind a JPEG is a file of its own.
            moves = bool(getattr(image, "is_animated", False)) and still not in _PAGED
            pages = int(getattr(image, "n_frames", 1)) if still is Still.TIFF else 1
            if moves:
                image.load()  # the first frame's duration is known only then
            rate = 1000 / Fraction(_milliseconds(image)) if moves else STILL_RATE
        except BROKEN as error:
            raise unreadable(path) from error
        metadata = {str(k): v for k, v in image.info.items() if isinstance(v, str)}
        transfer = _transfer(path) if still is Still.AVIF else None
        return Sheet(
            still.value,
            image.mode,
            width,
            height,
            rate.limit_denominator(1000),
            _alpha(image),
            moves,
            pages,
            transfer,
            metadata,
        )


_ORIENTATION = 0x0112


def _opened(path: Path, still: Still, limits: MediaLimits) -> Image.Image:
    check_file(path, limits)
    try:
        image = Image.open(path, formats=_PIL[still])
    except BROKEN as error:
        raise unreadable(path) from error
    try:
        check_size(*image.size, limits, path.name)
    except BaseException:
        image.close()
        raise
    return image


def _transfer(path: Path) -> Transfer | None:
    """Pillow does not tell whether an AVIF is HDR; its bitstream does."""
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            context = container.streams.video[0].codec_context
            return transfer_of(context.color_trc) if context else None
    except (av.error.FFmpegError, ValueError, IndexError, OSError):
        return None


def _alpha(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info or image.mode in ("PA", "La")


def _milliseconds(image: Image.Image) -> int:
    told = image.info.get("duration") or 0
    duration = round(float(told))
    return duration if duration >= _LEAST_MS else _USUAL_MS


def frames(
    path: Path, still: Still, sheet: Sheet, limits: MediaLimits, page: int = 0
) -> Iterator[av.VideoFrame]:
    """Every frame, or one page, upright, ``rgb24`` or ``rgba`` (HDR: ``rgb48le``), with its time.

    Raises :class:`UnreadableMedia` where the file breaks off. Memory: a few frames.
    """
    with _opened(path, still, limits) as image:
        at, number = 0, page
        while sheet.moves or number == page:
            try:
                image.seek(number)
            except EOFError:
                return
            except BROKEN as error:
                raise _breaks_off(path, number) from error
            try:
                check_size(*image.size, limits, path.name)
                upright = ImageOps.exif_transpose(_cropped(path, still, image))
                pixels = _pixels(_in_srgb(upright, image.info.get("icc_profile")))
                pause = _milliseconds(image)
            except BROKEN as error:
                raise _breaks_off(path, number) from error
            if sheet.transfer is not None:
                wide = pixels[..., :3].astype(np.uint16) * 257
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide), format="rgb48le")
            else:
                form = "rgba" if pixels.shape[2] == 4 else "rgb24"
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=form)
            frame.pts, frame.time_base = at, TIME_BASE
            yield frame
            number += 1
            at += pause


def _breaks_off(path: Path, count: int) -> UnreadableMedia:
    return UnreadableMedia(f"{path.name} breaks off after {count} frames", "get an undamaged copy")


def _pixels(image: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """``uint8 [H, W, 3]``, or 4 with alpha."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        deep = np.asarray(image, np.float64)
        # 16-bit greys of PNG and TIFF; Pillow's own conversion clips them.
        top = 65535 if image.mode != "F" or deep.max(initial=0) > 1 else 1
        grey = np.clip(deep * (255 / top), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, 2)
    return np.asarray(image.convert("RGBA" if _alpha(image) else "RGB"))


def _cropped(path: Path, still: Still, image: Image.Image) -> Image.Image:
    """An AVIF by its ``clap``, which Pillow leaves out and viewers follow."""
    if still is not Still.AVIF:
        return image
    box = heif.crop_of(path, *image.size)
    return image if box is None else image.crop(box)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """By the picture's own colour profile, as viewers show it; as it is where that is broken."""
    if not profile or image.mode not in _PROFILED:
        return image
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        out = "RGBA" if image.mode == "RGBA" else "RGB"
        shown = ImageCms.profileToProfile(
            image, given, ImageCms.createProfile("sRGB"), outputMode=out
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return shown or image


_PROFILED = frozenset({"RGB", "RGBA", "L", "CMYK"})
