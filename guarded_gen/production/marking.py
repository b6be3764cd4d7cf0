"""From an allowed draft to a file that can be signed: mark, encode, take a thumbnail."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from guarded_gen.production.formats import Format, Writer
from media.errors import EncodeFailed
from media.limits import MediaLimits
from provenance.label import Labeller

if TYPE_CHECKING:
    from media.encode import Copied
    from media.encoding import EncodeSettings

Pixels = NDArray[np.uint8]
Mark = Callable[[Pixels], Pixels]

THUMBNAIL_SIDE = 512
PAYLOAD_BYTES = 8


def watermark_payload(clip: str) -> int:
    """The 64-bit number that a clip's frames carry.

    A hash of the clip's random id: a stage that is repeated marks with the same number, and the
    number tells nobody but the registry which clip it is.
    """
    return int.from_bytes(hashlib.sha256(clip.encode()).digest()[:PAYLOAD_BYTES], "big")


@dataclass(frozen=True, slots=True)
class Finished:
    """A clip ready to be signed. ``thumbnail`` is a JPEG of the middle frame."""

    path: Path
    frames: int
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A draft of so many frames, of which ``still`` wants the first alone."""

    path: Path
    frames: int
    fps: Fraction
    still: bool = False


def mark_and_write(
    draft: Unmarked,
    destination: Path,
    form: Format,
    settings: EncodeSettings,
    limits: MediaLimits,
    mark: Mark,
    label: Labeller | None = None,
) -> Finished:
    """Label and mark the frames of ``draft`` and write ``destination``, in one pass.

    Sound is copied. The thumbnail carries the label whenever the clip does. Raises
    :class:`EncodeFailed` for sound that ``form`` cannot hold. A draft that has other frames than
    it says raises ``UnreadableMedia`` from the decoder. Nothing is left at ``destination`` after
    an error.
    """
    from media.decode import decode

    still, wanted = draft.still, 1 if draft.still else draft.frames
    middle, written = wanted // 2, 0
    thumbnail = b""
    writer: Writer | None = None
    with ExitStack() as stack:
        for batch in decode(draft.path, limits):
            marked = mark(label(batch.pixels) if label else batch.pixels)[: wanted - written]
            if writer is None:
                sound = None if still else _sound_of(draft.path, limits)
                if sound is not None and not form.sound:
                    raise EncodeFailed(
                        f"the clip has sound, and a {form.name} file holds none", "ask for mp4"
                    )
                writer = stack.enter_context(
                    form.writer(
                        destination,
                        batch.width,
                        batch.height,
                        draft.fps,
                        settings,
                        sound,
                        still=still,
                    )
                )
            writer.write(marked)
            if written <= middle < written + len(marked):
                picture = marked[middle - written]
                bare = label is not None and not label.shows(middle)
                thumbnail = jpeg(label.on(picture) if label and bare else picture)
            written += len(marked)
            if still:
                break
    return Finished(destination, written, thumbnail)


def _sound_of(draft: Path, limits: MediaLimits) -> Copied | None:
    """The draft's sound, which the output gate heard, as it is."""
    from media.encode import Copied
    from media.open import open_media

    media = open_media(draft, limits)
    return Copied(media, media.sounds) if media.sounds else None


def jpeg(pixels: NDArray[np.uint8], side: int = THUMBNAIL_SIDE) -> bytes:
    """``uint8 [H, W, 3]`` as a JPEG whose longer side is at most ``side`` pixels."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
