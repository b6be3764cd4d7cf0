"""Shares with intervals. Wilson (1927) for a share; the bootstrap over templates for a gap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959964
"""Of a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True)
class GroupShare:
    """``hits`` of ``n`` with the ends of the 95 % interval."""

    hits: int
    n: int
    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        return {
            "hits": self.hits,
            "n": self.n,
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
        }


def wilson(hits: int, n: int) -> GroupShare:
    """The share ``hits / n`` with Wilson's interval; of nothing, everything is possible."""
    if n == 0:
        return GroupShare(0, 0, 0.0, 0.0, 1.0)
    p, z2 = hits / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return GroupShare(hits, n, p, max(0.0, middle - half), min(1.0, middle + half))


def gap_interval(
    mine: NDArray[np.float64], others: NDArray[np.float64], seed: int, rounds: int = 2000
) -> tuple[float, float, float]:
    """The gap of two shares with its 95 % interval over templates.

    ``mine`` and ``others`` (``float [templates]``) are the shares of one group and of the rest
    in the same templates. Templates are drawn anew together, for they are what was sampled;
    a group that is refused in one template alone therefore gets a wide interval.
    """
    difference = mine - others
    picks = np.random.default_rng(seed).integers(0, len(difference), (rounds, len(difference)))
    low, high = np.quantile(difference[picks].mean(1), [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)
