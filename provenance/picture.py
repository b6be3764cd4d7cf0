"""What a video looks like, kept small: to confirm that a mark sits in the picture it belongs to.

Two things are kept of a published video: PDQ hashes of sampled frames, which find likenesses
but lose to a crop, and a strip of tiny grey key frames. The strip confirms a copy that was
cropped, turned or mirrored: the watermark's geometry says how to turn and scale the copy back,
and normalised cross-correlation looks for the piece in the key frames.

Sources: PDQ (Davis, Rosen 2019); Lewis, *Fast normalized cross-correlation* (1995).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from media.limits import MediaLimits
from provenance.errors import SoftBindingInvalid
from provenance.fingerprint import PDQ_BYTES, pdq
from provenance.watermark.carrier import period
from provenance.watermark.geometry import Geometry

if TYPE_CHECKING:
    from media.open import Media

KEY_SHORT_SIDE = 72
KEY_QUALITY = 80
MOST_KEYS = 16
MOST_SAMPLES = 48
SPAN_SAMPLES = 12
"""Frames looked at within the spans of a mark that is in a part of a video only."""
LONG_SECONDS = 180.0
"""Longer videos are sampled at their key frames; nothing that long is published."""
MARGIN = 0.06
"""Cut from each side of a piece before it is looked for: rounding and borders."""
LEAST_PIECE = 16
"""Pieces smaller than this many key-frame pixels say nothing."""

Grey = NDArray[np.uint8]
Pixels = NDArray[np.uint8]
Hashes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class KeyFrames:
    """A strip of grey frames, ``uint8 [K, H, W]``; stored as one JPEG, one below the other.

    ``width`` and ``height`` are those of the published video, in pixels.
    """

    pixels: Grey = field(repr=False)
    width: int
    height: int

    def to_bytes(self) -> bytes:
        from PIL import Image

        count, height, width = self.pixels.shape
        strip = Image.fromarray(self.pixels.reshape(count * height, width))
        buffer = io.BytesIO()
        strip.save(
            buffer,
            "JPEG",
            quality=KEY_QUALITY,
            comment=f"{count} {self.width} {self.height}".encode(),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> KeyFrames:
        """The inverse of :meth:`to_bytes`, up to JPEG's losses; raises ``SoftBindingInvalid``."""
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as strip:
                count, wide, high = (int(part) for part in strip.info["comment"].split())
                pixels = np.asarray(strip.convert("L"))
        except (UnidentifiedImageError, OSError, KeyError, ValueError) as error:
            raise SoftBindingInvalid("the key frames do not decode") from error
        if not 0 < count <= MOST_KEYS or pixels.shape[0] % count or min(wide, high) < 1:
            raise SoftBindingInvalid("the key frames do not decode")
        return cls(pixels.reshape(count, -1, pixels.shape[1]), wide, high)


@dataclass(frozen=True, slots=True)
class Picture:
    """``hashes`` is ``uint8 [N, 32]`` (PDQ), in time order; ``samples`` are frames as read.

    ``iscc`` is the raw ISCC video code where one was made. Raises ``SoftBindingInvalid`` for
    hashes of another shape.
    """

    hashes: Hashes
    keys: KeyFrames | None = field(default=None, repr=False)
    samples: tuple[Grey, ...] = field(default=(), repr=False)
    iscc: bytes = b""

    def __post_init__(self) -> None:
        h = self.hashes
        if h.dtype != np.uint8 or h.ndim != 2 or h.shape[1] != PDQ_BYTES:
            raise SoftBindingInvalid(f"hashes are uint8 [N, 32], not {h.dtype} {list(h.shape)}")


def glimpses(media: Media, times: Sequence[float], keys: Sequence[float]) -> Iterator[Pixels]:
    """The frames at these times (rising), grey as ``uint8 [H, W, 3]``, without the rest."""
    from media.open.windows import windows

    for _, found in windows(media, times, 1, 0.0, keys):
        for glimpse in found:
            yield np.repeat(glimpse.luma[..., None], 3, axis=2)


