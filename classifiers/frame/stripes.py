"""Regular stripes that can trigger photosensitive seizures, moving or not.

More than five light-dark pairs of clearly visible stripes, in any direction, are potentially
harmful when they fill more than 40 % of the picture, or 25 % where they oscillate, flash or
reverse in contrast (Ofcom, guidance on flashing images and regular patterns; ITU-R BT.1702,
annex 1), last longer than half a second and have light stripes above 50 cd/m² (Wilkins, Emmett
and Harding, 2005): a quarter of a screen's white of 200 cd/m².

A frame is cut into overlapping windows at three scales. A window is striped when most of the
energy of its spectrum lies in one direction at one frequency. Windows that agree in frequency
make an area. How it moves is read from the phase of that frequency, frame by frame.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifiers.aggregation import Segments
from classifiers.base import CheckReport, FrameTap, StreamInfo
from media.clip import Frames
from media.sampling import View
from policies.decision import Signal

Grid = NDArray[np.float32]

WINDOW = 32
"""Side of a window, in pixels of each scale."""

_LOWEST, _HIGHEST = 2.0, 12.0
"""Cycles in a window between which stripes are looked for; a coarser scale sees longer ones."""

_STEPS = (16, 8, 4)
"""Distance of windows at each scale: 1, 1/2 and 1/4 of the small picture."""

_STILL = 0.3
"""A phase step a frame below this (radians) is no movement: codecs make stripes tremble."""

_REVERSED = 2.4
"""A phase step of about half a turn is a reversal of contrast, for nobody sees it as movement."""

_GONE = 0.3
"""A wave of less than this share of its last strength has gone out: the pattern flashes."""

_SRGB = np.arange(256, dtype=np.float32) / 255
_LIGHT = np.where(_SRGB <= 0.04045, _SRGB / 12.92, ((_SRGB + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)


class StripesSettings(BaseModel):
    """The thresholds for regular patterns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(4.0, gt=0, description="pictures searched for stripes per second")
    pairs: float = Field(5.0, gt=0, description="light-dark pairs from which it is a pattern")
    area: float = Field(0.4, gt=0, le=1, description="share of the picture, still or drifting")
    area_moving: float = Field(
        0.25, gt=0, le=1, description="share where stripes oscillate, flash or reverse"
    )
    light: float = Field(
        0.25, gt=0, le=1, description="relative luminance of the light stripes (50 of 200 cd/m2)"
    )
    contrast: float = Field(
        0.4, gt=0, le=1, description="(light - dark) / (light + dark) that is clearly visible"
    )
    seconds: float = Field(0.5, ge=0, description="patterns that last less are passed over")
    share: float = Field(
        0.6, gt=0, le=1, description="share of a window's energy in one wave that makes stripes"
    )


@dataclass(frozen=True, slots=True)
class Wave:
    """Stripes in one picture: the ``area`` that they fill, how many ``pairs``, and their wave.

    ``period`` is in pixels of the small picture, ``angle`` the direction across the stripes in
    degrees. ``windows`` are the places (scale, row, column) that show them.
    """

    area: float
    pairs: float
    period: float
    angle: float
    scale: int
    frequency: tuple[float, float]
    windows: tuple[tuple[int, int], ...]


@lru_cache(maxsize=1)
def _hann() -> Grid:
    one = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
    return np.outer(one, one)


