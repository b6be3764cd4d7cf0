"""One search for the mark in the residuals of a clip, kept while more frames come in.

What costs time is cut where it tells nothing: grids whose comb stays in the noise are not folded,
only the likeliest near misses are looked at closer, and a field that has not changed since the last
attempt is not searched again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.watermark import fold as folding
from provenance.watermark import lattice, perspective
from provenance.watermark.carrier import CARRIERS, Carrier, carrier
from provenance.watermark.fold import Alignment, Folded, Folder, Reading
from provenance.watermark.groups import Groups
from provenance.watermark.keys import KeyRing
from provenance.watermark.mask import Plane
from provenance.watermark.settings import DetectorSettings

CLOSER = (0.0015, 0.0015, 0.003, 0.003)
"""Steps of period (relative), angle (radians), aspect (relative) and shear, tried once."""
SYNC_STEP = 0.25
SYNC_LEVELS = 100
"""The synchronisation score counts in steps, so that the union bound over it is finite."""

Find = Callable[[Plane, int, int], list[lattice.Grid]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to look for grids: how many are folded, and how many whatever their combs say."""

    find: Find
    keep: int
    always: int
    comb: float


def log10_trials(keys: int, grids: int, payload_bits: int) -> float:
    """log10 of how many (key, carrier, grid, alignment, payload) were in the running."""
    alignments = folding.ORIENTATIONS * folding.SHIFT_GRID**2 * len(folding.FINE) ** 2
    return math.log10(
        keys * CARRIERS * grids * alignments * SYNC_LEVELS
    ) + payload_bits * math.log10(2)


def log10_p(sync: float, z: float, trials: float) -> float:
    """Hoeffding for both kinds of lines and the union bound, as log10; never above 0."""
    counted = math.floor(max(sync, 0.0) / SYNC_STEP) * SYNC_STEP
    return min(0.0, trials - (counted**2 + max(z, 0.0) ** 2) / 2 * math.log10(math.e))


@dataclass(eq=False)
class Candidate:
    """A grid of one field in which one carrier's synchronisation lines agree."""

    score: float
    alignment: Alignment
    carrier: Carrier
    folded: Folded
    seen: _Seen
    to_tiles: NDArray[np.float64] | None = None


