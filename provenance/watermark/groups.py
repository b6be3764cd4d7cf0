"""A clip as a few groups of frames whose mean residuals are kept apart.

A strong codec keeps the mark in the frames that it codes afresh (the first one, those after a
cut, key frames) and smears it in the others. Such frames get a group of their own; the others are
averaged in runs. The weights come later, from how well each group agrees with the key.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.mask import Plane
from provenance.watermark.residual import CLIP, Accumulator, residual, shrink

RUN = 8
MOST_FRESH = 6
"""Fresh frames kept apart at most: they cost memory and time."""
CUT_CHANGE = 20.0
"""Mean change of luma, in grey levels, that counts as a cut."""

_STEP = CLIP / 127


class Groups:
    """Running groups of one clip. Memory: one byte per pixel and group."""

    def __init__(self) -> None:
        self.frames = 0
        self.every = Accumulator()
        self.fresh = Accumulator()
        self._run = Accumulator()
        self._kept: list[NDArray[np.int8]] = []
        self._last: NDArray[np.int16] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the planes; (0, 0) when there are none."""
        total = self.every.total
        return (0, 0) if total is None else (int(total.shape[0]), int(total.shape[1]))

    def add(self, luma: NDArray[np.uint8], fresh: bool = False) -> None:
        """One more frame, ``uint8 [H, W]``; ``fresh`` when it is known to be a key frame."""
        small = shrink(luma)
        plane = residual(small)
        glance = small[::16, ::16].astype(np.int16)
        cut = self._last is None or (
            self._last.shape == glance.shape and np.abs(glance - self._last).mean() > CUT_CHANGE
        )
        self._last = glance
        self.every.add_plane(plane)
        self.frames += 1
        if (fresh or cut) and self.fresh.frames < MOST_FRESH:
            self.fresh.add_plane(plane)
            self._kept.append(_packed(plane))
            return
        self._run.add_plane(plane)
        if self._run.frames == RUN:
            self._close()

    def _close(self) -> None:
        if self._run.frames:
            self._kept.append(_packed(self._run.mean()))
            self._run = Accumulator()

    def planes(self) -> list[Plane]:
        """The groups' mean residuals, the unfinished run included."""
        kept = [packed.astype(np.float32) * np.float32(_STEP) for packed in self._kept]
        return [*kept, self._run.mean()] if self._run.frames else kept


def _packed(plane: Plane) -> NDArray[np.int8]:
    return np.rint(plane * np.float32(1 / _STEP)).astype(np.int8)
