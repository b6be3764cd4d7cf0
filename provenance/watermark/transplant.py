"""Whether a mark lies in the picture that it was made for: a sign without registry or original.

The embedder gives each place what a viewer forgives there (:mod:`provenance.watermark.mask`), so
how strong an honest mark is follows the picture that it lies in. A mark that was cut out of one
video and pasted on another follows the first one's. Once a mark is read its whole pattern is
known, and one correlation in each block of the picture tells how strong it is there; that is
compared with what the picture itself would have been given.

Only one answer is given, "transplanted", and only where the picture has smooth and busy places and
the strength was measured surely enough; all else is not told. Who knows this text can shape what
is pasted to the new picture: then only the comparison with the published file helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from provenance.watermark.carrier import CARRIERS, REST_PERIOD, carrier, payload_to_bits
from provenance.watermark.detector import Detection
from provenance.watermark.keys import KeyRing
from provenance.watermark.mask import Mask, MaskSettings, Plane
from provenance.watermark.pattern import pattern
from provenance.watermark.residual import CLIP, SOFT_FLOOR, shrink

Luma = NDArray[np.uint8]

TILE = 128
"""Samples of a period of the pattern that is laid over the picture."""
DECOYS = ((0.37, 0.21), (0.13, 0.58), (0.71, 0.83), (0.55, 0.41), (0.29, 0.67), (0.87, 0.09))
"""Shifts, in tiles, at which the pattern is not: what is read there is the noise."""
BLOCKS = 4
"""Blocks of one period each way."""
LEAST_BLOCK = 16
LEAST_BLOCKS = 20
DARK, BRIGHT = 18, 238
"""Blocks beyond these grey levels do not count: the mark is cut off there, and bars are black."""
HARD = 25.0
"""Nor do blocks of more local contrast than this: letters and borders hide what the mark is."""
LEAST_SIGNAL = 0.1
"""Of the spread of the strength: no less of it counts as the mark's own, whatever the noise."""


class TransplantSettings(BaseModel):
    """When a mark counts as transplanted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: int = Field(8, gt=0, description="frames looked at, the first ones")
    variety: float = Field(
        0.2, gt=0, description="least spread, over the mean, of what the picture would be given"
    )
    correlation: float = Field(
        0.5, lt=1, description="of the mark's strength with that, below which it does not follow"
    )
    surely: float = Field(2.0, gt=0, description="deviations of the noise that it may gain")
    at_most: float = Field(0.7, lt=1, description="correlation that it may not reach even so")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the mark's strength follows the picture, over ``blocks`` of it.

    ``correlation`` is corrected for noise, so it can exceed 1 a little; ``error`` is its deviation
    by noise. ``variety`` is the spread, over the mean, of what the picture would be given.
    """

    correlation: float
    error: float
    variety: float
    blocks: int


def transplanted(
    found: Detection,
    frames: Sequence[Luma],
    keys: KeyRing,
    settings: TransplantSettings | None = None,
) -> bool | None:
    """True: the mark does not follow the picture that it lies in; None: nothing is told.

    ``frames`` are received ones, ``uint8 [H, W]``, in which ``found`` was read. Cost: about 0.4 s
    of processor time for eight frames of 540 lines or more, memory of a few dozen such planes.
    """
    chosen = settings or TransplantSettings()
    told = agreement(found, frames[: chosen.frames], keys)
    if told is None or told.variety < chosen.variety:
        return None
    high = told.correlation + chosen.surely * told.error
    return True if told.correlation < chosen.correlation and high < chosen.at_most else None


