"""Calms flashing stretches of a clip. The result must be checked again before it is used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from media.clip import Frames
from policies.decision import Segment

TIME_CONSTANT = 1.0
"""Seconds over which frames are averaged: a 5 Hz square wave shrinks to a sixteenth."""

RAMP = 0.5
"""Seconds before a stretch from which the averaging already runs, so that it has settled."""


class FlashRepair:
    """Replaces flashing stretches by a running average in linear light; the rest stays exact.

    Motion within a stretch leaves trails: this is a way to keep a clip, not to keep it crisp.
    ``segments`` are those of the ``flash`` and ``flash_local`` signals. Memory: two frames of
    float32. Cost: about 25 ms for each 720p frame inside a stretch, nothing outside.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._stretches = [(s.start - RAMP, s.end) for s in segments]
        self._average: NDArray[np.float32] | None = None
        self._last = 0.0

    def apply(self, frames: Frames) -> Frames:
        """The same frames, calmed where needed. Push every batch once, in order."""
        inside = [any(a <= t <= b for a, b in self._stretches) for t in frames.times.tolist()]
        if not any(inside):
            self._average = None
            return frames
        out = frames.pixels.copy()
        for k, time in enumerate(frames.times.tolist()):
            if not inside[k]:
                self._average = None
                continue
            light = _decode(out[k])
            if self._average is None:
                self._average = light
            else:
                keep = float(np.exp((self._last - time) / TIME_CONSTANT))
                self._average *= keep
                self._average += (1 - keep) * light
            self._last = time
            out[k] = _encode(self._average)
        return Frames(out, frames.times, frames.index)


_CODES = np.arange(256, dtype=np.float32) / 255
_TO_LIGHT = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
_STEPS = 4095
_LIGHT = np.arange(_STEPS + 1, dtype=np.float32) / _STEPS
_TO_CODE = np.round(
    255 * np.where(_LIGHT <= 0.0031308, 12.92 * _LIGHT, 1.055 * _LIGHT ** (1 / 2.4) - 0.055)
).astype(np.uint8)


def _decode(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _TO_LIGHT.take(pixels)


def _encode(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    return _TO_CODE.take(np.clip(light * _STEPS + 0.5, 0, _STEPS).astype(np.uint16))
