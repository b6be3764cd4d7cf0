"""Flashes that can trigger photosensitive seizures.

Two rules look at the same transitions. A transition is a change of relative luminance by at
least 0.1 whose darker state is below 0.8, or a change of saturated red by more than 20 on the
scale of 320, against the direction of the last one (WCAG 2.2, success criterion 2.3.1,
"general flash and red flash thresholds"; ITU-R BT.1702-3, annex 1). Two transitions are one
flash; more than three flashes within a second fail. Four to six transitions in every second
for four of five seconds are an extended flash.

``flash`` is the whole-frame rule: the mean of the frame makes the transition and at least a
quarter of its area goes along. It is what broadcasters' checkers measure; as they do, it adds up
changes over one second at most, so that a slow fade is no transition. ``flash_local``
sees what leaves the mean alone, like two halves or a checkerboard in counter-phase: each block
of an 18 x 32 grid counts its own transitions, and the rule takes the count that a quarter of
all blocks reach, or the count of moments at which a quarter of the blocks more rose than fell.

The angle of vision is unknown, so "a quarter" is of the frame (BT.1702), not of a 10 degree
field. Nothing here is a medical device.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifiers.aggregation import Segments
from classifiers.base import CheckReport, FrameTap, StreamInfo
from media.clip import Frames, Pixels
from media.sampling import View
from policies.decision import Signal

Grid = NDArray[np.float32]

WARN_TRANSITIONS = 4
"""From here to ``max_transitions`` a second is marked and can become an extended flash."""

_SECOND = 1 - 1e-6
"""Times are floats: a transition exactly one second ago has left the window."""

_MAX_PAST = 240
"""Frames of the last second that are kept."""

FAIL_SCORE, EXTENDED_SCORE = 1.0, 0.9
"""Scores of verdicts; without one the score is the transition count over 12, at most 0.5."""


class FlashSettings(BaseModel):
    """The thresholds of WCAG 2.3.1 and BT.1702; loosen them only with a reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    luminance_step: float = Field(0.1, gt=0, le=1, description="relative luminance change")
    dark_below: float = Field(0.8, gt=0, le=1, description="the darker state lies below this")
    red_step: float = Field(20.0, gt=0, description="change of (R-G-B) x 320 where R is 80 %")
    area: float = Field(0.25, gt=0, le=1, description="share of the frame that must flash")
    max_transitions: int = Field(6, ge=1, description="most transitions in one second: 3 flashes")
    rows: int = Field(18, ge=2, description="blocks from top to bottom for the local rule")
    columns: int = Field(32, ge=2, description="blocks from left to right for the local rule")


class _Verdict(StrEnum):
    CALM = "calm"
    WARN = "warn"
    EXTENDED = "extended"
    FAIL = "fail"


_LINEAR = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255],
    np.float32,
)
"""sRGB code value to linear light (WCAG 2.2, definition of relative luminance)."""

_PARTS = np.stack([_LINEAR * np.float32(weight) for weight in (0.2126, 0.7152, 0.0722)], 1)[None]
"""What each code value of R, G and B adds to relative luminance, ``[1, 256, 3]``."""

_SUM = np.ones((1, 3), np.float32)


@dataclass(frozen=True, slots=True)
class FlashCheck:
    """Both rules on every frame, on luminance and on red. Measures; knows no content."""

    settings: FlashSettings = field(default_factory=FlashSettings)
    name: str = "flash"
    categories: tuple[str, ...] = ("flash", "flash_local")
    weights: tuple[str, ...] = ()

    def open(self, stream: StreamInfo) -> FrameTap:
        return _Tap(self)


