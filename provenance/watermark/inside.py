"""The mark in a part of the frames: on a filmed screen, in an inset, beside other pictures.

Only when the whole frames tell nothing. Two ways to find the part:

1. *Outlines.* Four straight edges are a screen; each frame is turned upright by its own outline,
   so a shaking hand does no harm, and the usual search does the rest.
2. *Windows.* Windows of several sizes all over the frame are looked at for an upright grid; no
   border is needed. Where the comb stands out, the part is searched as if it were the frame.

Both are bounded by counts, not by time, so that one file has one answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from provenance.watermark import lattice, outline
from provenance.watermark.carrier import ring
from provenance.watermark.groups import Groups
from provenance.watermark.keys import KeyRing
from provenance.watermark.mask import Plane
from provenance.watermark.part import Part
from provenance.watermark.residual import residual, shrink
from provenance.watermark.search import Hit, Search
from provenance.watermark.settings import DetectorSettings

Luma = NDArray[np.uint8]
Box = tuple[int, int, int, int]
Frame = tuple[Luma, bool]

MOST_FRAMES = 16
"""Frames kept for this search."""
KEPT_SIDE = 720
"""Larger frames are shrunk to this short side: an inset of a quarter stays readable."""
FIRST = 6
"""The first ones are all kept; of the others one in so many as fit."""
OUTLINES = 2
REACH = 8
"""Pixels by which an outline may move from frame to frame."""
WINDOWS = (0.6, 0.42, 0.29)
"""Sides of the windows over those of the frame."""
STRIDE = 0.5
"""Of a window, over its side."""
LOOK_CLOSER = 4
"""Windows of which the part is searched."""
LEAST_SIDE = 96
SHORTEST = 38.0
"""Pixels: the shortest period that is looked for; its finest line is 2.5 pixels long."""
LEAST_COMB = 5.0
"""Deviations of the comb below which a window is not looked at closer."""
SAME_PART = 0.5
BORDER = 6
"""Pixels on each side with which a border is compared."""
LEAST_BORDER, MOST_BORDER = 1.5, 4.0
"""Of a straight border's mean, over what lies beside it; and of a single place."""
SNAP = 1.0
"""Periods by which a side may move to a border."""
FIT_STEPS = (0.5, 0.25)
"""Steps, in periods, by which the sides of a part are moved."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A mark in a part of the frames, and the search that found it.

    ``part`` is of the first frame; ``log10_p`` counts every part that may be looked at.
    """

    hit: Hit
    part: Part
    search: Search
    log10_p: float


