"""Finds the mark in frames, without the original: geometry first, then the payload."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from provenance.watermark import inside
from provenance.watermark.carrier import period_factor
from provenance.watermark.geometry import Geometry
from provenance.watermark.groups import Groups
from provenance.watermark.keys import PUBLIC_SECRET, KeyRing
from provenance.watermark.residual import luma_of
from provenance.watermark.search import Hit, Search
from provenance.watermark.settings import DetectorSettings


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found. ``log10_p`` bounds the chance that an unmarked video gives this.

    ``transplanted`` is True when the mark does not follow the picture that it lies in, and None
    when nothing is told (:mod:`provenance.watermark.transplant`).
    """

    found: bool
    frames_used: int
    log10_p: float = 0.0
    payload: int | None = None
    payload_bits: int = 64
    key_id: str | None = None
    public: bool = False
    sync: float = 0.0
    geometry: Geometry | None = None
    transplanted: bool | None = None

    @property
    def payload_hex(self) -> str | None:
        if self.payload is None:
            return None
        return f"{self.payload:0{self.payload_bits // 4}x}"

    def to_json(self) -> dict[str, object]:
        return {
            "found": self.found,
            "payload": self.payload_hex,
            "log10_p": round(self.log10_p, 2),
            "key_id": self.key_id,
            "public": self.public,
            "frames_used": self.frames_used,
            "transplanted": self.transplanted,
            "geometry": None if self.geometry is None else self.geometry.to_json(),
        }


def detect(
    frames: Iterable[NDArray[np.uint8]],
    keys: KeyRing,
    settings: DetectorSettings | None = None,
) -> Detection:
    """Look for one mark in a stream of batches.

    Batches are ``uint8 [T, H, W, 3]`` RGB or ``uint8 [T, H, W]`` luma, all of one size. Stops
    reading as soon as a mark is found. Raises ``ValueError`` for frames of changing size.
    Memory: three dozen planes of at most 720 lines; time: bounded by ``most_frames`` and about 4 s
    of search, the half of it in parts of the frames (``settings.inside``).
    """
    stream = ((luma_of(frame), False) for batch in frames for frame in batch)
    return detect_luma(stream, keys, settings)


def detect_luma(
    frames: Iterable[tuple[NDArray[np.uint8], bool]],
    keys: KeyRing,
    settings: DetectorSettings | None = None,
) -> Detection:
    """As :func:`detect`, for pairs of luma ``uint8 [H, W]`` and "is a key frame"."""
    settings = settings or DetectorSettings()
    groups = Groups()
    search = Search(keys, settings)
    kept = inside.Kept()
    size = (0, 0)
    for seen, (luma, fresh) in enumerate(itertools.islice(frames, settings.most_frames)):
        size = (luma.shape[1], luma.shape[0])
        if not fresh and seen >= settings.dense and seen % settings.sparse:
            continue
        groups.add(luma, fresh)
        if settings.wide and settings.inside:
            kept.add(luma, fresh)
        if groups.frames in settings.tries:
            found = detect_groups(groups, size, search, thorough=False)
            if found.found:
                return found
    if groups.frames == 0:
        return Detection(False, 0, payload_bits=settings.payload_bits)
    found = detect_groups(groups, size, search, thorough=settings.wide)
    if not found.found and kept.frames:
        part = inside.search(kept.frames, keys, settings)
        if part is not None:
            return within(part, groups.frames, size)
    return found


def detect_groups(
    groups: Groups, size: tuple[int, int], search: Search, *, thorough: bool = True
) -> Detection:
    """Search accumulated residuals; ``size`` is the (width, height) of the frames.

    ``search`` is that of the earlier attempts on the same groups, with fewer frames.
    """
    hit = search.attempt(groups, thorough=thorough)
    if hit is not None:
        return _detection(hit, search, groups.frames, size)
    bits = search.settings.payload_bits
    return Detection(False, groups.frames, payload_bits=bits, sync=search.best_sync)


def within(found: inside.Inside, frames: int, size: tuple[int, int]) -> Detection:
    """What was found in a part of frames of ``size`` (width, height)."""
    one = _detection(found.hit, found.search, frames, found.part.size)
    assert one.geometry is not None
    geometry = replace(one.geometry, part=found.part.scaled(size))
    return replace(one, log10_p=found.log10_p, geometry=geometry)


def _detection(hit: Hit, search: Search, frames: int, size: tuple[int, int]) -> Detection:
    reading = hit.reading
    assert reading.payload is not None
    bits = search.settings.payload_bits
    key = next(key for key in search.keys if key.key_id == reading.carrier.key_id)
    factor = period_factor(key, reading.payload, bits)
    return Detection(
        True,
        frames,
        search.p(reading),
        reading.payload,
        bits,
        key.key_id,
        key.secret == PUBLIC_SECRET,
        reading.sync,
        Geometry.of(reading, factor, (hit.shape[1], hit.shape[0]), size, hit.to_tiles),
    )
