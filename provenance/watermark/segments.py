"""Which marks are in a video, and when: short looks first, then the edges of what was found.

1. *Looks.* Every key frame with a few frames after it, further looks where key frames are far
   apart, and the first frame after each cut that is decoded on the way: it carries the mark best,
   and codecs mostly put a key frame there. Looks inside one group of pictures share its decoding.
2. *Thorough looks.* Where the quick ones find nothing, some, evenly spread, search every geometry,
   and a few of those search parts of the frames too: filmed screens and insets.
3. *Edges.* From a look that has a mark to its neighbour that has none, the frames between are
   compared with the known mark, so that times are told to a fraction of a second.

Every look is held to the detector's bound divided by the number of looks. All of it stays within a
budget of processor time: of a long video the looks are spread, coarsely first and then between,
until the budget is used, and ``every`` says how far apart they came to lie.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from media.limits import MediaLimits
from media.open import Media, open_media
from media.open.windows import CUT_CHANGE, MOST_CUTS, Glimpse, key_times, windows
from provenance.watermark import inside
from provenance.watermark.detector import Detection, detect_groups, within
from provenance.watermark.groups import Groups
from provenance.watermark.keys import KeyRing
from provenance.watermark.presence import Presence
from provenance.watermark.search import Search
from provenance.watermark.settings import DetectorSettings
from provenance.watermark.transplant import transplanted

LONGER = 4
"""The longer stretches of the search for an edge, in steps of it."""
Progress = Callable[[float], None]
"""Told the share of the work that is done, 0 to 1."""


class ScanSettings(BaseModel):
    """How a video is looked at and how much is spent on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: float = Field(60.0, gt=0, description="processor time for one video, in seconds")
    frames: int = Field(6, gt=0, description="frames of one look")
    spacing: float = Field(0.08, gt=0, description="least time between them, in seconds")
    every: float = Field(1.5, gt=0, description="looks lie no farther apart, if the budget allows")
    apart: float = Field(0.7, gt=0, description="looks lie no closer together, in seconds")
    first_looks: int = Field(240, gt=0, description="looks of the first, coarse pass at most")
    most_thorough: int = Field(8, ge=0, description="looks that search every geometry at most")
    thorough_every: float = Field(
        8.0, gt=0, description="one of those for so many seconds of video at most"
    )
    most_inside: int = Field(
        3, ge=0, description="looks of those that search parts of the frames too, at most"
    )
    present: float = Field(
        7.0, gt=5, description="deviations at which a known mark counts as present in a look"
    )
    edge: float = Field(5.5, gt=4, description="deviations at which it counts at an edge")
    edge_step: float = Field(0.2, gt=0, description="step of the search for an edge, in seconds")


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
    """Everything that was read, in time order; a mark that pauses gives two spans.

    ``every`` is the longest stretch, in seconds, between two looks: what is shorter can have been
    missed. ``seconds`` is the video's length, as far as known.
    """

    spans: tuple[Span, ...]
    seconds: float
    frames_used: int
    every: float = 0.0

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
            "looked_every": round(self.every, 2),
        }


def scan_file(
    path: Path,
    keys: KeyRing,
    *,
    settings: DetectorSettings | None = None,
    scanning: ScanSettings | None = None,
    limits: MediaLimits | None = None,
    known: Sequence[Detection] = (),
    on_progress: Progress = lambda share: None,
) -> Scan:
    """Every mark of a file with its times. Raises the media room's errors.

    ``known`` are marks that were read in it already; they are only looked for, not searched.
    """
    media = open_media(path, limits or MediaLimits())
    return _Scanner(media, keys, settings, scanning, known, on_progress).scan()


@dataclass(slots=True)
class _Look:
    at: float
    end: float
    found: Detection | None


