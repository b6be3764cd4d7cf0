"""How many machines a load needs, from what the stages of finished jobs took.

Of a stage the seconds are taken as a fixed part and a part that grows with the work, which is
megapixels times seconds of clip: a line by the median of slopes between pairs of jobs (Theil,
1950; Sen, 1968), which a few odd jobs, or those of an outage, do not turn. How far jobs lie above
it gives the quantile that is asked for. Of a stage that was begun anew only the run that finished
is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REFERENCE: Mapping[str, float] = {
    "generate": 1.72, "output": 0.0076, "encode": 2.29, "sign": 0.46, "publish": 0.038,
}  # fmt: skip
"""Seconds for a megapixel-second (at 24 frames a second) with the `world` backend on the reference
machine, 2 cores (`make bench`); used where too few jobs were run here."""
ON_GPU = ("generate",)
FEWEST = 20
"""Jobs of this installation without which the reference machine's costs are used."""
MOST = 2_000
"""The latest jobs that are looked at."""
PAIRS = 300
"""Jobs between which slopes are taken, spread over all sizes of work."""
TARGET_LOAD = 0.7
"""Above it, waiting times grow faster than the load."""
LOG_BYTES_PER_CLIP = 9_000
"""Five entries with their signals, and the sealed prompt."""
BYTES_PER_WORK = 1_000_000
"""Of a published clip, for a megapixel-second, where there are too few of them."""


@dataclass(frozen=True, slots=True)
class StageRun:
    """One finished stage of one job: ``work`` in megapixel-seconds, and the ``seconds`` it took."""

    stage: str
    work: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StageCost:
    """``fixed`` seconds a clip and ``each`` for a megapixel-second; ``spread`` is what a job at the
    quantile takes, over what the line says."""

    fixed: float
    each: float
    spread: float = 1.0

    def seconds(self, work: float) -> float:
        """What a clip of this work takes at the quantile."""
        return (self.fixed + self.each * work) * self.spread


def costs_of(runs: Sequence[StageRun], quantile: float) -> dict[str, StageCost]:
    """The cost of each stage; the reference machine's where fewer than :data:`FEWEST` runs are."""
    found = {name: StageCost(0.0, each) for name, each in REFERENCE.items()}
    for name in found:
        mine = [run for run in runs if run.stage == name and run.work > 0]
        if len(mine) >= FEWEST:
            work = np.array([run.work for run in mine])
            found[name] = fitted(work, np.array([run.seconds for run in mine]), quantile)
    return found


def fitted(work: NDArray[np.float64], seconds: NDArray[np.float64], quantile: float) -> StageCost:
    """The line through the jobs, neither part below zero."""
    order = np.argsort(work, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, PAIRS).round().astype(int))]
    x, y = work[chosen], seconds[chosen]
    dx, dy = x[:, None] - x[None, :], y[:, None] - y[None, :]
    apart = np.abs(dx) > 1e-9
    slope = float(np.median(dy[apart] / dx[apart])) if apart.any() else 0.0
    fixed = float(np.median(seconds - slope * work))
    if slope <= 0 or fixed < 0:  # one kind of job only, or noise: all of it grows with the work
        fixed, slope = 0.0, float(np.median(seconds / work))
    line = fixed + slope * work
    above = np.quantile(seconds / np.maximum(line, 1e-9), quantile)
    return StageCost(fixed, slope, max(1.0, float(above)))


@dataclass(frozen=True, slots=True)
class ClipLoad:
    """``clips`` a day of so many ``seconds`` and pixels; ``peak`` hour over average hour."""

    clips: float
    seconds: float
    width: int
    height: int
    peak: float

    @property
    def work(self) -> float:
        """Megapixel-seconds of one clip."""
        return self.seconds * self.width * self.height / 1e6


def workers(load: ClipLoad, seconds: float, at_once: int) -> int:
    """Workers for ``seconds`` a clip, each doing ``at_once`` clips side by side."""
    rate = load.clips * load.peak / 86_400
    return math.ceil(rate * seconds / at_once / TARGET_LOAD)
