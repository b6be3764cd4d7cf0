"""Which marks are in a long video, and when: segment by segment.

Every few seconds are searched by themselves, so a marked clip inside an unmarked video is found
with its times, and two marks in one video are both told. Segments that say nothing alone are
added up with their neighbours. Only a few frames of each segment are looked at, so an hour costs
little more than its decoding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from media.limits import MediaLimits
from provenance.watermark.detector import Detection, detect_groups
from provenance.watermark.files import timed_luma
from provenance.watermark.groups import Groups
from provenance.watermark.keys import KeyRing
from provenance.watermark.search import Search
from provenance.watermark.settings import DetectorSettings


class ScanSettings(BaseModel):
    """How a long video is cut and how much is spent on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: float = Field(2.0, gt=0, description="length of a segment")
    frames: int = Field(12, gt=0, description="frames looked at in a segment, evenly")
    most_thorough: int = Field(
        20, ge=0, description="full searches at most; afterwards only the usual geometries"
    )
    pooled: int = Field(96, gt=0, description="frames of silent neighbours added up at most")


@dataclass(frozen=True, slots=True)
class Span:
    """One mark and where it was read, seconds from the start."""

    start: float
    end: float
    detection: Detection

    def to_json(self) -> dict[str, object]:
        return {"start": round(self.start, 2), "end": round(self.end, 2)} | self.detection.to_json()


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything that was read, in time order; a mark that pauses gives two spans."""

    spans: tuple[Span, ...]
    seconds: float
    frames_used: int

    @property
    def payloads(self) -> tuple[int, ...]:
        """Each payload once, in order of appearance."""
        found = (s.detection.payload for s in self.spans)
        return tuple(dict.fromkeys(p for p in found if p is not None))

    def to_json(self) -> dict[str, object]:
        return {
            "found": bool(self.spans),
            "marks": [span.to_json() for span in self.spans],
            "seconds": round(self.seconds, 2),
            "frames_used": self.frames_used,
        }


def scan_file(
    path: Path,
    keys: KeyRing,
    *,
    settings: DetectorSettings | None = None,
    scanning: ScanSettings | None = None,
    limits: MediaLimits | None = None,
) -> Scan:
    """Every mark of a file with its times. Raises the media room's errors."""
    return scan(timed_luma(path, limits or MediaLimits()), keys, settings, scanning)


def scan(
    frames: Iterable[tuple[NDArray[np.uint8], bool, float]],
    keys: KeyRing,
    settings: DetectorSettings | None = None,
    scanning: ScanSettings | None = None,
) -> Scan:
    """Every mark in a stream of (luma ``uint8 [H, W]``, is a key frame, seconds).

    Memory does not grow with the length; time is bounded by ``most_thorough`` full searches and
    a quick one for each segment.
    """
    state = _State(keys, settings or DetectorSettings(), scanning or ScanSettings())
    for luma, fresh, at in frames:
        state.add(luma, fresh, at)
    return state.close()


class _State:
    def __init__(self, keys: KeyRing, settings: DetectorSettings, scanning: ScanSettings) -> None:
        self.keys, self.settings, self.scanning = keys, settings, scanning
        self.spans: list[Span] = []
        self.used = 0
        self.thorough = 0
        self.now = 0.0
        self._start: float | None = None
        self._next = 0.0
        self._groups = Groups()
        self._size = (0, 0)
        self._silent = Groups()
        self._silent_start = 0.0

    def add(self, luma: NDArray[np.uint8], fresh: bool, at: float) -> None:
        size = (luma.shape[1], luma.shape[0])
        whole = self._start is not None and at >= self._start + self.scanning.seconds - 1e-6
        if whole or (self._start is not None and size != self._size):
            self._segment(at)
        self.now, self._size = at, size
        if self._start is None:
            self._start, self._next = at, at
        if at + 1e-6 < self._next:
            return
        self._next += self.scanning.seconds / self.scanning.frames
        self.used += 1
        self._groups.add(luma, fresh)
        if self._silent.frames == 0:
            self._silent_start = self._start
        if self._silent.frames and self._silent.size != self._groups.size:
            self._silent, self._silent_start = Groups(), self._start
        self._silent.add(luma, fresh)

    def _segment(self, end: float) -> None:
        start, self._start = self._start, None
        groups, self._groups = self._groups, Groups()
        if start is None or groups.frames == 0:
            return
        found = self._search(groups)
        if not found.found and self._silent.frames > groups.frames:
            found = self._search(self._silent)
            start = self._silent_start if found.found else start
        if found.found:
            self._tell(Span(start, end, found))
        if found.found or self._silent.frames >= self.scanning.pooled:
            self._silent = Groups()

    def _search(self, groups: Groups) -> Detection:
        search = Search(self.keys, self.settings)
        found = detect_groups(groups, self._size, search, thorough=False)
        if found.found or self.thorough >= self.scanning.most_thorough:
            return found
        self.thorough += 1
        return detect_groups(groups, self._size, search)

    def _tell(self, span: Span) -> None:
        last = self.spans[-1] if self.spans else None
        same = last is not None and (
            last.detection.payload == span.detection.payload
            and last.detection.key_id == span.detection.key_id
            and span.start <= last.end + self.scanning.seconds
        )
        if last is not None and same:
            surer = min(last.detection, span.detection, key=lambda d: d.log10_p)
            self.spans[-1] = Span(last.start, span.end, surer)
        else:
            self.spans.append(span)

    def close(self) -> Scan:
        self._segment(self.now)
        return Scan(tuple(self.spans), self.now, self.used)
