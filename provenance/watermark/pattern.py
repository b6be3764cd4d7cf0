"""The periodic pattern itself, from the signs of its lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.carrier import RING_HIGH, ring
from provenance.watermark.mask import Plane


def pattern(
    signs: NDArray[np.float64],
    width: int,
    height: int,
    period: float,
    offset_x: float,
    offset_y: float,
) -> Plane:
    """Unit rms on a grid of ``height`` × ``width``, ``float32``.

    ``signs`` is ``float [n, 2]``; ``period`` is in grid steps, the offset in tiles.
    """
    lines = ring()
    k = np.arange(-RING_HIGH, RING_HIGH + 1)
    value = lines.amplitude * (signs[:, 0] + 1j * signs[:, 1]) / np.sqrt(2)
    value *= np.exp(-2j * np.pi * (lines.kx * offset_x + lines.ky * offset_y))
    grid = np.zeros((len(k), len(k)), dtype=complex)
    grid[lines.ky + RING_HIGH, lines.kx + RING_HIGH] = value
    across = np.exp(2j * np.pi * np.outer(k, np.arange(width)) / period)
    down = np.exp(2j * np.pi * np.outer(np.arange(height), k) / period)
    return np.ascontiguousarray((down @ grid @ across).real, dtype=np.float32)
