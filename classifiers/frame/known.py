"""Known content: frames of a stream against hash banks, by the vPDQ rule.

An item matches when 80 % of its frames are found in the stream, or 80 % of the stream's
frames are found in it (PDQ within 31 bits, quality 50 or more; ThreatExchange, vPDQ). Less
than that scores below 0.5, in proportion. A match in a bank that only asks for a review
scores 0.4. ``own_output`` says whether the stream is one of ours.

Items that an operator registered from pictures of his own have keypoints beside their hashes. With
these the first frame of each scene is compared, and one every two seconds of a long scene, as it is
and mirrored: they find windows cut out at any place, turns, and pictures that something covers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifiers.aggregation import Segments
from classifiers.base import CheckReport, FrameTap, StreamInfo
from classifiers.frame.banks import (
    BankAction,
    BankInfo,
    Entry,
    ItemKind,
    Library,
    LibraryView,
)
from classifiers.frame.scored import NotAssessed, Watch
from media.clip import Frames, Pixels
from media.hashing import MIN_QUALITY, variants
from media.keypoints import LEAST, keypoints
from media.sampling import View
from policies.decision import Signal

REVIEW_SCORE = 0.4
"""Score of a full match in a bank whose action is ``review``."""

PARTIAL_SCORE = 0.49
"""A match of less than the share scores up to here."""

MAX_NAMED = 10
"""Matched items named in a signal's detail."""


OWN_BANK = BankInfo(
    name="own-output",
    category="own_output",
    action=BankAction.OWN,
    source="what this installation published",
)


class OwnOutput(Protocol):
    """The bank of what was published here: grows with every clip, so it is searched, not loaded."""

    def known(self) -> int:
        """How many frames are in it now."""
        ...

    def look_up(self, hashes: NDArray[np.uint8]) -> Mapping[str, set[int]]:
        """Matches of any of ``uint8 [N, 32]``: content id to its frames that match."""
        ...

    def frames(self, content_id: str) -> int:
        """How many frames of this content are in the bank."""
        ...


class KnownSettings(BaseModel):
    """When frames count as known content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(8.0, gt=0, description="frames hashed per second, beside scenes' first")
    share: float = Field(0.8, gt=0, le=1, description="share of frames that makes a full match")
    keypoints: bool = Field(
        True,
        description="keep keypoints of pictures that are added to a bank; a rough likeness can be "
        "made back from them",
    )
    keypoint_seconds: float = Field(
        2.0, gt=0, description="seconds between frames of one scene that are compared by keypoints"
    )
    keypoint_gap_ms: int = Field(
        500, ge=0, description="no second scene is compared by keypoints within this time"
    )


@dataclass(frozen=True, slots=True)
class KnownCheck:
    """Looks frames up in the library and in our own output, as they stand at the stream's start."""

    library: Library
    settings: KnownSettings = field(default_factory=KnownSettings)
    own: OwnOutput | None = None
    name: str = "hash_banks"
    categories: tuple[str, ...] = ("hash_match", "own_output")
    weights: tuple[str, ...] = ()

    def open(self, stream: StreamInfo) -> FrameTap:
        view = self.library.view()
        own = self.own.known() if self.own is not None else 0
        if not len(view) and not own:
            return NotAssessed(self.name, self.categories, "no_bank")
        return _Tap(self, view, 1 / stream.fps, own)


@dataclass(slots=True)
class _Hits:
    """What of one item was seen."""

    queries: int = 0
    frames: set[int] = field(default_factory=set)
    segments: Segments = field(default_factory=lambda: Segments(1.0))


