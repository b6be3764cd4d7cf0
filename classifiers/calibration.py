"""Calibration: from a raw score to a probability that means what it says.

:class:`Platt` is logistic calibration (Platt, 1999) with the regularised targets of that
paper; :class:`Isotonic` is monotone regression, stored as a few knots. :func:`reliability`
measures the result: per bin the mean forecast against the frequency seen, with the expected
calibration error (Naeini et al., 2015).
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

Floats = NDArray[np.floating]


class Platt(BaseModel):
    """``p = 1 / (1 + exp(-(slope * score + offset)))``; slope ≥ 0, so order is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slope: float
    offset: float

    @model_validator(mode="after")
    def _order_kept(self) -> Self:
        if not (np.isfinite(self.slope) and np.isfinite(self.offset) and self.slope >= 0):
            raise ValueError("slope and offset must be finite, slope at least 0")
        return self

    def __call__(self, score: Floats) -> NDArray[np.float64]:
        """Probabilities in (0, 1), the shape of ``score``."""
        value = self.slope * np.asarray(score, np.float64) + self.offset
        return 1 / (1 + np.exp(-np.clip(value, -60, 60)))

    @classmethod
    def fit(cls, score: Floats, label: Floats, weight: Floats | None = None) -> Self:
        """Fit on held-out scores [N] and 0/1 labels [N] by Newton's method.

        Raises ``ValueError`` when one of the two classes is absent.
        """
        x = np.asarray(score, np.float64)
        y = np.asarray(label, np.float64)
        w = np.ones_like(x) if weight is None else np.asarray(weight, np.float64)
        positive, negative = float((w * y).sum()), float((w * (1 - y)).sum())
        if positive <= 0 or negative <= 0:
            raise ValueError("calibration needs both classes")
        # Platt's targets: a class seen n times is never believed more than (n+1)/(n+2).
        wanted = np.where(y > 0.5, (positive + 1) / (positive + 2), 1 / (negative + 2))
        centre, spread = float(np.average(x, weights=w)), float(x.std()) or 1.0
        design = np.stack([(x - centre) / spread, np.ones_like(x)], axis=1)
        beta = np.array([1.0, np.log(positive / negative)])
        for _ in range(100):
            p = 1 / (1 + np.exp(-np.clip(design @ beta, -60, 60)))
            gradient = design.T @ (w * (p - wanted))
            curvature = w * np.maximum(p * (1 - p), 1e-9)
            hessian = (design * curvature[:, None]).T @ design + 1e-6 * np.eye(2)
            step = np.linalg.solve(hessian, gradient)
            step *= min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
            beta -= step
            if np.abs(step).max() < 1e-9:
                break
        slope = max(float(beta[0]) / spread, 0.0)
        return cls(slope=slope, offset=float(beta[1]) - slope * centre)


class Isotonic(BaseModel):
    """A monotone, piecewise linear map through ``(x, y)`` knots, flat outside them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: tuple[float, ...]
    y: tuple[float, ...]

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if len(self.x) != len(self.y) or not self.x:
            raise ValueError("x and y must have the same length, at least 1")
        if (np.diff(self.x) <= 0).any() or (np.diff(self.y) < 0).any():
            raise ValueError("x must rise strictly, y must not fall")
        if min(self.y) < 0 or max(self.y) > 1:
            raise ValueError("y must lie in [0, 1]")
        return self

    def __call__(self, score: Floats) -> NDArray[np.float64]:
        """Probabilities, the shape of ``score``."""
        return np.interp(np.asarray(score, np.float64), self.x, self.y)

    @classmethod
    def fit(
        cls, score: Floats, label: Floats, weight: Floats | None = None, knots: int = 64
    ) -> Self:
        """Pool adjacent violators over scores [N] and 0/1 labels [N], thinned to ``knots``."""
        x = np.asarray(score, np.float64)
        y = np.asarray(label, np.float64)
        w = np.ones_like(x) if weight is None else np.asarray(weight, np.float64)
        if not len(x):
            raise ValueError("calibration needs rows")
        order = np.argsort(x, kind="stable")
        blocks: list[list[float]] = []  # mean label, mass, mass-weighted score
        for i in order:
            blocks.append([y[i], w[i], x[i] * w[i]])
            while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
                mean, mass, moment = blocks.pop()
                last = blocks[-1]
                total = last[1] + mass
                last[0] = (last[0] * last[1] + mean * mass) / total if total else mean
                last[1], last[2] = total, last[2] + moment
        kept = [(b[2] / b[1], b[0]) for b in blocks if b[1] > 0]
        if len(kept) > knots:
            kept = [kept[i] for i in np.linspace(0, len(kept) - 1, knots).round().astype(int)]
        xs, ys = [kept[0][0]], [kept[0][1]]
        for at, value in kept[1:]:
            if at > xs[-1]:
                xs.append(at)
                ys.append(max(value, ys[-1]))
        return cls(x=tuple(map(float, xs)), y=tuple(float(min(max(v, 0), 1)) for v in ys))


class ReliabilityBin(BaseModel):
    """One bin of forecasts in [low, high): how many, their mean, and the frequency seen."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    count: int
    forecast: float
    observed: float


def reliability(
    probability: Floats, label: Floats, bins: int = 10
) -> tuple[tuple[ReliabilityBin, ...], float]:
    """Equal-width bins over [0, 1] (empty ones left out) and the expected calibration error."""
    p = np.asarray(probability, np.float64)
    y = np.asarray(label, np.float64)
    edges = np.linspace(0, 1, bins + 1)
    which = np.clip(np.digitize(p, edges[1:-1]), 0, bins - 1)
    found, error = [], 0.0
    for b in range(bins):
        inside = which == b
        if not inside.any():
            continue
        forecast, observed = float(p[inside].mean()), float(y[inside].mean())
        found.append(
            ReliabilityBin(
                low=float(edges[b]),
                high=float(edges[b + 1]),
                count=int(inside.sum()),
                forecast=forecast,
                observed=observed,
            )
        )
        error += abs(forecast - observed) * float(inside.mean())
    return tuple(found), error