@dataclass(eq=False)
class _Seen:
    """A field, its spectrum and what was found in it, plan by plan."""

    field: Plane
    power: Plane
    near: dict[Find, list[Candidate]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Hit:
    """A reading that is believed, the field's shape, and the homography where there is one."""

    reading: Reading
    shape: tuple[int, int]
    to_tiles: NDArray[np.float64] | None


class Search:
    """Attempts on one clip. Not for sharing between clips or threads."""

    def __init__(self, keys: KeyRing, settings: DetectorSettings) -> None:
        self.keys = keys
        self.settings = settings
        self.best_sync = 0.0
        self._fresh: tuple[int, _Seen] | None = None
        self._planes: list[Plane] = []
        self._groups = Groups()
        self._closer_left = 0

    def plans(self, *, thorough: bool) -> list[Plan]:
        settings = self.settings
        out = [Plan(lattice.upright, settings.upright, settings.upright, 0.0)]
        if thorough or (settings.wide and self._groups.frames == 1):
            out.append(Plan(lattice.turned, settings.grids, 2, settings.comb))
        if thorough:
            out.append(Plan(lattice.stretched, (settings.grids + 1) // 2, 1, settings.comb))
        return out

    def attempt(self, groups: Groups, *, thorough: bool) -> Hit | None:
        """Look in what was accumulated so far. ``thorough``: for slanted and bent grids too."""
        self._groups, self._planes = groups, []
        self._closer_left = self.settings.closer
        fields = self._fields()
        if not fields:
            return None
        doubtful: list[Candidate] = []
        for plan in self.plans(thorough=thorough):
            for seen in fields:
                for candidate in self._look(seen, plan):
                    if candidate.score < self.settings.sync_again:
                        doubtful.append(candidate)
                    elif (hit := self._read(candidate)) is not None:
                        return hit
        doubtful.sort(key=lambda candidate: -candidate.score)
        for candidate in doubtful[: self._closer_left]:
            if (hit := self._read(candidate)) is not None:
                return hit
        return self._bent(fields) if thorough else None

    def _fields(self) -> list[_Seen]:
        """The mean of every frame and that of the fresh ones, if there is something in them."""
        groups = self._groups
        count = groups.fresh.frames
        if self._fresh is None or self._fresh[0] != count:
            self._fresh = None if count == 0 else (count, _seen(groups.fresh.mean()))
        fields = [] if self._fresh is None else [self._fresh[1]]
        if groups.frames > count:
            fields.insert(0, _seen(groups.every.mean()))
        largest = fields[0].field
        if min(largest.shape) < 32 or float(largest.std()) < 1e-6:
            return []
        return fields

    def _look(self, seen: _Seen, plan: Plan) -> list[Candidate]:
        """Candidates, likeliest grid first; what an earlier attempt found is not sought again."""
        if plan.find in seen.near:
            return seen.near[plan.find]
        short = min(seen.field.shape)
        found = plan.find(seen.power, short, 3 * plan.keep)[: plan.keep]
        near = []
        for place, grid in enumerate(found):
            if place >= plan.always and grid.score < plan.comb:
                break
            candidate = self._align(seen, Folded.of(seen.field, grid))
            if candidate.score >= self.settings.sync:
                near.append(candidate)
                if candidate.score >= self.settings.plain:
                    # as clear as that is no chance: the rest is not worth folding
                    break
        seen.near[plan.find] = near
        return near

    def _align(
        self, seen: _Seen, folded: Folded, to_tiles: NDArray[np.float64] | None = None
    ) -> Candidate:
        best: Candidate | None = None
        for key in self.keys:
            for index in range(CARRIERS):
                one = carrier(key, index, self.settings.payload_bits)
                score, alignment = folding.align(folded, one)
                if best is None or score > best.score:
                    best = Candidate(score, alignment, one, folded, seen, to_tiles)
        assert best is not None
        self.best_sync = max(self.best_sync, best.score)
        return best

    def _read(self, candidate: Candidate) -> Hit | None:
        """Quickly from its own field, else closer, with every group, and giving up nothing."""
        settings = self.settings
        if candidate.score >= settings.sync_again and candidate.to_tiles is None:
            hit = self._decoded(candidate, settings.quick_paths)
            if hit is not None:
                return hit
        if candidate.to_tiles is None and self._closer_left > 0:
            self._closer_left -= 1
            candidate = self._closer(candidate)
        many = candidate.score >= settings.sync_again
        field, grid = candidate.seen.field, candidate.folded.grid
        to_tiles = candidate.to_tiles
        folder = Folder(_shape(field), grid.to_tiles() if to_tiles is None else to_tiles)
        self._planes = self._planes or self._groups.planes()
        groups = [Folded.of(plane, grid, folder) for plane in self._planes]
        paths = settings.paths if many else settings.quick_paths
        return self._decoded(candidate, paths, [candidate.folded, *groups])

    def _decoded(
        self, candidate: Candidate, paths: int, groups: list[Folded] | None = None
    ) -> Hit | None:
        reading = folding.read(
            candidate.folded, candidate.carrier, candidate.alignment, candidate.score, paths, groups
        )
        if reading.payload is None or self.p(reading) > self.settings.log10_p:
            return None
        return Hit(reading, _shape(candidate.seen.field), candidate.to_tiles)

    def _closer(self, candidate: Candidate) -> Candidate:
        """Small moves of the grid that let the synchronisation lines agree better."""
        seen, one = candidate.seen, candidate.carrier
        for axis in (0, 1, 2, 3):
            here = candidate.folded.grid
            for side in (-1, 1):
                moved = Folded.of(seen.field, here.moved(axis, side * CLOSER[axis]))
                again, at = folding.align(moved, one)
                if again > candidate.score:
                    candidate = Candidate(again, at, one, moved, seen)
        self.best_sync = max(self.best_sync, candidate.score)
        return candidate

    def _bent(self, fields: list[_Seen]) -> Hit | None:
        for seen in fields:
            for h in perspective.homographies(seen.field, self.settings.windows):
                folded = Folded.of(
                    seen.field, lattice.Grid(1.0, 0.0), Folder(_shape(seen.field), h)
                )
                candidate = self._align(seen, folded, h)
                if candidate.score < self.settings.sync:
                    continue
                hit = self._decoded(candidate, self.settings.quick_paths)
                if hit is None and candidate.score >= self.settings.sync_again:
                    hit = self._read(candidate)
                if hit is not None:
                    return hit
        return None

    def p(self, reading: Reading) -> float:
        return log10_p(reading.sync, reading.z, self.trials())

    def trials(self) -> float:
        # The count in force at the end of a full search, so that p does not depend on luck.
        settings = self.settings
        attempts = len(settings.tries) + 1
        wide = 2 * settings.grids + (settings.grids + 1) // 2 + perspective.CANDIDATES
        closer = attempts * settings.closer * 2 * len(CLOSER)
        most = 2 * (settings.upright * attempts + wide) + closer
        return log10_trials(len(self.keys), most, settings.payload_bits)


def _seen(plane: Plane) -> _Seen:
    return _Seen(plane, lattice.spectrum(plane))


def _shape(plane: Plane) -> tuple[int, int]:
    return int(plane.shape[0]), int(plane.shape[1])
