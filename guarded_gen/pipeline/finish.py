"""From an allowed draft to a file that can be signed: mark, encode, take a thumbnail."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from media.decode import decode
from media.encode import Copied, Encoder, EncodeSettings
from media.limits import MediaLimits
from media.open import open_media

Pixels = NDArray[np.uint8]
Mark = Callable[[Pixels], Pixels]

THUMBNAIL_SIDE = 512


@dataclass(frozen=True, slots=True)
class Finished:
    """A clip ready to be signed. ``thumbnail`` is a JPEG of the middle frame."""

    path: Path
    frames: int
    thumbnail: bytes


def finish(
    draft: Path,
    destination: Path,
    frames: int,
    fps: Fraction,
    mark: Mark,
    settings: EncodeSettings,
    limits: MediaLimits,
) -> Finished:
    """Mark every frame of ``draft`` and encode to ``destination``, in one pass; sound is copied.

    A destination that ends in ``.png`` gets the first frame as a picture.
    ``frames`` is the number of frames in the draft; a draft that has others raises
    ``UnreadableMedia`` from the decoder. Nothing is left at ``destination`` after an error.
    """
    middle = frames // 2
    thumbnail = b""
    encoder: Encoder | None = None
    try:
        for batch in decode(draft, limits):
            marked = mark(batch.pixels)
            if destination.suffix == ".png":
                Image.fromarray(marked[0]).save(destination)
                return Finished(destination, 1, jpeg(marked[0]))
            if encoder is None:
                encoder = Encoder(
                    destination, batch.width, batch.height, fps, settings, _sound_of(draft, limits)
                )
            encoder.write(marked)
            if batch.index <= middle < batch.index + len(batch):
                thumbnail = jpeg(marked[middle - batch.index])
    except BaseException as error:
        if encoder is not None:
            encoder.__exit__(type(error), error, error.__traceback__)
        raise
    assert encoder is not None, "decode yields a frame or raises"
    encoder.__exit__(None, None, None)
    return Finished(destination, encoder.frames, thumbnail)


def _sound_of(draft: Path, limits: MediaLimits) -> Copied | None:
    """The draft's sound, which the output gate heard, as it is."""
    media = open_media(draft, limits)
    return Copied(media, media.sounds) if media.sounds else None


def jpeg(pixels: NDArray[np.uint8], side: int = THUMBNAIL_SIDE) -> bytes:
    """``uint8 [H, W, 3]`` as a JPEG whose longer side is at most ``side`` pixels."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
