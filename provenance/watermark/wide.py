"""The wide search: the comb over two parameters at once, by one correlation.

In polar coordinates with a logarithmic radius a turn and a change of scale are shifts, so the
comb over every period and angle is one correlation of the spectrum with the comb's own points; in
coordinates that are logarithmic in x and in y, so is the comb over every period and aspect
(Reddy and Chatterji 1996 register pictures that way).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from provenance.watermark.carrier import ring
from provenance.watermark.mask import Plane

Array = NDArray[np.float64]
SHORTEST, LONGEST = 0.13, 1.0
"""Periods searched, over the shorter side of the received picture."""
FINENESS, ASPECT_FINENESS = 0.65, 1.0
"""Step in bins of the spectrum at the outermost line of the usual period."""
USUAL_PERIOD = 0.22
"""Over the shorter side: sets the step."""
MOST_ASPECT = 0.62
"""Logarithm of the strongest stretch."""


@dataclass(frozen=True, eq=False)
class Scores:
    """``scores`` is ``float32 [a, b]``, in deviations of unmarked noise, about.

    Row i is the period ``exp(first - i * steps[0])`` down the picture; column j is an angle of
    ``j * steps[1]`` radians less an eighth turn, or, for aspects, the period across it.
    """

    scores: Plane
    first: float
    steps: tuple[float, float]
    aspects: bool

    def grid(self, row: int, column: int) -> tuple[float, float, float, float]:
        """Period, angle, aspect, shear."""
        period = float(np.exp(self.first - row * self.steps[0]))
        if not self.aspects:
            return period, column * self.steps[1] - np.pi / 4, 1.0, 0.0
        return period, 0.0, float(np.exp(self.first - column * self.steps[1])) / period, 0.0


def over_turns(power: Plane, shortest: float, longest: float) -> Scores:
    """The comb at every period between these, in pixels, and every angle of a quarter turn."""
    side, lines = len(power), ring()
    step = FINENESS * _bin(side, shortest)
    columns = scipy.fft.next_fast_len(int(np.pi / 2 / step), real=True)
    turn = np.pi / 2 / columns
    low = np.log(side / longest)
    count = int(np.log(longest / shortest) / step) + 1
    span = np.log(lines.radius)
    rows = scipy.fft.next_fast_len(count + int(span.max() / step) + 2, real=True)
    skip = int(span.min() / step)
    radius = np.exp(low + (skip + np.arange(rows - skip)) * step)
    # Turned by a quarter the comb is the same: both quarters are added.
    seen = np.zeros((rows, columns), dtype=np.float32)
    angle = np.arange(columns) * turn - np.pi / 4
    blurred = _blurred(power)
    for extra in (-np.pi / 4, np.pi / 4):
        fx = np.outer(radius, np.cos(angle + extra)).astype(np.float32)
        fy = np.outer(radius, np.sin(angle + extra)).astype(np.float32)
        # Both quarters lie in the stored half plane: angles from -90 to 90 degrees.
        seen[skip:] += _looked_up(blurred, fx, fy)
    quarter = (lines.kx > 0) & (lines.ky >= 0)
    phi = np.arctan2(lines.ky[quarter], lines.kx[quarter])
    # Angle 0 of the result is -45 degrees, and the first quarter starts at -90.
    score = _correlated(seen, span[quarter] / step, (phi + np.pi / 4) / turn)[:count]
    return Scores(score / np.float32(np.sqrt(len(lines))), np.log(longest), (step, turn), False)


def over_aspects(power: Plane, shortest: float, longest: float) -> Scores:
    """The comb at every pair of periods down and across, upright."""
    side, lines = len(power), ring()
    step = ASPECT_FINENESS * _bin(side, shortest)
    first = np.log(longest) + MOST_ASPECT / 2
    low = np.log(side) - first
    count = int((np.log(longest / shortest) + MOST_ASPECT) / step) + 1
    quarter = (lines.kx > 0) & (lines.ky > 0)
    x, y = np.log(lines.kx[quarter]), np.log(lines.ky[quarter])
    size = scipy.fft.next_fast_len(count + int(max(x.max(), y.max()) / step) + 2, real=True)
    at = np.exp(low + np.arange(size) * step).astype(np.float32)
    fx, fy = np.meshgrid(at, at)
    blurred = _blurred(power)
    seen = _looked_up(blurred, fx, fy) + _looked_up(blurred, fx, -fy)
    score = _correlated(seen, y / step, x / step)[:count, :count]
    i, j = np.ogrid[:count, :count]
    score[np.abs(i - j) * step > MOST_ASPECT] = -np.inf
    return Scores(score / np.float32(np.sqrt(2 * quarter.sum())), first, (step, step), True)


def _bin(side: int, shortest: float) -> float:
    """One bin of the spectrum at the outermost line of the usual period, as a share of it."""
    usual = USUAL_PERIOD * shortest / SHORTEST
    return float(usual / (ring().radius.max() * side))


def _blurred(power: Plane) -> Plane:
    """Wider peaks, so that the steps may be coarse; still of unit deviation."""
    return np.asarray(cv2.blur(power, (3, 3)) * np.float32(3), dtype=np.float32)


def _looked_up(power: Plane, fx: Plane, fy: Plane) -> Plane:
    """The spectrum at these bins; 0 outside."""
    rows = fy + np.float32(len(power) // 2)
    seen = cv2.remap(
        power, fx, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(seen, dtype=np.float32)


def _correlated(seen: Plane, rows: Array, columns: Array) -> Plane:
    """``sum(seen[i + rows, j + columns])`` for every i, j, cyclic, between samples linearly."""
    comb = np.zeros(seen.shape, dtype=np.float32)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    dy, dx = rows - top, columns - left
    for down, across, share in (
        (0, 0, (1 - dy) * (1 - dx)),
        (0, 1, (1 - dy) * dx),
        (1, 0, dy * (1 - dx)),
        (1, 1, dy * dx),
    ):
        at = ((top + down) % seen.shape[0], (left + across) % seen.shape[1])
        np.add.at(comb, at, share.astype(np.float32))
    product = scipy.fft.rfft2(seen) * np.conj(scipy.fft.rfft2(comb))
    return np.asarray(scipy.fft.irfft2(product, seen.shape), dtype=np.float32)
