"""How steadily a clip moves through an encoder's space: a sign of generated footage.

D3, "Training-Free AI-Generated Video Detection Using Second-Order Features" (ICCV 2025): each frame
becomes an embedding, the distances between neighbours are the first order, the changes of these
distances the second. Real footage moves unevenly, generated footage evenly, so a small spread of
the second order speaks for a generator. No part is trained; any picture encoder of transformers or
open_clip serves. The score orders clips and is no probability: without a calibration on the
operator's own footage the check says ``not_assessed``, and a calibration is refused where the order
does not hold.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from classifiers.base import CheckReport, FrameTap, StreamInfo
from classifiers.errors import ClassifierError
from classifiers.frame.scored import ABSENT, NOT_ASSESSED, Measured, NotAssessed, Watch
from media.clip import Frames, Pixels
from media.sampling import View
from policies.decision import Signal

CATEGORY = "synthetic"
TOO_FEW = "too_few_frames"
"""The cause told for a clip without enough frames in one scene."""

MIN_CHANGES = 6
"""Fewest second-order values: eight looked-at frames in a row, two seconds at four a second."""

_MIDDLE = 0.02
"""Spread that scores 0.5. Only the order of scores matters; their logit is the spread's logarithm,
which is what a calibration by temperature is fitted on."""


class FrameEncoder(Protocol):
    """A loaded picture encoder."""

    def embed(self, pixels: Pixels) -> NDArray[np.float64]:
        """Embeddings ``[T, D]`` of ``uint8 [T, H, W, 3]``."""
        ...


class SecondOrderCheck:
    """Scores a clip by the spread of the second order. ``load`` gives the encoder on first use."""

    categories: tuple[str, ...] = (CATEGORY,)

    def __init__(
        self,
        name: str,
        load: Callable[[], FrameEncoder],
        *,
        weights: Callable[[], tuple[str, ...]] = tuple,
        measured: Mapping[str, Measured] | None = None,
        batch: int = 8,
    ) -> None:
        self.name, self.batch = name, batch
        self.measured = dict(measured or {})
        self._load, self._weights = load, weights
        self._model: FrameEncoder | None = None
        self._lock = threading.Lock()

    @property
    def weights(self) -> tuple[str, ...]:
        return self._weights()

    def model(self) -> FrameEncoder:
        """The loaded encoder; raises what ``load`` raises."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def open(self, stream: StreamInfo) -> FrameTap:
        try:
            return _Tap(self, self.model())
        except ClassifierError as error:
            if error.code not in ABSENT:
                raise
            return NotAssessed(self.name, self.categories, error.code)


@dataclass(slots=True)
class _Tap:
    """Keeps two embeddings and the moments of the changes, whatever the length of the stream."""

    check: SecondOrderCheck
    model: FrameEncoder
    watch: Watch = field(default_factory=Watch)
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    _last: NDArray[np.float64] | None = None
    _step: float | None = None

    def push(self, frames: Frames) -> None:
        view = View.of(frames)
        chosen = np.flatnonzero(view.due)
        for k in range(0, len(chosen), self.check.batch):
            part = chosen[k : k + self.check.batch]
            embedded = self.model.embed(view.pixels[part])
            if not np.isfinite(embedded).all():
                raise ValueError("the model gave an embedding that is no number")
            unit = embedded / np.maximum(np.linalg.norm(embedded, axis=1, keepdims=True), 1e-12)
            for vector, cut in zip(unit, view.cuts[part], strict=True):
                self._next(vector, bool(cut))
        self.watch.seen(view.times, view.due)

    def _next(self, vector: NDArray[np.float64], cut: bool) -> None:
        before, self._last = self._last, vector
        if before is None or cut:
            # A cut is a jump in generated footage too.
            self._step = None
            return
        step = float(np.linalg.norm(vector - before))
        earlier, self._step = self._step, step
        if earlier is None:
            return
        change = step - earlier
        self.count += 1
        apart = change - self.mean
        self.mean += apart / self.count
        self.squares += apart * (change - self.mean)

    def close(self) -> CheckReport:
        check, sha256 = self.check, self.check.weights
        if self.count < MIN_CHANGES:
            detail = {"cause": TOO_FEW, "changes": self.count}
            told = Signal.skipped(check.name, CATEGORY, NOT_ASSESSED, detail=detail)
            return CheckReport((told,), self.watch.coverage())
        spread = float(np.sqrt(self.squares / self.count))
        score = _MIDDLE / (_MIDDLE + spread)
        facts: dict[str, Any] = {"spread": round(spread, 5), "changes": self.count}
        measured = check.measured.get(CATEGORY)
        if measured is not None:
            score = measured.probability(score)
            facts |= measured.facts()
        signal = Signal.ran(
            check.name, CATEGORY, score, calibrated=measured is not None,
            weights=sha256[0] if sha256 else None, detail=facts,
        )  # fmt: skip
        return CheckReport((signal,), self.watch.coverage())