def _signed(row: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(row > WINDOW // 2, row - WINDOW, row)


def light_of(luma: NDArray[np.uint8]) -> Grid:
    """Relative luminance ``float32 [H, W]`` of gamma-encoded luma."""
    return _LIGHT.take(luma)


def halved(light: Grid) -> Grid:
    """Means of 2 x 2 pixels."""
    height, width = light.shape[0] // 2 * 2, light.shape[1] // 2 * 2
    rows = light[0:height:2, :width] + light[1:height:2, :width]
    return (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)


def search(light: Grid, rules: StripesSettings) -> Wave | None:
    """The largest area of stripes in relative luminance ``float32 [H, W]``, if there is any."""
    best: Wave | None = None
    for scale, step in enumerate(_STEPS):
        if scale:
            light = halved(light)
        if min(light.shape) < WINDOW:
            break
        found = _at_scale(light, scale, step, rules)
        if found is not None and (best is None or found.area > best.area):
            best = found
    return best


def _at_scale(light: Grid, scale: int, step: int, rules: StripesSettings) -> Wave | None:
    from scipy import fft

    tiles = np.lib.stride_tricks.sliding_window_view(light, (WINDOW, WINDOW))[::step, ::step]
    columns = tiles.shape[1]
    mean, spread = _mean_and_spread(light, step)
    # most windows of most pictures are too flat or too dark for a transform to be worth it: a
    # wave of this contrast spreads by 0.7 of it
    worth = np.flatnonzero(
        (spread >= 0.6 * rules.contrast * mean) & (mean + 2 * spread >= rules.light)
    )
    if not len(worth):
        return None
    down, across = np.divmod(worth, columns)
    picked = (tiles[down, across] - mean[worth, None, None]) * _hann()
    spectrum = fft.rfft2(picked)
    energy = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    # a real transform leaves one half out, but for the column that holds both of its halves
    energy[:, :, 1:-1] *= 2
    half = WINDOW // 2
    energy[:, 1:half, 0] += energy[:, :half:-1, 0]
    energy[:, half + 1 :, 0] = 0
    whole = energy.copy()
    # shading, not stripes
    energy[:, :2, :2] = 0
    energy[:, -1, :2] = 0
    total = energy.sum((1, 2))
    place = energy.reshape(len(worth), -1).argmax(1)
    down, across = np.divmod(place, energy.shape[2])
    near = np.zeros(len(worth), np.float32)
    weight, pull_y, pull_x = near.copy(), near.copy(), near.copy()
    number = np.arange(len(worth))
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            column = across + dx
            inside = (column >= 0) & (column < energy.shape[2])
            part = energy[number, (down + dy) % WINDOW, np.clip(column, 0, energy.shape[2] - 1)]
            near += np.where(inside, part, 0)
            part = whole[number, (down + dy) % WINDOW, np.clip(column, 0, energy.shape[2] - 1)]
            part = np.where(inside, part, 0)
            weight += part
            pull_y += dy * part
            pull_x += dx * part
    # stripes with hard edges have overtones in the same direction
    third = (_signed(down) * 3 % WINDOW, across * 3)
    fits = third[1] < energy.shape[2]
    near += np.where(fits, energy[number, third[0], np.minimum(third[1], energy.shape[2] - 1)], 0)
    # between the whole numbers, where the energy's centre lies
    safe = np.maximum(weight, 1e-12)
    fy, fx = _signed(down) + pull_y / safe, across + pull_x / safe
    cycles = np.hypot(fy, fx)
    # of the fundamental: its energy without the window's loss, as half of the swing
    peak = np.sqrt(energy[number, down, across] / 2)
    swing = 2 * peak / _hann().sum()
    middle = mean[worth]
    striped = (
        (near >= rules.share * np.maximum(total, 1e-12))
        & (cycles >= _LOWEST)
        & (cycles <= _HIGHEST)
        & (swing >= rules.contrast * middle)
        & (middle + swing >= rules.light)
    )
    chosen = np.flatnonzero(striped)
    if not len(chosen):
        return None
    return _largest(light, scale, step, worth[chosen], columns, (fy[chosen], fx[chosen]))


def _mean_and_spread(light: Grid, step: int) -> tuple[Grid, Grid]:
    """Mean and standard deviation of every window, flat."""
    import cv2

    size = (WINDOW, WINDOW)
    down, across = (slice(None, side - WINDOW + 1, step) for side in light.shape)
    means: Grid = np.asarray(cv2.boxFilter(light, cv2.CV_32F, size, anchor=(0, 0)), np.float32)
    squares: Grid = np.asarray(cv2.sqrBoxFilter(light, cv2.CV_32F, size, anchor=(0, 0)), np.float32)
    mean, square = means[down, across].ravel(), squares[down, across].ravel()
    return mean, np.sqrt(np.maximum(square - mean**2, 0))


def _largest(
    light: Grid,
    scale: int,
    step: int,
    place: NDArray[np.intp],
    columns: int,
    frequency: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Wave | None:
    """The windows that agree best, as an area.

    ``frequency``: vertical and horizontal cycles a window, of each window at ``place``.
    """
    fy, fx = frequency
    cycles = np.hypot(fy, fx)
    # opposite signs are the same wave
    flip = (fx == 0) & (fy < 0)
    fy = np.where(flip, -fy, fy)
    distance = np.hypot(fy[:, None] - fy[None], fx[:, None] - fx[None])
    alike = distance <= np.maximum(1.5, 0.35 * cycles[:, None])
    lead = int(alike.sum(1).argmax())
    members = np.flatnonzero(alike[lead])
    rows, cols = np.divmod(place[members], columns)
    covered = np.zeros(light.shape, np.bool_)
    inset = (WINDOW - step) // 2
    for row, col in zip((rows * step).tolist(), (cols * step).tolist(), strict=True):
        # a window at the picture's edge reaches it; inside, its rim sees little of the wave
        top = 0 if row == 0 else row + inset
        left = 0 if col == 0 else col + inset
        bottom = row + WINDOW - (0 if row + WINDOW + step > light.shape[0] else inset)
        right = col + WINDOW - (0 if col + WINDOW + step > light.shape[1] else inset)
        covered[top : max(bottom, top), left : max(right, left)] = True
    mean_y, mean_x = float(np.median(fy[members])), float(np.median(fx[members]))
    length = float(np.hypot(mean_y, mean_x))
    if length == 0:
        return None
    along = (np.argwhere(covered) @ np.array([mean_y, mean_x])) / length
    extent = float(along.max() - along.min()) if len(along) else 0.0
    period = WINDOW / length
    return Wave(
        float(covered.mean()),
        extent / period,
        period * 2**scale,
        float(np.degrees(np.arctan2(mean_y, mean_x))),
        scale,
        (mean_y, mean_x),
        tuple(zip((rows * step).tolist(), (cols * step).tolist(), strict=True)),
    )


@dataclass(frozen=True, slots=True)
class StripesCheck:
    """Looks for regular stripes four times a second, and at how they move in every frame."""

    settings: StripesSettings = field(default_factory=StripesSettings)
    name: str = "stripes"
    categories: tuple[str, ...] = ("stripes",)
    weights: tuple[str, ...] = ()

    def open(self, stream: StreamInfo) -> FrameTap:
        return _Tap(self, 1 / stream.fps)


@dataclass(slots=True)
class _Tap:
    check: StripesCheck
    period: float
    wave: Wave | None = None
    largest: Wave | None = None
    worst: float = 0.0
    moving: bool = False
    segments: Segments = field(default_factory=Segments)
    seen: int = 0
    searched: int = 0
    _next: float = float("-inf")
    _since: float | None = None
    _end: float = 0.0
    _run_worst: float = 0.0
    _track: _Track | None = None

    def push(self, frames: Frames) -> None:
        view, rules = View.of(frames), self.check.settings
        for k, time in enumerate(view.times.tolist()):
            self.seen += 1
            if time >= self._next - 1e-6 or bool(view.cuts[k]):
                self._next = time + 1 / rules.rate
                self.searched += 1
                self._look(light_of(view.luma[k]), time)
            elif self._track is not None:
                self._track.step(time, light_of(view.luma[k]))
            self._end = time + self.period

    def _look(self, light: Grid, time: float) -> None:
        rules = self.check.settings
        if self._track is not None:
            self._track.step(time, light)
        found = search(light, rules)
        moving = self._track is not None and self._track.oscillates(time)
        if found is None or found.pairs <= rules.pairs or found.area < rules.area_moving / 2:
            if self._track is None:
                return
            if not moving:
                # the track stays a while: a pattern that flashes comes back
                self._finish(self._track.last_seen + self.period)
                if time - self._track.last_seen > 1.0:
                    self._track = None
                return
            found = self._track.wave
        elif self._track is None or not self._track.same(found):
            self._track = _Track(found, time, light)
        else:
            self._track.last_seen = time
        limit = rules.area_moving if moving else rules.area
        score = min(1.0, found.area / limit) if found.area > limit else 0.5 * found.area / limit
        if self._since is None:
            self._since = time
        self._run_worst = max(self._run_worst, score)
        if self.largest is None or found.area > self.largest.area:
            self.largest = found
        self.moving = self.moving or (moving and score >= 1.0)
        if score < 1.0 and self._run_worst >= 1.0:
            self._finish(time)
            self._since, self._run_worst = time, score

    def _finish(self, time: float) -> None:
        """The stripes of a stretch have ended: count them if they lasted."""
        since, self._since = self._since, None
        score, self._run_worst = self._run_worst, 0.0
        if since is None:
            return
        if score >= 1.0 and time - since >= self.check.settings.seconds:
            self.segments.add(since, time, 1.0)
            self.worst = 1.0
        else:
            self.worst = max(self.worst, min(0.5, 0.5 * score))

    def close(self) -> CheckReport:
        name = self.check.name
        if not self.seen:
            return CheckReport((Signal.skipped(name, "stripes", "no_frames"),), {"scored": 0})
        if self.seen == 1 and self._since is not None:
            # a still picture stays as long as somebody looks at it
            self._end = self._since + self.check.settings.seconds
        self._finish(self._end)
        detail: dict[str, object] = {"oscillates": self.moving}
        if self.largest is not None:
            detail |= {
                "area": round(self.largest.area, 3),
                "pairs": round(self.largest.pairs, 1),
                "angle": round(self.largest.angle),
            }
        signal = Signal.ran(
            name,
            "stripes",
            self.worst,
            calibrated=True,
            segments=self.segments.list(),
            detail=detail,
        )
        rule = f"{self.check.settings.rate:g} fps, movement in every frame"
        return CheckReport((signal,), {"scored": self.searched, "rule": rule})


class _Track:
    """How one wave moves: its phase and strength in every frame of the last second."""

    def __init__(self, wave: Wave, time: float, light: Grid) -> None:
        self.wave, self.last_seen = wave, time
        y, x = np.mgrid[0:WINDOW, 0:WINDOW].astype(np.float64)
        turn = 2 * np.pi / WINDOW * (wave.frequency[0] * y + wave.frequency[1] * x)
        self._kernel = (np.exp(-1j * turn) * _hann()).astype(np.complex64)
        self._turns: deque[float] = deque()
        self._way = 0
        self._before = self._read(light)
        self._strong = float(np.abs(self._before).sum())

    def same(self, other: Wave) -> bool:
        """Whether the other is this wave, perhaps seen at another scale."""
        mine, theirs = (np.array(w.frequency) / 2.0**w.scale for w in (self.wave, other))
        return float(np.hypot(*(mine - theirs))) <= 0.25 * float(np.hypot(*mine))

    def _read(self, light: Grid) -> NDArray[np.complex64]:
        for _ in range(self.wave.scale):
            light = halved(light)
        parts = [light[r : r + WINDOW, c : c + WINDOW] for r, c in self.wave.windows]
        flat = np.stack(parts).reshape(len(parts), -1)
        flat = flat - flat.mean(1, keepdims=True)
        return flat @ self._kernel.ravel()

    def step(self, time: float, light: Grid) -> None:
        now = self._read(light)
        strength = float(np.abs(now).sum())
        there, was = strength >= _GONE * self._strong, self._strong > 0
        before_there = float(np.abs(self._before).sum()) >= _GONE * self._strong
        if there:
            self.last_seen = time
        if was and there != before_there:
            self._turns.append(time)
            self._way = 0
        elif there:
            turn = float(np.angle(np.vdot(self._before, now)))
            way = 0 if abs(turn) < _STILL else int(np.sign(turn))
            if abs(turn) >= _REVERSED:
                self._turns.append(time)
                way = 0
            elif way and self._way and way != self._way:
                self._turns.append(time)
            self._way = way or self._way
        self._strong = max(self._strong, strength)
        self._before = now

    def oscillates(self, time: float) -> bool:
        """Whether the wave turned, flashed or reversed more than once in the last second."""
        while self._turns and self._turns[0] <= time - 1:
            self._turns.popleft()
        return len(self._turns) > 1