class _Scanner:
    def __init__(
        self,
        media: Media,
        keys: KeyRing,
        settings: DetectorSettings | None,
        scanning: ScanSettings | None,
        known: Sequence[Detection],
        on_progress: Progress,
    ) -> None:
        self.media, self.keys = media, keys
        self.settings = settings or DetectorSettings()
        self.scanning = scanning or ScanSettings()
        self.marks = [(found, Presence(found, keys)) for found in known if found.found]
        self.on_progress = on_progress
        self.used = 0
        self.times = key_times(media)
        self.seconds = media.info.seconds or (self.times[-1] + self.scanning.every)
        if media.is_picture:
            self.seconds = 0.0  # one look: the first picture
        self._began = time.process_time()

    def scan(self) -> Scan:
        first, between = self._plan()
        looks_planned = len(first) + sum(len(r) for r in between) + self.scanning.most_thorough
        # every look is a trial of its own: together they may be wrong no oftener than one
        most = max(looks_planned, 1) * (1 + MOST_CUTS)
        strict = self.settings.log10_p - math.log10(most)
        self.settings = self.settings.model_copy(update={"log10_p": strict})
        looks = self._look(first, 0.0, 0.6)
        looks += self._look(between, 0.6, 0.8)
        looks.sort(key=lambda look: look.at)
        if not any(look.found for look in looks):
            self._thorough(looks)
        self.on_progress(0.9)
        spans = self._spans(looks)
        self.on_progress(1.0)
        ends = [0.0, *(look.at for look in looks), self.seconds]
        every = max((b - a for a, b in pairwise(ends)), default=0.0)
        return Scan(tuple(spans), self.seconds, self.used, every)

    def _plan(self) -> tuple[list[float], list[list[float]]]:
        """The first pass, and what lies between, coarsest first."""
        scanning = self.scanning
        first: list[float] = []
        for at in self.times:
            if not first or at >= first[-1] + scanning.apart:
                first.append(at)
        if len(first) > scanning.first_looks:
            step = len(first) / scanning.first_looks
            first = [first[int(i * step)] for i in range(scanning.first_looks)]
        rounds: list[list[float]] = []
        known = first
        for _ in range(12):
            ends = [*known, self.seconds]
            fresh = [(a + b) / 2 for a, b in pairwise(ends) if b - a > scanning.every]
            if not fresh:
                break
            rounds.append(fresh)
            known = sorted([*known, *fresh])
        # one pass in time order shares the decoding, when all of it is affordable
        if len(known) <= scanning.first_looks:
            return known, []
        return first, rounds

    def _spent(self) -> float:
        return (time.process_time() - self._began) / self.scanning.budget

    def _look(self, plan: list[float] | list[list[float]], begin: float, end: float) -> list[_Look]:
        rounds = [plan] if plan and isinstance(plan[0], float) else plan
        looks: list[_Look] = []
        for starts in rounds:
            assert isinstance(starts, list)
            for done, (at, glimpses) in enumerate(
                windows(
                    self.media,
                    starts,
                    self.scanning.frames,
                    self.scanning.spacing,
                    self.times,
                    cuts=True,
                )
            ):
                if self._spent() >= end and looks:
                    return looks
                if glimpses:
                    looks.append(self._judge(at, glimpses))
                self.on_progress(begin + (end - begin) * min(done / len(starts), 1.0))
        return looks

    def _judge(
        self, at: float, glimpses: list[Glimpse], *, thorough: bool = False, parts: bool = False
    ) -> _Look:
        self.used += len(glimpses)
        end = glimpses[-1].at
        for found, presence in self.marks:
            if presence.z([g.luma for g in glimpses]) >= self.scanning.present:
                return _Look(at, end, found)
        groups, kept = Groups(), inside.Kept()
        size = glimpses[0].luma.shape
        for glimpse in glimpses:
            if glimpse.luma.shape == size:
                groups.add(glimpse.luma, glimpse.fresh)
                kept.add(glimpse.luma, glimpse.fresh)
        # near misses are looked at closer only where every geometry is searched
        quick = {} if thorough else {"closer": 0}
        search = Search(self.keys, self.settings.model_copy(update=quick))
        found = detect_groups(groups, (size[1], size[0]), search, thorough=thorough)
        if not found.found and parts:
            part = inside.search(kept.frames, self.keys, self.settings)
            if part is not None:
                found = within(part, groups.frames, (size[1], size[0]))
        if not found.found:
            return _Look(at, end, None)
        moved = transplanted(found, [glimpse.luma for glimpse in glimpses], self.keys)
        found = replace(found, transplanted=moved)
        self.marks.append((found, Presence(found, self.keys)))
        return _Look(at, end, found)

    def _thorough(self, looks: list[_Look]) -> None:
        """Every geometry at some places; what is found there is then looked for everywhere."""
        allowed = int(self.seconds / self.scanning.thorough_every) or int(self.media.is_picture)
        most = min(self.scanning.most_thorough, allowed, len(looks))
        places = [looks[(2 * i + 1) * len(looks) // (2 * most)] for i in range(most)]
        starts = [look.at for look in places]
        # twice the frames: what is turned or bent is read less surely
        several = windows(
            self.media, starts, 2 * self.scanning.frames, self.scanning.spacing, self.times
        )
        step = max(1, -(-most // max(1, self.scanning.most_inside)))
        for place, (look, (at, glimpses)) in enumerate(zip(places, several, strict=True)):
            if self._spent() >= 1:
                return
            if glimpses:
                parts = self.scanning.most_inside > 0 and place % step == step // 2
                judged = self._judge(at, glimpses, thorough=True, parts=parts)
                look.found, look.end = judged.found, judged.end
            if look.found:
                break
        if not any(look.found for look in looks):
            return
        silent = [look for look in looks if not look.found]
        again = windows(
            self.media,
            [look.at for look in silent],
            self.scanning.frames,
            self.scanning.spacing,
            self.times,
        )
        for look, (at, glimpses) in zip(silent, again, strict=True):
            if glimpses:
                look.found = self._judge(at, glimpses).found

    def _spans(self, looks: list[_Look]) -> list[Span]:
        spans: list[Span] = []
        for place, look in enumerate(looks):
            if look.found is None:
                continue
            before = looks[place - 1] if place else None
            last = spans[-1] if spans else None
            same = last is not None and before is not None and _same(before.found, look.found)
            if last is not None and not same and place > 1:
                # one silent look between two of the same mark is a pause of the reading
                earlier = looks[place - 2]
                same = (
                    before is not None and before.found is None and _same(earlier.found, look.found)
                )
            if last is not None and same:
                spans[-1] = replace(spans[-1], end=look.end)
                continue
            start = self._edge(before.end if before else 0.0, look.at, look.found, first=True)
            spans.append(Span(start, look.end, look.found))
        ends = []
        for span in spans:
            after = next((look.at for look in looks if look.at > span.end), self.seconds)
            ends.append(replace(span, end=self._edge(span.end, after, span.detection, first=False)))
        return ends

    def _edge(self, low: float, high: float, found: Detection, *, first: bool) -> float:
        """The first (or last) moment between two looks at which the mark is there."""
        step = self.scanning.edge_step
        if high - low <= step / 2 or self.seconds == 0:
            return high if first else low
        presence = Presence(found, self.keys)
        frames = min(int((high - low) / 0.04) + 1, 600)
        [(_, glimpses)] = windows(self.media, [low], frames, 0.0, self.times)
        glimpses = [g for g in glimpses if g.at <= high]
        # longer stretches see what a codec has left of it; none reaches over a cut
        there = [
            chunk
            for length in (step, LONGER * step)
            for chunk in _chunks(glimpses, length)
            if presence.z([g.luma for g in chunk]) >= self.scanning.edge
        ]
        if not there:
            return high if first else low
        if first:
            return min(chunk[0].at for chunk in there)
        return max(chunk[-1].at for chunk in there)


def _same(a: Detection | None, b: Detection | None) -> bool:
    return a is not None and b is not None and a.payload == b.payload and a.key_id == b.key_id


def _cut(a: Glimpse, b: Glimpse) -> bool:
    if a.luma.shape != b.luma.shape:
        return True
    change = b.luma[::16, ::16].astype(np.int16) - a.luma[::16, ::16]
    return float(np.abs(change).mean()) > CUT_CHANGE


def _chunks(glimpses: list[Glimpse], step: float) -> list[list[Glimpse]]:
    out: list[list[Glimpse]] = []
    for glimpse in glimpses:
        last = out[-1] if out else None
        if last is None or glimpse.at >= last[0].at + step or _cut(last[-1], glimpse):
            out.append([])
        out[-1].append(glimpse)
    return out
