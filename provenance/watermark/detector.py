"""Finds the mark in frames, without the original: geometry first, then the payload."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from provenance.watermark import fold as folding
from provenance.watermark import lattice, perspective
from provenance.watermark.carrier import CARRIERS, Carrier, carrier, period_factor
from provenance.watermark.fold import Alignment, Folded, Folder, Reading
from provenance.watermark.geometry import Geometry
from provenance.watermark.groups import Groups
from provenance.watermark.keys import PUBLIC_SECRET, KeyRing
from provenance.watermark.mask import Plane
from provenance.watermark.residual import luma_of


class DetectorSettings(BaseModel):
    """How far the detector looks and when it believes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    log10_p: float = Field(-9.0, le=-3, description="found only at or below this log10 p")
    payload_bits: int = Field(64, description="payload length looked for: 64 or 128")
    most_frames: int = Field(96, gt=0, description="frames accumulated at most")
    tries: tuple[int, ...] = Field(
        (1, 24), description="numbers of frames after which a quick attempt is made"
    )
    grids: int = Field(8, gt=0, description="grid hypotheses folded per search")
    dense: int = Field(24, gt=0, description="first frames of which every one is looked at")
    sparse: int = Field(3, gt=0, description="of the others, key frames apart, one in so many")
    wide: bool = Field(
        True, description="search turned, stretched and slanted marks when no upright one is found"
    )
    windows: float = Field(
        5.5, ge=0, description="comb score of the best windows that earns a homography; 0: always"
    )
    sync: float = Field(4.6, gt=0, description="synchronisation score that earns a decoding")
    sync_again: float = Field(5.2, gt=0, description="score that earns the full decoding")
    quick_paths: int = Field(8, gt=0, description="list size of the first decoding")
    paths: int = Field(128, gt=0, description="list size of the decoding that gives up nothing")


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found. ``log10_p`` bounds the chance that an unmarked video gives this."""

    found: bool
    frames_used: int
    log10_p: float = 0.0
    payload: int | None = None
    payload_bits: int = 64
    key_id: str | None = None
    public: bool = False
    sync: float = 0.0
    geometry: Geometry | None = None

    @property
    def payload_hex(self) -> str | None:
        if self.payload is None:
            return None
        return f"{self.payload:0{self.payload_bits // 4}x}"

    def to_json(self) -> dict[str, object]:
        return {
            "found": self.found,
            "payload": self.payload_hex,
            "log10_p": round(self.log10_p, 2),
            "key_id": self.key_id,
            "public": self.public,
            "frames_used": self.frames_used,
            "geometry": None if self.geometry is None else self.geometry.to_json(),
        }


USUAL_GRIDS = 3
"""Upright hypotheses that are folded in every attempt."""
CLOSER = (0.0015, 0.0015, 0.003, 0.003)
"""Steps of period (relative), angle (radians), aspect (relative) and shear, tried once."""
SYNC_STEP = 0.25
SYNC_LEVELS = 100
"""The synchronisation score counts in steps, so that the union bound over it is finite."""


def log10_trials(keys: int, grids: int, payload_bits: int) -> float:
    """log10 of how many (key, carrier, grid, alignment, payload) were in the running."""
    alignments = folding.ORIENTATIONS * folding.SHIFT_GRID**2 * len(folding.FINE) ** 2
    return (
        math.log10(keys * CARRIERS * grids * alignments * SYNC_LEVELS)
        + payload_bits * math.log10(2)
    )  # fmt: skip


def log10_p(sync: float, z: float, trials: float) -> float:
    """Hoeffding for both kinds of lines and the union bound, as log10; never above 0."""
    counted = math.floor(max(sync, 0.0) / SYNC_STEP) * SYNC_STEP
    return min(0.0, trials - (counted**2 + max(z, 0.0) ** 2) / 2 * math.log10(math.e))


def detect(
    frames: Iterable[NDArray[np.uint8]],
    keys: KeyRing,
    settings: DetectorSettings | None = None,
) -> Detection:
    """Look for one mark in a stream of batches.

    Batches are ``uint8 [T, H, W, 3]`` RGB or ``uint8 [T, H, W]`` luma, all of one size. Stops
    reading as soon as a mark is found. Raises ``ValueError`` for frames of changing size.
    Memory: two dozen planes of at most 720 lines; time: bounded by ``most_frames`` and about 2 s
    of search.
    """
    stream = ((luma_of(frame), False) for batch in frames for frame in batch)
    return detect_luma(stream, keys, settings)


def detect_luma(
    frames: Iterable[tuple[NDArray[np.uint8], bool]],
    keys: KeyRing,
    settings: DetectorSettings | None = None,
) -> Detection:
    """As :func:`detect`, for pairs of luma ``uint8 [H, W]`` and "is a key frame"."""
    settings = settings or DetectorSettings()
    groups = Groups()
    size = (0, 0)
    for seen, (luma, fresh) in enumerate(itertools.islice(frames, settings.most_frames)):
        size = (luma.shape[1], luma.shape[0])
        if not fresh and seen >= settings.dense and seen % settings.sparse:
            continue
        groups.add(luma, fresh)
        if groups.frames in settings.tries:
            found = detect_groups(groups, size, keys, settings, thorough=False)
            if found.found:
                return found
    if groups.frames == 0:
        return Detection(False, 0, payload_bits=settings.payload_bits)
    return detect_groups(groups, size, keys, settings, thorough=settings.wide)


def detect_groups(
    groups: Groups,
    size: tuple[int, int],
    keys: KeyRing,
    settings: DetectorSettings,
    *,
    thorough: bool = True,
) -> Detection:
    """Search accumulated residuals; ``size`` is the (width, height) of the frames."""
    miss = Detection(False, groups.frames, payload_bits=settings.payload_bits)
    fields = [groups.every.mean()]
    if min(fields[0].shape) < 32 or float(fields[0].std()) < 1e-6:
        return miss
    if groups.frames > groups.fresh.frames:
        fields.append(groups.fresh.mean())
    short = min(fields[0].shape)
    powers = [lattice.spectrum(field) for field in fields]
    search = Search(groups, keys, settings)
    plans = [(lattice.upright, USUAL_GRIDS)]
    if thorough or (settings.wide and groups.frames == 1):
        plans.append((lattice.turned, settings.grids))
    if thorough:
        plans.append((lattice.stretched, (settings.grids + 1) // 2))
    for find, keep in plans:
        for field, power in zip(fields, powers, strict=True):
            for grid in find(power, short, 3 * keep)[:keep]:
                reading = search.try_grid(field, grid)
                if reading is not None:
                    return _detection(reading, search, field, size)
    if thorough:
        for field in fields:
            for h in perspective.homographies(field, settings.windows):
                shape = (int(field.shape[0]), int(field.shape[1]))
                reading = search.try_grid(field, lattice.Grid(1.0, 0.0), Folder(shape, h))
                if reading is not None:
                    return _detection(reading, search, field, size, h)
    return replace(miss, sync=search.best_sync)


class Search:
    """One search: what was tried, and the groups' folds for grids that look right."""

    def __init__(self, groups: Groups, keys: KeyRing, settings: DetectorSettings) -> None:
        self.groups = groups
        self.keys = keys
        self.settings = settings
        self.grids = 0
        self.best_sync = 0.0
        self._planes: list[Plane] | None = None

    def trials(self) -> float:
        # The count in force at the end of a full search, so that p does not depend on luck.
        settings = self.settings
        usual = USUAL_GRIDS * (len(settings.tries) + 1)
        wide = 2 * settings.grids + (settings.grids + 1) // 2 + perspective.ANCHORS
        most = 2 * (usual + wide) * (1 + 2 * len(CLOSER))
        return log10_trials(len(self.keys), most, self.settings.payload_bits)

    def try_grid(
        self, field: Plane, grid: lattice.Grid, folder: Folder | None = None
    ) -> Reading | None:
        """A reading that is believed, or None."""
        self.grids += 1
        folded = Folded.of(field, grid, folder)
        tries = []
        for key in self.keys:
            for index in range(CARRIERS):
                one = carrier(key, index, self.settings.payload_bits)
                score, alignment = folding.align(folded, one)
                tries.append((score, alignment, one))
        score, alignment, one = max(tries, key=lambda item: item[0])
        self.best_sync = max(self.best_sync, score)
        if score < self.settings.sync:
            return None
        reading = folding.read(folded, one, alignment, score, self.settings.quick_paths)
        if self._believed(reading):
            return reading
        if folder is None:
            score, alignment, folded = self._closer(field, folded, one, score, alignment)
        if score < self.settings.sync_again:
            return None
        shape = (int(field.shape[0]), int(field.shape[1]))
        folder = folder or Folder(shape, folded.grid.to_tiles())
        groups = [Folded.of(plane, folded.grid, folder) for plane in self._group_planes()]
        reading = folding.read(
            folded, one, alignment, score, self.settings.paths, [folded, *groups]
        )
        return reading if self._believed(reading) else None

    def _closer(
        self, field: Plane, folded: Folded, one: Carrier, score: float, alignment: Alignment
    ) -> tuple[float, Alignment, Folded]:
        """Small moves of the grid that let the synchronisation lines agree better."""
        best = (score, alignment, folded)
        for axis in (0, 1, 2, 3):
            here = best[2].grid
            for side in (-1, 1):
                moved = Folded.of(field, here.moved(axis, side * CLOSER[axis]))
                again, at = folding.align(moved, one)
                if again > best[0]:
                    best = (again, at, moved)
        return best

    def _group_planes(self) -> list[Plane]:
        if self._planes is None:
            self._planes = self.groups.planes()
        return self._planes

    def p(self, reading: Reading) -> float:
        return log10_p(reading.sync, reading.z, self.trials())

    def _believed(self, reading: Reading) -> bool:
        return reading.payload is not None and self.p(reading) <= self.settings.log10_p


def _detection(
    reading: Reading,
    search: Search,
    field: Plane,
    size: tuple[int, int],
    to_tiles: NDArray[np.float64] | None = None,
) -> Detection:
    assert reading.payload is not None
    bits = search.settings.payload_bits
    key = next(key for key in search.keys if key.key_id == reading.carrier.key_id)
    factor = period_factor(key, reading.payload, bits)
    return Detection(
        True, search.groups.frames, search.p(reading), reading.payload, bits, key.key_id,
        key.secret == PUBLIC_SECRET, reading.sync,
        Geometry.of(reading, factor, (field.shape[1], field.shape[0]), size, to_tiles),
    )  # fmt: skip
