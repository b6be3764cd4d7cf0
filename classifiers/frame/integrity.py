"""Black and frozen frames: what a broken generator or file looks like.

``black`` scores the share of the clip's frames that are black. ``frozen`` scores the longest
run of unchanged frames against ``frozen_full_seconds``: a scene in which nothing moves for
four seconds is legitimate and scores 0.4, a minute of the same frame scores 1. Frames that
could not be decoded are the gate's own finding (:mod:`classifiers.frame.gate`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classifiers.aggregation import Segments
from classifiers.base import CheckReport, FrameTap, StreamInfo
from classifiers.frame.settings import IntegritySettings
from media.clip import Frames
from media.sampling import View
from policies.decision import Signal

_CELL = 8
"""Side of a cell in pixels of the small picture: 32 pixels of a 720p frame."""


@dataclass(frozen=True, slots=True)
class IntegrityCheck:
    """Looks at every frame's small luma; about 0.1 ms a frame beyond the shared shrinking."""

    settings: IntegritySettings = field(default_factory=IntegritySettings)
    name: str = "integrity"
    categories: tuple[str, ...] = ("black", "frozen")
    weights: tuple[str, ...] = ()

    def open(self, stream: StreamInfo) -> FrameTap:
        return _Tap(self, 1 / stream.fps)


@dataclass(slots=True)
class _Tap:
    check: IntegrityCheck
    period: float
    seen: int = 0
    black: int = 0
    black_runs: Segments = field(default_factory=Segments)
    frozen_runs: Segments = field(default_factory=Segments)
    longest: float = 0.0
    frozen_seconds: float = 0.0
    _black_since: float | None = None
    _anchor: NDArray[np.float32] | None = None
    _anchor_time: float = 0.0
    _end: float = 0.0

    def push(self, frames: Frames) -> None:
        rules = self.check.settings
        view = View.of(frames)
        for picture, time in zip(view.luma, view.times.tolist(), strict=True):
            self.seen += 1
            dark = np.count_nonzero(picture <= rules.black_level) >= rules.black_area * picture.size
            if dark:
                self.black += 1
                if self._black_since is None:
                    self._black_since = time
            elif self._black_since is not None:
                self._end_black(time)
            coarse = _coarse(picture)
            if self._anchor is None or not _still(self._anchor, coarse, rules.still_level):
                # Against the run's first frame, not the last: a slow fade is no frozen run.
                self._end_run(time)
                self._anchor, self._anchor_time = coarse, time
            self._end = time + self.period

    def _end_black(self, time: float) -> None:
        if self._black_since is not None:
            self.black_runs.add(self._black_since, time, 1.0)
        self._black_since = None

    def _end_run(self, time: float) -> None:
        rules = self.check.settings
        length = time - self._anchor_time
        # One period is the display time of a single frame, which is no run.
        if self._anchor is None or length < max(rules.frozen_min_seconds, 1.5 * self.period):
            return
        self.frozen_seconds += length
        self.longest = max(self.longest, length)
        score = min(1.0, length / rules.frozen_full_seconds)
        self.frozen_runs.add(self._anchor_time, time, score)

    def close(self) -> CheckReport:
        name = self.check.name
        if not self.seen:
            empty = tuple(Signal.skipped(name, c, "no_frames") for c in self.check.categories)
            return CheckReport(empty, {"scored": 0})
        self._end_black(self._end)
        self._end_run(self._end)
        full = self.check.settings.frozen_full_seconds
        black = Signal.ran(
            name,
            "black",
            self.black / self.seen,
            calibrated=True,
            segments=self.black_runs.list(),
            detail={"frames": self.black},
        )
        frozen = Signal.ran(
            name,
            "frozen",
            min(1.0, self.longest / full),
            calibrated=True,
            segments=self.frozen_runs.list(),
            detail={
                "longest_seconds": round(self.longest, 3),
                "frozen_seconds": round(self.frozen_seconds, 3),
            },
        )
        return CheckReport((black, frozen), {"scored": self.seen})


def _coarse(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Means over cells: an encoder's noise vanishes in them, a small moving thing does not."""
    rows, columns = max(1, picture.shape[0] // _CELL), max(1, picture.shape[1] // _CELL)
    tall, wide = picture.shape[0] // rows, picture.shape[1] // columns
    cut = picture[: rows * tall, : columns * wide]
    return cut.reshape(rows, tall, columns, wide).mean((1, 3), dtype=np.float32)


def _still(a: NDArray[np.float32], b: NDArray[np.float32], level: float) -> bool:
    return a.shape == b.shape and float(np.abs(a - b).max()) <= level