def _sampled(path: Path, limits: MediaLimits, most: int) -> Iterator[Pixels]:
    """At most ``most`` RGB frames, evenly over the video; of long ones its key frames, grey."""
    from media.decode import decode
    from media.open import open_media
    from media.open.windows import key_times
    from media.probe import probe

    media = open_media(path, limits)
    if (media.info.seconds or 0) > LONG_SECONDS:
        keys = key_times(media)
        chosen = np.linspace(0, len(keys) - 1, min(most, len(keys))).round().astype(int)
        yield from glimpses(media, [keys[i] for i in dict.fromkeys(chosen.tolist())], keys)
        return
    frames = max(1, probe(path, limits).frames or 1)
    wanted = set(np.linspace(0, frames - 1, min(most, frames)).round().astype(int).tolist())
    given = 0
    for batch in decode(path, limits):
        for place in range(len(batch)):
            if batch.index + place in wanted:
                given += 1
                yield batch.pixels[place]
    if given == 0:
        raise SoftBindingInvalid("no frame could be sampled")


def _grey(pixels: NDArray[np.uint8], short_side: int) -> Grey:
    from PIL import Image

    image = Image.fromarray(pixels).convert("L")
    factor = short_side / min(image.size)
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return np.asarray(image.resize(size, Image.Resampling.BOX))


def look(path: Path, limits: MediaLimits | None = None) -> Picture:
    """Hashes, key frames and samples of a video or image.

    Raises the media room's errors. Cost: one decode of the file; memory for 48 frames of
    288 lines at most.
    """
    return _picture(_sampled(path, limits or MediaLimits(), MOST_SAMPLES))


def look_between(
    media: Media, spans: Sequence[tuple[float, float]], keys: Sequence[float]
) -> Picture | None:
    """Hashes and samples of what a video shows within ``spans`` (seconds); None: nothing decoded.

    ``keys`` are the times of its key frames.
    """
    each = max(1, SPAN_SAMPLES // max(1, len(spans)))
    times = sorted(
        {round(float(at), 3) for a, b in spans for at in np.linspace(a, b, each + 2)[1:-1]}
    )
    try:
        return _picture(glimpses(media, times, keys))
    except SoftBindingInvalid:
        return None


def _picture(frames: Iterable[Pixels]) -> Picture:
    hashes: list[NDArray[np.uint8]] = []
    samples: list[Grey] = []
    height = width = 0
    for pixels in frames:
        height, width = pixels.shape[:2]
        hashes.append(pdq(pixels)[0])
        samples.append(_grey(pixels, min(4 * KEY_SHORT_SIDE, *pixels.shape[:2])))
    if not samples:
        raise SoftBindingInvalid("no frame could be sampled")
    chosen = np.linspace(0, len(samples) - 1, min(MOST_KEYS, len(samples))).round().astype(int)
    keys = np.stack([_grey(samples[i], KEY_SHORT_SIDE) for i in chosen])
    return Picture(np.stack(hashes), KeyFrames(keys, width, height), tuple(samples))


def upright(sample: Grey, geometry: Geometry, keys: KeyFrames) -> Grey:
    """A received frame turned, mirrored and scaled back to key-frame scale.

    The part of the result that lies inside the received frame: its largest centred rectangle
    of the received aspect.
    """
    from PIL import Image

    if geometry.part is not None:
        scale = sample.shape[1] / geometry.part.frame[0]
        size = geometry.part.size
        sample = geometry.part.cut(
            sample, (max(16, round(size[0] * scale)), max(16, round(size[1] * scale)))
        )
    height, width = sample.shape
    sx, sy = geometry.width / width, geometry.height / height
    local = _jacobian(geometry)
    tile = period(keys.width, keys.height) * geometry.period_factor
    forward = local * (tile * keys.pixels.shape[1] / keys.height)
    forward = forward @ np.diag([sx, sy])
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float) @ forward.T
    span = corners.max(axis=0) - corners.min(axis=0)
    size = (max(1, round(float(span[0]))), max(1, round(float(span[1]))))
    back = np.linalg.inv(forward)
    centre = np.array([width / 2, height / 2])
    offset = centre - back @ (np.array(size) / 2)
    image = Image.fromarray(sample).transform(
        size,
        Image.Transform.AFFINE,
        (back[0, 0], back[0, 1], offset[0], back[1, 0], back[1, 1], offset[1]),
        Image.Resampling.BILINEAR,
    )
    return _inscribed(np.asarray(image), forward, (width, height))


