from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.calibration import Isotonic, Platt, reliability


def sample(seed: int, slope: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 2, 4000)
    label = rng.random(4000) < 1 / (1 + np.exp(-(slope * score + offset)))
    return score, label.astype(float)


@pytest.mark.parametrize(("slope", "offset"), [(0.5, 0.0), (2.0, -1.0), (1.0, 1.5)])
def test_platt_recovers_what_made_the_labels(slope: float, offset: float) -> None:
    score, label = sample(1, slope, offset)
    fitted = Platt.fit(score, label)
    assert fitted.slope == pytest.approx(slope, rel=0.15)
    assert fitted.offset == pytest.approx(offset, abs=0.15)
    assert reliability(fitted(score), label)[1] < 0.03


def test_isotonic_is_monotone_and_calibrated() -> None:
    score, label = sample(2, 1.5, -0.5)
    fitted = Isotonic.fit(score, label)
    grid = fitted(np.linspace(-8, 8, 200))
    assert (np.diff(grid) >= 0).all()
    assert reliability(fitted(score), label)[1] < 0.03


def test_an_overconfident_forecast_has_a_large_error() -> None:
    label = np.array([0, 1] * 500, float)
    bins, error = reliability(np.full(1000, 0.99), label)
    assert error == pytest.approx(0.49)
    assert len(bins) == 1 and bins[0].count == 1000


@given(st.lists(st.tuples(st.floats(-50, 50), st.booleans()), min_size=2, max_size=60))
def test_platt_never_turns_the_order_round(points: list[tuple[float, bool]]) -> None:
    score = np.array([s for s, _ in points])
    label = np.array([float(y) for _, y in points])
    if label.min() == label.max():
        with pytest.raises(ValueError, match="both classes"):
            Platt.fit(score, label)
        return
    fitted = Platt.fit(score, label)
    p = fitted(np.sort(score))
    assert (np.diff(p) >= -1e-12).all() and (p >= 0).all() and (p <= 1).all()
