"""From frames to one picture in which the mark stands out: the mean of normalised residuals."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark.mask import Plane

WORK_SIDE = 540
"""Larger frames are shrunk to this short side: the finest lines stay resolved."""
SOFT_FLOOR = 1.5
"""Grey levels added to the local deviation: what rounding and coding leave on flat areas."""
CLIP = 1.5
"""In local deviations; keeps edges and black bars from speaking louder than the rest."""


def luma_of(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``uint8 [H, W, 3]`` RGB or ``uint8 [H, W]`` luma to ``uint8 [H, W]``."""
    if frame.ndim == 2:
        return frame
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def shrink(luma: NDArray[np.uint8], work_side: int = WORK_SIDE) -> NDArray[np.uint8]:
    height, width = luma.shape
    scale = work_side / min(height, width)
    if scale >= 1:
        return luma
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def residual(luma: NDArray[np.uint8]) -> Plane:
    """Luma minus its surroundings, over the local deviation, clipped: ``float32 [h, w]``.

    Cost: about 3 ms at 720p.
    """
    y = luma.astype(np.float32)
    side = max(int(min(y.shape) / 36), 9) | 1
    near = cv2.blur(cv2.blur(y, (side, side)), (side, side))
    rest = cv2.subtract(y, near, dst=y)
    wide = (2 * side + 1, 2 * side + 1)
    # working planes are used again: fresh memory costs more than the arithmetic
    square = cv2.multiply(rest, rest, dst=near)
    spread = cv2.blur(square, wide)
    # running sums can end a hair below zero on flat areas
    np.maximum(spread, 0, out=spread)
    np.sqrt(spread, out=spread)
    np.add(spread, np.float32(SOFT_FLOOR), out=spread)
    np.divide(rest, spread, out=rest)
    return np.asarray(np.clip(rest, -CLIP, CLIP, out=rest), dtype=np.float32)


class Accumulator:
    """The running mean of residuals of frames of one size; one plane of memory."""

    def __init__(self) -> None:
        self.total: Plane | None = None
        self.frames = 0

    def add(self, luma: NDArray[np.uint8]) -> None:
        self.add_plane(residual(luma))

    def add_plane(self, r: Plane) -> None:
        if self.total is None:
            self.total = r.copy()
        else:
            if self.total.shape != r.shape:
                raise ValueError(f"frames of {r.shape} among frames of {self.total.shape}")
            self.total += r
        self.frames += 1

    def mean(self) -> Plane:
        if self.total is None:
            raise ValueError("no frame was added")
        return self.total / np.float32(self.frames)