def agreement(found: Detection, frames: Sequence[Luma], keys: KeyRing) -> Agreement | None:
    """The measurement behind :func:`transplanted`; None where there is too little to measure."""
    geometry = found.geometry
    if geometry is None or found.payload is None:
        return None
    seen = [shrink(part) for part in map(geometry.seen, frames) if part is not None]
    if not seen:
        return None
    height, width = seen[0].shape
    period = geometry.scale * geometry.period_factor * REST_PERIOD * min(height, width)
    block = max(LEAST_BLOCK, round(period / BLOCKS))
    if (height // block) * (width // block) < LEAST_BLOCKS:
        return None
    strips = [_normalised(luma) for luma in seen]
    laid = _laid(found, keys, np.mean([rest for rest, _ in strips], axis=0))
    sums = _Blocks(width, height, block)
    energy = sums.of(laid[0] * laid[0])
    spreads = np.stack([sums.of(spread) for _, spread in strips])
    strength = np.stack([[sums.of(rest * one) / energy for one in laid] for rest, _ in strips])
    strength = (strength * spreads[:, None]).mean(axis=0)
    clean = _without(seen, strips, laid, period, block)
    mask = Mask(height, width, MaskSettings())
    given = np.stack(
        [sums.of(np.asarray(cv2.resize(mask.of(luma), (width, height)))) for luma in clean]
    ).mean(axis=0)
    light = np.stack([sums.of(luma.astype(np.float32)) for luma in seen])
    usable = ((light > DARK) & (light < BRIGHT) & (spreads < HARD)).mean(axis=0) > 0.5
    if int(usable.sum()) < LEAST_BLOCKS:
        return None
    return _compared(strength[:, usable], given[usable], spreads.mean(axis=0)[usable])


class _Blocks:
    """Means over square blocks; what is left at the right and below does not count."""

    def __init__(self, width: int, height: int, side: int) -> None:
        self._count = (width // side, height // side)
        self._width, self._height = self._count[0] * side, self._count[1] * side

    def of(self, plane: NDArray[np.generic]) -> Plane:
        whole = np.ascontiguousarray(plane[: self._height, : self._width], dtype=np.float32)
        return np.asarray(
            cv2.resize(whole, self._count, interpolation=cv2.INTER_AREA), dtype=np.float32
        )


def _normalised(luma: Luma) -> tuple[Plane, Plane]:
    """Luma less its surroundings over the local deviation, clipped; and that deviation."""
    plane = luma.astype(np.float32)
    side = max(int(min(plane.shape) / 36), 9) | 1
    rest = plane - cv2.blur(cv2.blur(plane, (side, side)), (side, side))
    square = cv2.blur(rest * rest, (2 * side + 1, 2 * side + 1))
    spread = np.sqrt(np.maximum(square, 0)) + np.float32(SOFT_FLOOR)
    return np.clip(rest / spread, -CLIP, CLIP), spread


def _laid(found: Detection, keys: KeyRing, field: Plane) -> list[Plane]:
    """The pattern where the mark's geometry puts it, and at every decoy, ``float32 [h, w]``."""
    geometry, payload = found.geometry, found.payload
    assert geometry is not None and payload is not None
    height, width = field.shape
    scale = np.diag([geometry.width / width, geometry.height / height, 1.0])
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    at = np.array(geometry.matrix) @ scale @ np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
    u, v = (at[:2] / at[2]).reshape(2, height, width)

    def laid(tile: Plane, move: tuple[float, float]) -> Plane:
        across, down = ((a + b) % 1 * TILE for a, b in ((u, move[0]), (v, move[1])))
        return np.asarray(
            cv2.remap(tile, across.astype(np.float32), down.astype(np.float32), cv2.INTER_LINEAR)
        )

    key = next(key for key in keys if key.key_id == found.key_id)
    bits = payload_to_bits(payload, found.payload_bits)
    best: tuple[float, Plane, Plane] | None = None
    for index in range(CARRIERS):
        signs = carrier(key, index, found.payload_bits).signs(bits)
        # one sample more each way, so that what lies between the last and the first is there too
        tile = pattern(signs, TILE + 1, TILE + 1, TILE, 0.0, 0.0)
        here = laid(tile, (0.0, 0.0))
        agrees = float((here * field).sum())
        if best is None or agrees > best[0]:
            best = (agrees, tile, here)
    assert best is not None
    return [best[2], *(laid(best[1], move) for move in DECOYS)]


def _without(
    seen: Sequence[Luma],
    strips: Sequence[tuple[Plane, Plane]],
    laid: Sequence[Plane],
    period: float,
    block: int,
) -> list[Luma]:
    """The frames less the mark, as far as it stands out of the noise.

    Else a strong mark on a smooth place would itself be the busy place that explains it.
    """
    window = max(9, int(period / 7)) | 1
    mean = np.mean([rest * spread for rest, spread in strips], axis=0)
    energy = cv2.blur(laid[0] * laid[0], (window, window)) + np.float32(0.05)
    read = [cv2.blur(mean * one, (window, window)) for one in laid[:4]]
    noise = np.mean([one * one for one in read[1:]], axis=0)
    noise = cv2.blur(noise, (2 * block + 1, 2 * block + 1)) / energy**2
    strength = np.maximum(read[0] / energy, 0)
    strength *= np.clip(1 - 2 * noise / (strength**2 + 1e-6), 0, 1)
    mark = strength * laid[0]
    return [np.clip(np.rint(luma - mark), 0, 255).astype(np.uint8) for luma in seen]


def _compared(strength: Plane, given: Plane, spread: Plane) -> Agreement:
    """``strength`` is ``[1 + decoys, blocks]``: the mark's, then what noise alone gives."""
    noise = float(np.std(strength[1:] / spread)) * spread
    real, decoys = strength[0], strength[1:]
    usual = abs(float((real / noise**2).sum() / (1 / noise**2).sum())) + 1e-3
    weight = 1 / (noise**2 + usual**2)
    weight /= weight.sum()

    def together(a: Plane, b: Plane) -> float:
        return float((weight * (a - (weight * a).sum()) * (b - (weight * b).sum())).sum())

    own, mask = together(real, real), together(given, given) + 1e-12
    by_noise = float(np.mean([together(decoy, decoy) for decoy in decoys]))
    scale = float(np.sqrt(mask * max(own - by_noise, LEAST_SIGNAL * own, 1e-12)))
    error = float(np.sqrt(np.mean([together(decoy, given) ** 2 for decoy in decoys])))
    spread_of = float(np.sqrt(mask)) / float((weight * given).sum())
    return Agreement(together(real, given) / scale, error / scale, spread_of, len(given))