class Kept:
    """The frames that are kept for this search: the first ones and some of the rest."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._step = 1
        self._seen = 0

    def add(self, luma: Luma, fresh: bool) -> None:
        if self._seen < FIRST or (self._seen - FIRST) % self._step == 0:
            self.frames.append((shrink(luma, KEPT_SIDE), fresh))
        self._seen += 1
        if len(self.frames) > MOST_FRAMES:
            self._step *= 2
            self.frames = self.frames[:FIRST] + self.frames[FIRST::2]


def search(frames: Sequence[Frame], keys: KeyRing, settings: DetectorSettings) -> Inside | None:
    """Look for one mark in parts of these frames, all of one size; best guess first.

    A mark counts at a tenth of the usual bound, shared by all the parts, so that this search adds
    a tenth to the chance of a false one. Cost: 2 to 3 s for frames of 720 lines.
    """
    parts = math.log10(OUTLINES + LOOK_CLOSER)
    strict = settings.model_copy(update={"log10_p": settings.log10_p - 1 - parts})
    for part, cuts, thorough in parts_of(frames):
        groups = Groups()
        for luma, fresh in cuts:
            groups.add(luma, fresh)
        one = Search(keys, strict)
        hit = one.attempt(groups, thorough=thorough)
        if hit is not None:
            return Inside(hit, part, one, one.p(hit.reading) + parts)
    return None


def parts_of(frames: Sequence[Frame]) -> Iterator[tuple[Part, list[Frame], bool]]:
    """Each part, what it shows, and whether it may be turned or stretched in itself."""
    size = (frames[0][0].shape[1], frames[0][0].shape[0])
    for found in outline.outlines([luma for luma, _ in frames[:FIRST]], OUTLINES):
        here, cuts, first = found, [], None
        for luma, fresh in frames:
            here = outline.tracked(luma, here, REACH)
            part = Part.of(here.corners, size)
            first = first or part
            cuts.append((part.cut(luma, first.size), fresh))
        assert first is not None
        yield first, cuts, True
    for box in _windows(frames):
        part = Part.of_box(box, size)
        yield part, [(part.cut(luma), fresh) for luma, fresh in frames], False


def _windows(frames: Sequence[Frame]) -> list[Box]:
    """Where an upright grid stands out most, in windows of several sizes, fitted to the part.

    The mean of every frame and that of the first and the key frames, which codecs keep best, are
    looked at each for itself.
    """
    planes = [residual(luma) for luma, _ in frames]
    fresh = [plane for i, plane in enumerate(planes) if i == 0 or frames[i][1]]
    fields = [np.mean(fresh, axis=0), np.mean(planes, axis=0)][: min(2, len(planes))]
    borders = _borders([luma for luma, _ in frames])
    found = sorted((w for field in fields for w in _looked(field)), key=lambda w: -w.score)
    parts: list[Box] = []
    for window in found:
        if any(_shared(window.box, other) > SAME_PART for other in parts):
            continue
        parts.append(_snapped(borders, _fitted(window), window.period))
        if len(parts) == LOOK_CLOSER:
            break
    return parts


@dataclass(frozen=True, eq=False)
class _Window:
    field: Plane
    box: Box
    period: float
    score: float


def _looked(field: Plane) -> Iterator[_Window]:
    height, width = field.shape
    for share in WINDOWS:
        h, w = round(height * share), round(width * share)
        if min(h, w) < LEAST_SIDE:
            continue
        count = math.ceil((1 / share - 1) / STRIDE) + 1
        for top in np.linspace(0, height - h, count).astype(int):
            for left in np.linspace(0, width - w, count).astype(int):
                box = (int(left), int(top), int(left + w), int(top + h))
                period, score = _best_period(_spectrum(field, box), min(h, w))
                if score >= LEAST_COMB:
                    yield _Window(field, box, period, score)


def _fitted(window: _Window) -> Box:
    """The box whose sides let the comb stand out most: what lies outside of the part is noise."""
    field, box, best = window.field, window.box, window.score
    limits = (field.shape[1], field.shape[0])
    for step in FIT_STEPS:
        move = round(step * window.period)
        for side, sign in product((0, 1, 2, 3), (-1, 1)):
            while True:
                trial = list(box)
                trial[side] = min(max(trial[side] + sign * move, 0), limits[side % 2])
                moved = (trial[0], trial[1], trial[2], trial[3])
                if moved == box or min(moved[2] - moved[0], moved[3] - moved[1]) < LEAST_SIDE:
                    break
                _, seen = _finer(_spectrum(field, moved), window.period)
                if seen <= best:
                    break
                best, box = seen, moved
    return box


def _borders(frames: Sequence[Luma]) -> tuple[Plane, Plane]:
    """How much of an edge is in the same place in every frame: across and down, about 1 for none.

    ``[y, x]`` is the edge between pixel x - 1 and x, or y - 1 and y.
    """
    shape = frames[0].shape
    across, down = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for luma in frames:
        plane = luma.astype(np.float32)
        across[:, 1:] += np.abs(plane[:, 1:] - plane[:, :-1])
        down[1:] += np.abs(plane[1:] - plane[:-1])
    floor = np.float32(len(frames))
    across = (across + floor) / (cv2.blur(across, (2 * BORDER + 1, 1)) + floor)
    down = (down + floor) / (cv2.blur(down, (1, 2 * BORDER + 1)) + floor)
    return np.minimum(across, MOST_BORDER), np.minimum(down, MOST_BORDER)


def _snapped(borders: tuple[Plane, Plane], box: Box, period: float) -> Box:
    """The box with each side moved to the clearest straight border near it, if there is one."""
    across, down = borders
    height, width = across.shape
    reach = round(SNAP * period)
    for _ in range(2):
        left, top, right, bottom = box
        columns = across[top:bottom].mean(axis=0)
        rows = down[:, left:right].mean(axis=1)
        sides = [
            _border(columns, left, reach, width),
            _border(rows, top, reach, height),
            _border(columns, right, reach, width),
            _border(rows, bottom, reach, height),
        ]
        if sides[2] - sides[0] < LEAST_SIDE or sides[3] - sides[1] < LEAST_SIDE:
            break
        box = (sides[0], sides[1], sides[2], sides[3])
    return box


def _border(seen: NDArray[np.floating], at: int, reach: int, end: int) -> int:
    low, high = max(at - reach, 1), min(at + reach + 1, end)
    # the side of the frame is a border too
    if high - low < 1:
        return at
    best = low + int(seen[low:high].argmax())
    if seen[best] >= LEAST_BORDER:
        return best
    return 0 if at - reach <= 0 else end if at + reach >= end else at


def _best_period(power: Plane, short_side: int) -> tuple[float, float]:
    """(period, score) of the upright comb that stands out most from what lies beside it.

    A small picture's spectrum is not white, and the mean of a picture that moves is striped: the
    lines are compared with the places half way to the next ones in each of four directions.
    """
    wanted = [p for p in lattice.periods(short_side, len(power)) if p >= SHORTEST]
    if not wanted:
        return 0.0, 0.0
    blurred = np.asarray(cv2.blur(power, (3, 3)) * 3, dtype=np.float32)
    scores = _contrast(blurred, np.array(wanted))
    return _finer(power, wanted[int(scores.argmax())])


def _finer(power: Plane, period: float) -> tuple[float, float]:
    near = (period * (1 + np.arange(-5, 6) * 0.0012)).astype(np.float64)
    scores = _contrast(power, near)
    best = int(scores.argmax())
    return float(near[best]), float(scores[best])


def _contrast(power: Plane, periods: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much the lines of upright combs are louder than the loudest places between them."""
    lines = ring()
    side = len(power)
    step = (side / periods[:, None]).astype(np.float32)
    seen = []
    for dx, dy in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, -0.5)):
        columns = step * (lines.kx + dx).astype(np.float32)
        rows = step * (lines.ky + dy).astype(np.float32)
        # a real picture's spectrum is symmetric: only fx >= 0 is stored
        rows = np.where(columns < 0, -rows, rows) + np.float32(side // 2)
        at = cv2.remap(power, np.abs(columns), rows, cv2.INTER_LINEAR)
        seen.append(at.sum(axis=1))
    return np.asarray((seen[0] - np.max(seen[1:], axis=0)) / np.sqrt(len(lines)), dtype=np.float64)


def _shared(a: Box, b: Box) -> float:
    """Area of both over that of the smaller one."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return max(w, 0) * max(h, 0) / min(areas)


def _spectrum(field: Plane, box: Box) -> Plane:
    return lattice.spectrum(np.ascontiguousarray(field[box[1] : box[3], box[0] : box[2]]))
