"""Where does the pattern repeat? A blind search for the period grid in a spectrum.

The mark's lines lie on a grid in the frequency plane. For a hypothesis (period, angle, aspect,
shear) the power on that grid is added up: a matched filter for a comb. No key is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from provenance.watermark.carrier import ring
from provenance.watermark.mask import Plane
from provenance.watermark.wide import LONGEST, SHORTEST, Scores, over_aspects, over_turns

PADDING = 1.25
"""The spectrum's side over the picture's longer side."""
PEAK_LIMIT = 8.0
"""In local medians; one strong line of the scene must not look like a comb."""
PEAK_WIDTH = 0.012
"""Of a peak in the logarithm of the period and in radians."""
SAME_PEAK = 0.002
"""Refined grids nearer than this are one."""

Array = NDArray[np.float64]


def spectrum(field: Plane) -> Plane:
    """Whitened power minus 1, ``float32 [m, m / 2 + 1]``; row = fy + m / 2."""
    height, width = field.shape
    side = 2 * scipy.fft.next_fast_len(int(PADDING * max(height, width)) // 2 + 1)
    window = np.outer(_taper(height), _taper(width)).astype(np.float32)
    centred = (field - field.mean()) * window
    bins = scipy.fft.rfft2(centred, (side, side))
    power = np.fft.fftshift(bins.real**2 + bins.imag**2, axes=0).astype(np.float32)
    near, far = max(side // 80, 16) | 1, max(side // 50, 24) | 1
    power = np.minimum(power / (cv2.blur(power, (near, near)) + np.float32(1e-12)), PEAK_LIMIT)
    power /= cv2.blur(power, (far, far)) + np.float32(1e-9)
    return np.asarray(power - 1, dtype=np.float32)


def _taper(size: int) -> Array:
    return np.asarray(np.hanning(size + 2)[1:-1] ** 0.3)


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid hypothesis, in pixels of the searched picture.

    The pattern's x axis is turned by ``angle`` (radians); its period is ``period * aspect``
    along x and ``period`` along y; ``shear`` tilts y against x.
    """

    period: float
    angle: float
    aspect: float = 1.0
    shear: float = 0.0
    score: float = 0.0

    @classmethod
    def of(cls, basis: Array) -> Grid:
        """The inverse of :meth:`basis`; a mirrored one has a negative aspect."""
        fy = float(np.hypot(*basis[1]))
        angle = float(np.arctan2(-basis[1, 0], basis[1, 1]))
        c, s = np.cos(angle), np.sin(angle)
        fx = float(basis[0] @ (c, s))
        return cls(1 / fy, angle, fy / fx, float(basis[0] @ (-s, c)) / fx)

    def parameters(self) -> tuple[float, float, float, float]:
        return self.period, self.angle, self.aspect, self.shear

    def moved(self, axis: int, step: float) -> Grid:
        """A neighbour: 0 period, 2 aspect (relative steps); 1 angle, 3 shear."""
        at = list(self.parameters())
        at[axis] = at[axis] * (1 + step) if axis in (0, 2) else at[axis] + step
        return Grid(at[0], at[1], at[2], at[3], self.score)

    def apart(self, other: Grid) -> float:
        """How far the farthest lines of two grids are apart, as a share of the period."""
        gap = np.abs(self.basis() - other.basis()).max()
        return float(gap * min(self.period, other.period))

    def to_tiles(self) -> Array:
        """The same as ``float64 [3, 3]``."""
        m = np.eye(3)
        m[:2, :2] = self.basis()
        return m

    def basis(self) -> Array:
        """``float64 [2, 2]``: picture (x, y) to pattern coordinates in tiles."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        fx, fy = 1 / (self.period * self.aspect), 1 / self.period
        tilt = self.shear * fx
        return np.array([[c * fx - s * tilt, s * fx + c * tilt], [-s * fy, c * fy]])


def comb(power: Plane, grids: Array) -> Array:
    """Power summed over each grid's lines; ``grids`` is ``float64 [m, 4]``, result ``[m]``.

    In deviations of unmarked noise, about.
    """
    lines = ring()
    k = np.stack([lines.kx, lines.ky]).astype(np.float32)
    side = len(power)
    out = np.empty(len(grids))
    for start in range(0, len(grids), 4096):
        part = grids[start : start + 4096]
        c, s = np.cos(part[:, 1]) * side, np.sin(part[:, 1]) * side
        fx, fy = 1 / (part[:, 0] * part[:, 2]), 1 / part[:, 0]
        tilt = part[:, 3] * fx
        columns = np.stack([c * fx - s * tilt, -s * fy], axis=1).astype(np.float32) @ k
        rows = np.stack([s * fx + c * tilt, c * fy], axis=1).astype(np.float32) @ k
        # a real picture's spectrum is symmetric: only fx >= 0 is stored
        rows = np.where(columns < 0, -rows, rows) + side // 2
        at = cv2.remap(power, np.abs(columns), rows, cv2.INTER_LINEAR)
        out[start : start + 4096] = at.sum(axis=1)
    return out / np.sqrt(k.shape[1])


def upright(power: Plane, short_side: int, keep: int) -> list[Grid]:
    """The best grids that are neither turned nor stretched: the usual case, cheap (20 ms)."""
    rows = np.array([(period, 0.0, 1.0, 0.0) for period in periods(short_side, len(power))])
    blurred = np.asarray(cv2.blur(power, (3, 3)) * 3, dtype=np.float32)
    score = comb(blurred, rows)
    chosen: list[Array] = []
    for g in rows[np.argsort(score)[::-1][: 16 * keep]]:
        if all(abs(np.log(g[0] / other[0])) > PEAK_WIDTH for other in chosen):
            chosen.append(g)
            if len(chosen) == keep:
                break
    return refine(power, np.array(chosen), rounds=3, axes=(0,))


def turned(power: Plane, short_side: int, keep: int, longest: float = LONGEST) -> list[Grid]:
    """The best grids over period and angle; a quarter turn covers all. Cost: about 60 ms."""
    seen = over_turns(power, SHORTEST * short_side, longest * short_side)
    return refine(power, _peaks(seen, keep), rounds=3)


def stretched(power: Plane, short_side: int, keep: int) -> list[Grid]:
    """The best grids over period and aspect, not turned. Cost: about 80 ms."""
    seen = over_aspects(power, SHORTEST * short_side, LONGEST * short_side)
    return refine(power, _peaks(seen, keep), rounds=3)


def _peaks(seen: Scores, keep: int) -> Array:
    """The highest separate peaks as grids, ``float64 [n, 4]``; the scores are used up."""
    scores = seen.scores
    reach = [max(1, round(PEAK_WIDTH / step)) for step in seen.steps]
    found = []
    for _ in range(keep):
        row, column = (int(v) for v in np.unravel_index(int(scores.argmax()), scores.shape))
        found.append(seen.grid(row, column))
        top, left = max(0, row - reach[0]), max(0, column - reach[1])
        scores[top : row + reach[0] + 1, left : column + reach[1] + 1] = -np.inf
    return np.array(found)


def periods(short_side: int, side: int) -> list[float]:
    """Periods, fine enough that the outer line moves by 0.6 bins."""
    reach = float(ring().radius.max())
    out = []
    at = SHORTEST * short_side
    while at < LONGEST * short_side:
        out.append(at)
        at *= 1 + float(np.clip(0.6 * at / (reach * side), 0.001, 0.01))
    return out


_STEPS = np.array([0.0012, 0.0012, 0.002, 0.002])


def refine(
    power: Plane,
    grids: Array,
    rounds: int,
    axes: tuple[int, ...] = (0, 1, 2, 3),
    steps: Array = _STEPS,
) -> list[Grid]:
    """Coordinate ascent of the comb over these parameters, for all grids at once."""
    at = grids.copy()
    best = comb(power, at)
    steps = steps.copy()
    offsets = np.arange(-6, 7)
    for _ in range(rounds):
        for axis in axes:
            trial = np.repeat(at[:, None], len(offsets), axis=1)
            move = offsets * steps[axis]
            if axis in (0, 2):
                trial[:, :, axis] *= 1 + move
            else:
                trial[:, :, axis] += move
            score = comb(power, trial.reshape(-1, 4)).reshape(len(at), -1)
            pick = score.argmax(axis=1)
            rows = np.arange(len(at))
            better = score[rows, pick] > best
            at[better] = trial[rows, pick][better]
            best = np.maximum(best, score[rows, pick])
        steps *= 0.6
    ranked = sorted(zip(at.tolist(), best.tolist(), strict=True), key=lambda pair: -pair[1])
    found: list[Grid] = []
    for (period, angle, aspect, shear), score in ranked:
        grid = Grid(period, angle, aspect, shear, score)
        # hypotheses that climbed the same peak
        if all(grid.apart(other) > SAME_PEAK for other in found):
            found.append(grid)
    return found
