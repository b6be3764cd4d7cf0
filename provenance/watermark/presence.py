"""Whether a mark that was already read is in further frames too: one fold, no search.

The mark's geometry, payload and key are known by then, so every line's signs are known, and one
correlation tells. It says where a mark begins and ends; what was read first is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.carrier import CARRIERS, carrier, payload_to_bits
from provenance.watermark.detector import Detection
from provenance.watermark.fold import Folded, Folder, correlation
from provenance.watermark.keys import KeyRing
from provenance.watermark.lattice import Grid
from provenance.watermark.residual import Accumulator, residual, shrink


class Presence:
    """Looks for one mark that was found in frames of one size."""

    def __init__(self, found: Detection, keys: KeyRing) -> None:
        assert found.payload is not None and found.geometry is not None
        self._geometry = found.geometry
        key = next(key for key in keys if key.key_id == found.key_id)
        bits = payload_to_bits(found.payload, found.payload_bits)
        self._signs = [
            carrier(key, index, found.payload_bits).signs(bits) for index in range(CARRIERS)
        ]
        self._folder: tuple[tuple[int, int], Folder] | None = None

    def z(self, frames: Sequence[NDArray[np.uint8]]) -> float:
        """Deviations by which the mean of these frames, ``uint8 [H, W]``, agrees with the mark.

        For frames without the mark ``P(z >= a) <= 4 exp(-a²/2)`` (Hoeffding, as in
        :mod:`provenance.watermark.fold`; four carriers). 0 for frames of another size.
        """
        size = (self._geometry.width, self._geometry.height)
        total = Accumulator()
        for luma in frames:
            if (seen := self._geometry.seen(luma)) is not None:
                total.add_plane(residual(shrink(seen)))
        if total.frames == 0:
            return 0.0
        plane = total.mean()
        shape = (int(plane.shape[0]), int(plane.shape[1]))
        if self._folder is None or self._folder[0] != shape:
            scale = np.diag([size[0] / shape[1], size[1] / shape[0], 1.0])
            self._folder = (shape, Folder(shape, np.array(self._geometry.matrix) @ scale))
        # the geometry leads to the pattern as it was embedded: no turn and no shift are left
        unit = Folded.of(plane, Grid(1.0, 0.0), self._folder[1]).unit[0]
        return max(correlation(unit, signs) for signs in self._signs)
