"""A check that scores single frames with a model and sums the clip up.

Heavy models see the frames that the sampler chose (:mod:`media.sampling`). A model without
its weights is no model: the check then says ``not_assessed`` for every category.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from classifiers.aggregation import AggregationSettings, ClipScore
from classifiers.base import CheckReport, FrameTap, StreamInfo
from classifiers.errors import ClassifierError, NotCalibrated
from media.clip import Frames, Pixels
from media.sampling import View
from policies.decision import Signal

NOT_ASSESSED = "not_assessed"
ABSENT = {"weights_missing", "unknown_weights", "not_calibrated", "runtime_missing"}
"""Codes of errors that mean: there is no such model here."""


class FrameScorer(Protocol):
    """A loaded model."""

    def score(self, pixels: Pixels) -> Mapping[str, NDArray[np.floating[Any]]]:
        """Scores in [0, 1], ``[T]`` for each category, of ``uint8 [T, H, W, 3]`` RGB."""
        ...


@runtime_checkable
class Accounts(Protocol):
    """A model that says something about itself for the signal's detail."""

    def facts(self) -> dict[str, Any]: ...


class Measured(Protocol):
    """A calibration: what a raw score of a clip is worth, and how that was measured."""

    def probability(self, score: float) -> float:
        """A probability in [0, 1]; keeps order."""
        ...

    def facts(self) -> dict[str, Any]:
        """For the signal's detail: n, error rates, threshold."""
        ...


@dataclass(frozen=True, slots=True)
class Calibrated:
    """``measured`` maps a clip's raw score to a calibrated probability, by category; a score of
    ``unmeasured`` ones would mean nothing, so they are ``not_assessed``."""

    measured: Mapping[str, Measured] = field(default_factory=dict)
    unmeasured: frozenset[str] = frozenset()


class ScoredCheck:
    """Runs a :class:`FrameScorer` on sampled frames.

    ``load`` gives the model, once and on first use; it raises ``WeightsMissing`` when there is
    none.
    """

    def __init__(
        self,
        name: str,
        categories: tuple[str, ...],
        load: Callable[[], FrameScorer],
        *,
        weights: Callable[[], tuple[str, ...]] = tuple,
        calibrated: Calibrated | None = None,
        aggregation: AggregationSettings | None = None,
        batch: int = 8,
    ) -> None:
        self.name = name
        self.categories = categories
        self.calibrated = calibrated or Calibrated()
        self.aggregation = aggregation or AggregationSettings()
        self.batch = batch
        self._load = load
        self._weights = weights
        self._model: FrameScorer | None = None
        self._lock = threading.Lock()

    @property
    def weights(self) -> tuple[str, ...]:
        return self._weights()

    def model(self) -> FrameScorer:
        """The loaded model; raises what ``load`` raises."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def open(self, stream: StreamInfo) -> FrameTap:
        try:
            return _Tap(self, self.model(), 1 / stream.fps)
        except ClassifierError as error:
            if error.code not in ABSENT:
                raise
            return NotAssessed(self.name, self.categories, error.code)


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """The tap of a check that cannot run: says so for every category."""

    name: str
    categories: tuple[str, ...]
    cause: str

    def push(self, frames: Frames) -> None:
        """Nothing is looked at."""

    def close(self) -> CheckReport:
        detail = {"cause": self.cause}
        return CheckReport(
            tuple(
                Signal.skipped(self.name, category, NOT_ASSESSED, detail=detail)
                for category in self.categories
            ),
            {"scored": 0},
        )


@dataclass(slots=True)
class Watch:
    """Counts the frames a check scored and the largest gap between them, in seconds."""

    scored: int = 0
    gap: float = 0.0
    _last: float | None = None
    _end: float = 0.0

    def seen(self, times: NDArray[np.float64], chosen: NDArray[np.bool_]) -> None:
        for time in times[chosen].tolist():
            if self._last is not None:
                self.gap = max(self.gap, time - self._last)
            self._last = time
            self.scored += 1
        self._end = float(times[-1])

    def coverage(self) -> dict[str, Any]:
        """For the coverage record. The stretch after the last scored frame counts as a gap."""
        tail = 0.0 if self._last is None else self._end - self._last
        return {"scored": self.scored, "largest_gap_ms": round(max(self.gap, tail) * 1000, 1)}


@dataclass(slots=True)
class _Tap:
    check: ScoredCheck
    model: FrameScorer
    period: float
    scores: dict[str, ClipScore] = field(init=False)
    watch: Watch = field(default_factory=Watch)

    def __post_init__(self) -> None:
        self.scores = {
            c: ClipScore(c, self.check.aggregation)
            for c in self.check.categories
            if c not in self.check.calibrated.unmeasured
        }

    def push(self, frames: Frames) -> None:
        view = View.of(frames)
        chosen = np.flatnonzero(view.due)
        for k in range(0, len(chosen), self.check.batch):
            part = chosen[k : k + self.check.batch]
            found = self.model.score(view.pixels[part])
            for category, clip in self.scores.items():
                for time, score in zip(view.times[part].tolist(), found[category], strict=True):
                    clip.add(time, float(score), self.period)
        self.watch.seen(view.times, view.due)

    def close(self) -> CheckReport:
        check, sha256 = self.check, self.check.weights
        signals = [
            Signal.skipped(check.name, category, NOT_ASSESSED, detail={"cause": NotCalibrated.code})
            for category in sorted(check.calibrated.unmeasured)
        ]
        for category, clip in self.scores.items():
            if not clip.count:
                signals.append(Signal.skipped(check.name, category, "no_frames"))
                continue
            detail: dict[str, Any] = {
                "highest": round(clip.highest, 4),
                "sustained": round(clip.sustained, 4),
            }
            if isinstance(self.model, Accounts):
                detail |= self.model.facts()
            score, measured = clip.score, check.calibrated.measured.get(category)
            if measured is not None:
                score = measured.probability(score)
                detail |= measured.facts()
            signals.append(
                Signal.ran(
                    check.name,
                    category,
                    score,
                    calibrated=measured is not None,
                    weights=sha256[0] if sha256 else None,
                    segments=clip.segments,
                    detail=detail,
                )
            )
        return CheckReport(tuple(signals), self.watch.coverage())