@dataclass(slots=True)
class _Tap:
    check: KnownCheck
    library: LibraryView
    period: float
    own: int
    hits: dict[Hashable, _Hits] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    usable: int = 0
    compared: int = 0
    """Frames that were compared by keypoints."""
    _next: float = float("-inf")
    _compared_at: float = float("-inf")

    def push(self, frames: Frames) -> None:
        view, step = View.of(frames), 1 / self.check.settings.rate
        chosen = view.cuts.copy()
        for k, time in enumerate(view.times.tolist()):
            if time >= self._next - 1e-6:
                chosen[k] = True
                self._next = max(self._next + step, time + step / 2)
        for k in np.flatnonzero(chosen).tolist():
            time = float(view.times[k])
            if self.library.pictures and self._due(time, bool(view.cuts[k])):
                self._compare(view.pixels[k], time)
            hashes, quality = variants(view.small[k])
            if quality < MIN_QUALITY:
                continue
            self.usable += 1
            self._note(self._found(hashes), time)
        self.watch.seen(view.times, chosen)

    def _note(self, found: Mapping[Hashable, set[int]], time: float) -> None:
        for key, matched in found.items():
            hit = self.hits.setdefault(key, _Hits())
            hit.queries += 1
            hit.frames |= matched
            hit.segments.add(time, time + self.period, 1.0)

    def _due(self, time: float, cut: bool) -> bool:
        rules, since = self.check.settings, time - self._compared_at
        return since >= rules.keypoint_seconds or (cut and since * 1000 >= rules.keypoint_gap_ms)

    def _compare(self, picture: Pixels, time: float) -> None:
        self._compared_at = time
        seen = [keypoints(picture), keypoints(picture[:, ::-1])]
        if len(seen[0]) < LEAST:
            return
        self.compared += 1
        self._note(dict(self.library.resembling(seen).items()), time)

    def _found(self, hashes: NDArray[np.uint8]) -> Mapping[Hashable, set[int]]:
        """Entry numbers of the library and content ids of our output, with matching frames."""
        found: dict[Hashable, set[int]] = dict(self.library.look_up(hashes).items())
        if self.own and self.check.own is not None:
            found.update(self.check.own.look_up(hashes))
        return found

    def close(self) -> CheckReport:
        own = BankAction.OWN
        entries = {key: self._entry(key) for key in self.hits}
        of_others = {k: h for k, h in self.hits.items() if entries[k].bank.action is not own}
        of_ours = {k: h for k, h in self.hits.items() if entries[k].bank.action is own}
        banks = (*self.library.banks, *((OWN_BANK,) if self.own else ()))
        listed = [
            self._signal("hash_match", of_others, any(b.action is not own for b in banks)),
            self._signal("own_output", of_ours, any(b.action is own for b in banks)),
        ]
        coverage = self.watch.coverage() | {
            "usable": self.usable,
            "rule": f"{self.check.settings.rate:g} fps, first frame of each scene",
            "banks": [bank.name for bank in banks],
            "hashes": len(self.library) + self.own,
            "compared": self.compared,
            "pictures": self.library.pictures,
        }
        return CheckReport(tuple(listed), coverage)

    def _entry(self, key: Hashable) -> Entry:
        if isinstance(key, int):
            return self.library.entries[key]
        assert self.check.own is not None, "only our own output has names for keys"
        return Entry(OWN_BANK, str(key), self.check.own.frames(str(key)))

    def _signal(self, category: str, hits: dict[Hashable, _Hits], exists: bool) -> Signal:
        name = self.check.name
        if not exists:
            return Signal.skipped(name, category, "not_assessed", detail={"cause": "no_bank"})
        if not self.watch.scored:
            return Signal.skipped(name, category, "no_frames")
        if not self.usable and not hits:
            # A plain wall has no fingerprint: it was looked at and cannot be told apart.
            return Signal.skipped(name, category, "not_assessed", detail={"cause": "plain_frames"})
        scored = sorted(
            ((self._score(k, h), str(k), k) for k, h in hits.items()), key=lambda s: s[:2]
        )[::-1]
        best = scored[0][0] if scored else 0.0
        segments = self.hits[scored[0][2]].segments.list() if scored else ()
        detail: dict[str, Any] = {"frames": self.usable}
        if scored:
            detail["matches"] = [self._name(k, score) for score, _, k in scored[:MAX_NAMED]]
        return Signal.ran(
            name,
            category,
            best,
            calibrated=True,
            segments=segments if best >= 0.1 else (),
            detail=detail,
        )

    def _share(self, key: Hashable, hit: _Hits) -> float:
        entry = self._entry(key)
        asked = self.compared if entry.kind is ItemKind.KEYPOINTS else self.usable
        return max(len(hit.frames) / max(1, entry.frames), hit.queries / max(1, asked))

    def _score(self, key: Hashable, hit: _Hits) -> float:
        share, wanted = self._share(key, hit), self.check.settings.share
        if share < wanted:
            return PARTIAL_SCORE * share / wanted
        return REVIEW_SCORE if self._entry(key).bank.action is BankAction.REVIEW else 1.0

    def _name(self, key: Hashable, score: float) -> dict[str, Any]:
        entry, hit = self._entry(key), self.hits[key]
        return {
            "bank": entry.bank.name,
            "category": entry.bank.category,
            "item": entry.id[:80],
            "share": round(min(1.0, self._share(key, hit)), 3),
            "score": round(score, 3),
        }
