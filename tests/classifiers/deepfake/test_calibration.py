"""Calibration of detectors: honest error rates, or a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.deepfake import fit, read_record, write_record
from classifiers.errors import NotCalibrated
from classifiers.registry import WeightsRegistry

SHA = ("a" * 64,)


def footage(seed: int, each: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Raw scores of a detector that is overconfident: its logits are three times too large."""
    rng = np.random.default_rng(seed)
    logits = np.concatenate([rng.normal(-shift, 1, each), rng.normal(shift, 1, each)]) * 3
    return 1 / (1 + np.exp(-logits)), np.repeat([0, 1], each)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_overconfidence_is_corrected_and_measured(method: str) -> None:
    scores, labels = footage(0, 600, 0.7)
    record = fit("m", "synthetic", SHA, scores, labels, method)
    assert record.ece < 0.06
    assert record.false_positive_rate <= 0.05
    assert 0.8 < record.auc < 0.9
    fresh, truth = footage(1, 3000, 0.7)
    held = np.array([record.probability(s) for s in fresh])
    assert (held[truth == 0] >= record.threshold).mean() < 0.08


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), method=st.sampled_from(["temperature", "isotonic"]))
def test_calibration_keeps_order_and_range(seed: int, method: str) -> None:
    record = fit("m", "synthetic", SHA, *footage(seed, 60, 1.0), method)
    held = [record.probability(s) for s in np.linspace(0, 1, 50)]
    assert all(0 <= p <= 1 for p in held)
    assert (np.diff(held) >= -1e-12).all()


def test_too_little_footage_is_refused() -> None:
    with pytest.raises(NotCalibrated, match="at least"):
        fit("m", "synthetic", SHA, *footage(0, 10, 1.0))


@pytest.mark.parametrize("shift", [0.0, -1.0])
def test_a_detector_at_or_below_chance_is_refused(shift: float) -> None:
    with pytest.raises(NotCalibrated, match="AUC"):
        fit("m", "synthetic", SHA, *footage(0, 200, shift))


def test_a_record_is_bound_to_its_weights(tmp_path: Path) -> None:
    registry = WeightsRegistry(tmp_path)
    record = fit("m", "synthetic", SHA, *footage(0, 100, 1.0))
    file = write_record(registry, record)
    assert read_record(registry, "m", "synthetic", SHA) == record
    with pytest.raises(NotCalibrated, match="other weights"):
        read_record(registry, "m", "synthetic", ("b" * 64,))
    with pytest.raises(NotCalibrated, match="no calibration"):
        read_record(registry, "m", "deepfake", SHA)
    file.write_text("{")
    with pytest.raises(NotCalibrated, match="unreadable"):
        read_record(registry, "m", "synthetic", SHA)
