"""Frames as they travel: small batches in time order, never a whole video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""``uint8 [T, H, W, 3]``, RGB, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Frames:
    """A run of consecutive frames of one stream.

    ``pixels`` is ``uint8 [T, H, W, 3]`` RGB; ``times`` is ``float64 [T]``, seconds from the
    start of the stream, rising; ``index`` is the position of the first frame.

    Raises ``ValueError`` when the shapes or dtypes are others.
    """

    pixels: Pixels
    times: NDArray[np.float64]
    index: int = 0

    def __post_init__(self) -> None:
        p = self.pixels
        if p.dtype != np.uint8 or p.ndim != 4 or p.shape[3] != 3:
            raise ValueError(f"frames are uint8 [T, H, W, 3], not {p.dtype} {list(p.shape)}")
        if self.times.shape != (p.shape[0],):
            raise ValueError("one time for each frame")

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[2])


def batches(pixels: Iterator[Pixels], fps: Fraction) -> Iterator[Frames]:
    """Give each batch of a constant-rate stream its times and index."""
    index = 0
    for batch in pixels:
        steps = np.arange(index, index + len(batch), dtype=np.float64)
        yield Frames(batch, steps * (fps.denominator / fps.numerator), index)
        index += len(batch)