def _jacobian(geometry: Geometry) -> NDArray[np.float64]:
    m = np.array(geometry.matrix)
    at = np.array([geometry.width / 2, geometry.height / 2, 1.0])
    p = m @ at
    return np.asarray((m[:2, :2] - np.outer(p[:2] / p[2], m[2, :2])) / p[2])


def _inscribed(image: Grey, forward: NDArray[np.float64], size: tuple[int, int]) -> Grey:
    """The centred part of ``image`` whose corners all come from inside the received frame."""
    back = np.linalg.inv(forward)
    height, width = image.shape
    share = 1.0
    for x in (-0.5, 0.5):
        for y in (-0.5, 0.5):
            u, v = np.abs(back @ np.array([x * width, y * height]))
            share = min(share, 0.5 * size[0] / max(u, 1e-9), 0.5 * size[1] / max(v, 1e-9))
    h, w = max(1, int(height * share)), max(1, int(width * share))
    top, left = (height - h) // 2, (width - w) // 2
    return image[top : top + h, left : left + w]


def _trim(piece: Grey, most: tuple[int, int]) -> Grey:
    height, width = piece.shape
    dy, dx = int(height * MARGIN), int(width * MARGIN)
    dy = max(dy, -(-(height - most[0]) // 2))
    dx = max(dx, -(-(width - most[1]) // 2))
    return piece[dy : height - dy or None, dx : width - dx or None]


def correlate(piece: Grey, key: Grey) -> float:
    """The best normalised cross-correlation of ``piece`` anywhere inside ``key``, -1 to 1."""
    from scipy.fft import irfft2, rfft2

    small = _trim(piece, key.shape).astype(np.float64)
    if min(small.shape) < LEAST_PIECE:
        return 0.0
    small -= small.mean()
    energy = float((small**2).sum())
    image = key.astype(np.float64)
    shape = image.shape
    h, w = small.shape
    spectrum = rfft2(image) * np.conj(rfft2(small, shape))
    cross = irfft2(spectrum, shape)[: shape[0] - h + 1, : shape[1] - w + 1]
    sums, squares = _window(image, h, w), _window(image**2, h, w)
    spread = squares - sums**2 / (h * w)
    # flat windows correlate with anything by rounding alone
    usable = (spread > h * w) & (energy > h * w)
    if not usable.any():
        return 0.0
    return float((cross / np.sqrt(np.maximum(spread, 1.0) * max(energy, 1.0)))[usable].max())


def _window(image: NDArray[np.float64], h: int, w: int) -> NDArray[np.float64]:
    table = np.pad(image, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w]


def _likest(piece: Grey, key: Grey) -> float:
    """Of one inside the other: a copy may be a crop, or have other things around it."""
    found = correlate(piece, key)
    if piece.shape[0] >= key.shape[0] and piece.shape[1] >= key.shape[1]:
        found = max(found, correlate(key, piece))
    return found


def likeness(samples: Sequence[Grey], keys: KeyFrames, geometry: Geometry) -> int:
    """0 to 100: how well a copy's frames, turned back, are found in the key frames.

    The median over the better half of the samples of the best correlation with any key frame:
    a stretch of other pictures in the copy, or moments between key frames, do not spoil it.
    """
    best = sorted(
        (
            max(_likest(upright(sample, geometry, keys), key) for key in keys.pixels)
            for sample in samples
        ),
        reverse=True,
    )
    if not best:
        return 0
    half = best[: (len(best) + 1) // 2]
    return round(100 * max(0.0, float(np.median(half))))
