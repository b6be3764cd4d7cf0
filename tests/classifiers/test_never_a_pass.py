"""Whatever is missing, random, uncalibrated or broken: no outcome without a check that ran.

Every subset of the checks gets one of the ways in which a model can be absent or wrong, and
the real policy decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policies
from classifiers.base import FrameCheck, FrameTap, StreamInfo
from classifiers.errors import ClassifierError, NotCalibrated, RandomWeights, WeightsMissing
from classifiers.frame import FrameGate, IntegrityCheck
from classifiers.frame.scored import ScoredCheck
from media.clip import Frames
from policies import Action, CheckStatus, Context, Stage

CATEGORIES = {
    "integrity": ("black", "frozen"),
    "nudity": ("sexual",),
    "detector": ("synthetic", "deepfake"),
    "gore": ("gore", "violence"),
}
WAYS = (
    "fine",
    "missing",
    "random",
    "uncalibrated",
    "throws",
    "nan",
    "too_large",
    "forgets",
    "gone",
)

POLICY = policies.load("default")


class Model:
    def __init__(self, way: str, categories: tuple[str, ...], score: float) -> None:
        self.way, self.categories, self.value = way, categories, score

    def score(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        if self.way == "throws":
            raise RuntimeError("out of memory")
        value = {"nan": float("nan"), "too_large": 1.5}.get(self.way, self.value)
        told = self.categories[:-1] if self.way == "forgets" else self.categories
        return {category: np.full(len(pixels), value) for category in told}


def check_of(name: str, way: str, score: float) -> FrameCheck:
    categories = CATEGORIES[name]

    def load() -> Model:
        errors: dict[str, ClassifierError] = {
            "missing": WeightsMissing("no file"),
            "random": RandomWeights("3 parameters are not in the files"),
            "uncalibrated": NotCalibrated("no calibration"),
        }
        if way in errors:
            raise errors[way]
        return Model(way, categories, score)

    return ScoredCheck(name, categories, load)


ways = st.fixed_dictionaries({name: st.sampled_from(WAYS) for name in CATEGORIES})
still = np.random.default_rng(0).integers(0, 255, (6, 32, 48, 3), dtype=np.uint8)


@settings(max_examples=200, deadline=None)
@given(
    way=ways,
    score=st.floats(0, 1),
    stage=st.sampled_from([Stage.OUTPUT, Stage.UPLOAD, Stage.REFERENCE]),
    frames=st.sampled_from([0, 6]),
    broken=st.sampled_from([None, "unreadable_media"]),
)
def test_nothing_is_decided_by_a_check_that_did_not_run(
    way: dict[str, str], score: float, stage: Stage, frames: int, broken: str | None
) -> None:
    checks = [check_of(n, w, score) for n, w in way.items() if w != "gone"]
    gate = FrameGate(checks, StreamInfo(48, 32, 24.0))
    if frames:
        gate.push(Frames(still[:frames], np.arange(frames) / 24))
    report = gate.close(broken)

    for name, how in way.items():
        told = {s.category: s for s in report.signals if s.check == name}
        if how == "gone":
            assert not told
            continue
        assert set(told) == set(CATEGORIES[name]), "every category of every check is told"
        ran = how == "fine" and frames > 0
        assert all((s.status is CheckStatus.RAN) == ran for s in told.values())
        assert all(s.score is None for s in told.values() if s.status is not CheckStatus.RAN)

    context = Context(capabilities=frozenset({policies.NEURAL}))
    decision = policies.evaluate(POLICY, stage, report.signals, context)
    assessed = {s.category for s in report.signals if s.status is CheckStatus.RAN}
    assert set(decision.scores) == assessed
    if decision.action is Action.ALLOW:
        assert way["nudity"] == "fine", "no pass of a neural clip without a look for nudity"
        assert frames
        assert broken is None
        bad = {"random", "throws", "nan", "too_large", "forgets"}
        rules = {rule.category for rule in POLICY.rules if stage in rule.stage}
        for name, how in way.items():
            assert how not in bad or not rules.intersection(CATEGORIES[name])
    for match in decision.trace:
        if match.category in {"synthetic", "deepfake"}:
            assert way["detector"] == "fine"
            assert match.action is not Action.BLOCK, "an uncalibrated score leads to review"


@pytest.mark.parametrize("stage", [Stage.OUTPUT, Stage.UPLOAD])
def test_an_empty_list_of_checks_passes_nothing(stage: Stage) -> None:
    gate = FrameGate((), StreamInfo(48, 32, 24.0, 6))
    gate.push(Frames(still, np.arange(6) / 24))
    decision = policies.evaluate(POLICY, stage, gate.close().signals, Context())
    assert decision.action is not Action.ALLOW


@dataclass
class _Slow:
    """A tap that cannot be opened for lack of memory."""

    name: str = "slow"
    categories: tuple[str, ...] = ("sexual",)
    weights: tuple[str, ...] = ()

    def open(self, stream: StreamInfo) -> FrameTap:
        raise MemoryError


def test_a_check_that_cannot_open_is_no_pass() -> None:
    gate = FrameGate((IntegrityCheck(), _Slow()), StreamInfo(48, 32, 24.0, 6))
    gate.push(Frames(still, np.arange(6) / 24))
    decision = policies.evaluate(POLICY, Stage.OUTPUT, gate.close().signals, Context())
    assert decision.action is Action.REVIEW
    assert decision.reason == "missing_signal"