@dataclass(slots=True)
class _Tap:
    check: FlashCheck
    seen: int = 0
    channels: tuple[_Channel, ...] = field(init=False)
    _mean: _GridMean | None = None

    def __post_init__(self) -> None:
        s = self.check.settings
        self.channels = (
            _Channel("luminance", s, s.luminance_step, s.dark_below),
            _Channel("red", s, s.red_step, float("inf")),
        )

    def push(self, frames: Frames) -> None:
        view, s = View.of(frames), self.check.settings
        small = view.small
        if self._mean is None:
            self._mean = _GridMean.of(small.shape[1], small.shape[2], s.rows, s.columns)
        for picture, time in zip(small, view.times.tolist(), strict=True):
            luminance, red = light(picture)
            self.channels[0].step(time, self._mean(luminance))
            self.channels[1].step(time, None if red is None else self._mean(red))
            self.seen += 1

    def close(self) -> CheckReport:
        name = self.check.name
        if not self.seen:
            none = tuple(Signal.skipped(name, c, "no_frames") for c in self.check.categories)
            return CheckReport(none, {"scored": 0})
        whole = self._signal("flash", [channel.whole for channel in self.channels])
        local = self._signal("flash_local", [channel.local for channel in self.channels])
        return CheckReport((whole, local), {"scored": self.seen, "rule": "every frame"})

    def _signal(self, category: str, counters: list[_Counter]) -> Signal:
        worst = max(counters, key=lambda counter: counter.score)
        return Signal.ran(
            self.check.name,
            category,
            worst.score,
            calibrated=True,
            segments=worst.segments.list(),
            detail={
                "verdict": worst.verdict.value,
                "channel": worst.channel,
                "transitions_per_second": {c.channel: c.most for c in counters},
            },
        )


def light(picture: Pixels) -> tuple[Grid, Grid | None]:
    """Relative luminance ``float32 [H, W]`` in [0, 1] and saturated red in [0, 320] or None.

    ``picture`` is ``uint8 [H, W, 3]`` sRGB. Red is None where no pixel is saturated red.
    """
    import cv2

    luminance = np.asarray(cv2.transform(cv2.LUT(picture, _PARTS), _SUM), np.float32)
    r, g, b = (np.asarray(part, np.uint8) for part in cv2.split(picture))
    # R >= 80 % of the sum needs a gamma-encoded R well above G; most pictures have none.
    half = r >> 1
    if not np.any((r > 64) & (half >= g) & (half >= b)):
        return luminance, None
    linear = _LINEAR.take(r)
    others = _LINEAR.take(g)
    others += _LINEAR.take(b)
    red = np.zeros_like(luminance)
    np.maximum((linear - others) * 320, 0, out=red, where=linear >= 4 * others)
    return luminance, red


@dataclass(frozen=True, slots=True)
class _GridMean:
    """Means over the cells of a grid, without BLAS: its threads cost more than the sums."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    area: Grid

    @classmethod
    def of(cls, height: int, width: int, rows: int, columns: int) -> _GridMean:
        down, tall = _edges(height, rows)
        across, wide = _edges(width, columns)
        return cls(down, across, (tall[:, None] * wide[None]).astype(np.float32))

    def __call__(self, values: Grid) -> Grid:
        sums: Grid = np.add.reduceat(values, self.rows, axis=0)
        means: Grid = np.add.reduceat(sums, self.columns, axis=1)
        means /= self.area
        return means


def _edges(length: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the cells begin, and how long each is."""
    edges = np.linspace(0, length, min(cells, length) + 1).round().astype(np.intp)
    return edges[:-1], np.diff(edges)


