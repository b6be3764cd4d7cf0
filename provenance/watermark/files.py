"""The mark on whole files: video in, marked video out; video or image in, detection out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from media.encode import Copied, Encoder
from media.encoding import EncodeSettings
from media.errors import MediaError
from media.limits import MediaLimits
from media.mux import COPIED
from media.open import Media, open_media
from media.soundtrack import played
from provenance.watermark.assurance import AssuranceSettings, assure
from provenance.watermark.detector import Detection, detect_luma
from provenance.watermark.embedder import Embedder
from provenance.watermark.keys import KeyRing
from provenance.watermark.settings import DetectorSettings
from provenance.watermark.transplant import TransplantSettings, transplanted

_LIMITS = MediaLimits()
_ENCODE = EncodeSettings()
SAMPLE = AssuranceSettings().frames
COMPARED = TransplantSettings().frames


@dataclass(frozen=True, slots=True)
class Embedded:
    """What :func:`embed_file` did.

    ``psnr`` is that of the luma before encoding, in dB. ``readable`` says whether the mark was
    read back from a strongly coded sample; ``None`` when that was not tried. ``sound`` says how
    the sound was kept.
    """

    frames: int
    width: int
    height: int
    payload: str
    key_id: str
    strength: float
    psnr: float
    readable: bool | None = None
    sound: str = "none"

    def to_json(self) -> dict[str, object]:
        return asdict(self) | {"psnr": round(self.psnr, 2)}


class Quality:
    """Running mean square error of luma, from the green channel (every channel moves alike)."""

    def __init__(self) -> None:
        self._error = 0.0
        self._count = 0

    def add(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> None:
        gap = before[..., 1].astype(np.int16) - after[..., 1]
        self._error += float(np.square(gap, dtype=np.int32).sum())
        self._count += gap.size

    @property
    def psnr(self) -> float:
        """In dB; 100 when nothing changed."""
        if self._error == 0:
            return 100.0
        return float(10 * np.log10(255**2 * self._count / self._error))


def embed_file(
    source: Path,
    out: Path,
    keys: KeyRing,
    payload: int,
    *,
    payload_bits: int = 64,
    strength: float | None = None,
    limits: MediaLimits = _LIMITS,
    encoding: EncodeSettings = _ENCODE,
    on_frames: Callable[[int], None] = lambda count: None,
) -> Embedded:
    """Mark ``source`` and write an H.264 MP4 to ``out``, whole or not at all.

    Without a ``strength`` the first frames are tried (:func:`assure`) and say how strong.
    Odd sides lose one row or column, which H.264 4:2:0 cannot hold. Sound is copied as it is,
    every track, where an MP4 holds its codec; else what a player plays is coded as AAC.
    Raises the errors of :class:`Embedder`, of ``media.decode`` and of ``media.Encoder``.
    """
    media = open_media(source, limits)
    info, quality = media.info, Quality()
    sound, told = kept_sound(media)
    first = next(stream := media.frames())
    width, height = first.width // 2 * 2, first.height // 2 * 2
    batches = [first]
    promise = None
    if strength is None:
        while sum(len(batch) for batch in batches) < SAMPLE and (more := next(stream, None)):
            batches.append(more)
        sample = np.concatenate([batch.pixels for batch in batches])[:SAMPLE]
        promise = assure(sample, keys, payload, payload_bits=payload_bits)
        strength = promise.strength
    embedder = Embedder(
        keys,
        payload,
        width,
        height,
        payload_bits=payload_bits,
        strength=strength,
        plan=promise.plan if promise else None,
    )
    with Encoder(out, width, height, info.fps, encoding, sound) as encoder:
        for batch in itertools.chain(batches, stream):
            before = np.ascontiguousarray(batch.pixels[:, :height, :width])
            after = embedder.embed(before)
            quality.add(before, after)
            encoder.write(after)
            on_frames(len(batch))
    return Embedded(
        encoder.frames,
        width,
        height,
        f"{payload:0{payload_bits // 4}x}",
        embedder.key_id,
        strength,
        quality.psnr,
        promise.readable if promise else None,
        told,
    )


def kept_sound(media: Media) -> tuple[Copied | None, str]:
    """The sound of a file for a copy of its picture, and how it is kept, in words."""
    track = played(media)
    if track is None:
        return None, "none"
    if all(sound.codec in COPIED for sound in media.sounds):
        count = len(media.sounds)
        return Copied(media, media.sounds), "copied" if count == 1 else f"{count} tracks copied"
    left = f", {len(media.sounds) - 1} more left out" if len(media.sounds) > 1 else ""
    return Copied(media, (track,), coded=True), f"coded as AAC from {track.codec}{left}"


def detect_file(
    path: Path,
    keys: KeyRing,
    *,
    settings: DetectorSettings | None = None,
    limits: MediaLimits = _LIMITS,
) -> Detection:
    """Look for the mark in a video or a still image, and whether it follows the picture.

    Raises :class:`UnreadableMedia` and :class:`MediaLimitExceeded`.
    """
    first: list[NDArray[np.uint8]] = []

    def noted() -> Iterator[tuple[NDArray[np.uint8], bool]]:
        for grey, fresh in luma(path, limits):
            if len(first) < COMPARED:
                first.append(grey)
            yield grey, fresh

    stream = noted()
    found = detect_luma(stream, keys, settings)
    if not found.found:
        return found
    # a mark that was read at once left most of the stream; a file that breaks off later is read
    with suppress(MediaError):
        for _ in itertools.islice(stream, COMPARED - len(first)):
            pass
    return replace(found, transplanted=transplanted(found, first, keys))


def luma(path: Path, limits: MediaLimits = _LIMITS) -> Iterator[tuple[NDArray[np.uint8], bool]]:
    """As :func:`timed_luma`, without the times."""
    for grey, fresh, _ in timed_luma(path, limits):
        yield grey, fresh


def timed_luma(
    path: Path, limits: MediaLimits = _LIMITS
) -> Iterator[tuple[NDArray[np.uint8], bool, float]]:
    """Every frame's luma, ``uint8 [H, W]`` as a player shows it, "is a key frame", time.

    8-bit luma is taken as stored, whatever its range: the detector looks at ratios. Raises as
    :meth:`media.open.Media.luma`.
    """
    yield from open_media(path, limits).luma()