class _Channel:
    """Luminance or red: finds transitions of the whole frame and of every block."""

    def __init__(self, name: str, settings: FlashSettings, step: float, dark: float) -> None:
        self.settings, self.threshold, self.dark = settings, step, dark
        self.whole = _Counter(name, settings)
        self.local = _Counter(name, settings)
        self._started = self._none = False
        self._window: deque[tuple[float, NDArray[np.int16], int]] = deque()
        self._net = 0

    def step(self, time: float, grid: Grid | None) -> None:
        """The next frame; None is a grid of zeros."""
        if grid is None:
            if not self._started:
                self._none = True
                return
            grid = np.zeros_like(self._low)
        if not self._started:
            self._begin(time, grid)
        self.whole.step(time, self._whole(time, grid))
        turned = self._blocks(grid)
        self._local(time, turned)

    def _begin(self, time: float, grid: Grid) -> None:
        # Red that appears in the middle of a clip starts from none.
        first = np.zeros_like(grid) if self._none else grid
        self._low, self._high = first.copy(), first.copy()
        self._way = np.zeros(grid.shape, np.int8)
        self._count = np.zeros(grid.shape, np.int16)
        self._mean_way = 0
        self._past: deque[tuple[float, float, Grid]] = deque()
        if self._none:
            self._past.append((time, 0.0, first))
        self._net_way = 0
        self._started = True

    def _whole(self, time: float, grid: Grid) -> bool:
        """Whether the frame as a whole makes a transition now.

        It is compared with the darkest and the brightest frame of the last second, since the last
        transition: at most 240 grids, for streams faster than any screen.
        """
        mean, step, area = float(grid.mean()), self.threshold, self.settings.area
        past = self._past
        past.append((time, mean, grid))
        while len(past) > 2 and (past[0][0] <= time - _SECOND or len(past) > _MAX_PAST):
            past.popleft()
        way = 0
        if self._mean_way <= 0:
            _, low, below = min(past, key=lambda old: old[1])
            if mean - low >= step and low < self.dark:
                way = int(float(np.mean(grid - below >= step)) >= area)
        if not way and self._mean_way >= 0 and mean < self.dark:
            _, high, above = max(past, key=lambda old: old[1])
            if high - mean >= step:
                way = -int(float(np.mean(above - grid >= step)) >= area)
        if way:
            self._mean_way = way
            past.clear()
            past.append((time, mean, grid))
        return bool(way)

    def _blocks(self, grid: Grid) -> NDArray[np.int8]:
        """+1 for each block that rises, -1 for each that falls, 0 elsewhere."""
        way = self._way
        self._low = np.where(way <= 0, np.minimum(self._low, grid), self._low)
        self._high = np.where(way >= 0, np.maximum(self._high, grid), self._high)
        up = (way <= 0) & (grid - self._low >= self.threshold) & (self._low < self.dark)
        down = (way >= 0) & (self._high - grid >= self.threshold) & (grid < self.dark) & ~up
        turned = up.astype(np.int8) - down
        self._way = np.where(turned != 0, turned, way)
        self._high = np.where(up, grid, self._high)
        self._low = np.where(down, grid, self._low)
        return turned

    def _local(self, time: float, turned: NDArray[np.int8]) -> None:
        made = (turned != 0).astype(np.int16)
        net = int(np.sign(turned.sum())) if abs(float(turned.mean())) >= self.settings.area else 0
        alternates = int(net not in (0, self._net_way))
        if alternates:
            self._net_way = net
        if alternates or made.any():
            self._window.append((time, made, alternates))
            self._count += made
            self._net += alternates
        while self._window and self._window[0][0] <= time - _SECOND:
            _, old, was = self._window.popleft()
            self._count -= old
            self._net -= was
        rank = int(np.ceil(self.settings.area * self._count.size)) - 1
        shared = int(np.partition(self._count.ravel(), -1 - rank)[-1 - rank])
        self.local.see(time, max(shared, self._net))


class _Counter:
    """Transitions in the last second, the verdict, and the stretches that earned it."""

    def __init__(self, channel: str, settings: FlashSettings) -> None:
        self.channel = channel
        self.limit = settings.max_transitions
        self.most = 0
        self.verdict = _Verdict.CALM
        self.segments = Segments()
        self._turns: deque[float] = deque()
        self._marked: deque[tuple[float, float]] = deque()
        self._last: float | None = None

    @property
    def score(self) -> float:
        if self.verdict is _Verdict.FAIL:
            return FAIL_SCORE
        if self.verdict is _Verdict.EXTENDED:
            return EXTENDED_SCORE
        return min(0.5, self.most / 12)

    def step(self, time: float, turned: bool) -> None:
        if turned:
            self._turns.append(time)
        while self._turns and self._turns[0] <= time - _SECOND:
            self._turns.popleft()
        self.see(time, len(self._turns))

    def see(self, time: float, count: int) -> None:
        """``count`` transitions lie in the second that ends at ``time``."""
        self.most = max(self.most, count)
        before = time if self._last is None else self._last
        self._last = time
        if WARN_TRANSITIONS <= count <= self.limit:
            self._marked.append((time, time - before))
        while self._marked and self._marked[0][0] <= time - 5:
            self._marked.popleft()
        if count > self.limit:
            self.verdict = _Verdict.FAIL
            self.segments.add(max(0.0, time - 1), time, FAIL_SCORE)
        elif count >= WARN_TRANSITIONS and sum(d for _, d in self._marked) >= 4:
            if self.verdict is not _Verdict.FAIL:
                self.verdict = _Verdict.EXTENDED
            self.segments.add(self._marked[0][0], time, EXTENDED_SCORE)
        elif count >= WARN_TRANSITIONS and self.verdict is _Verdict.CALM:
            self.verdict = _Verdict.WARN
