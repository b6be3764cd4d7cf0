"""Known sound: a track against the sounds of hash banks.

A sound matches where at least :data:`LEAST` windows of it, three seconds each, are found in the
order and at the pace of the listed one; a part of a longer track is enough. ``sound_match`` says
how much was found; what matches is told as ``hash_match`` too, so that the rules on banks act on
it. The bank of pictures is another one: that a sound is not listed says nothing of the picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifiers.base import CheckReport
from classifiers.frame.banks import BankAction, BankInvalid, Entry, Item, ItemKind, Library
from classifiers.frame.known import MAX_NAMED, REVIEW_SCORE
from media.limits import MediaLimits
from media.soundprint import (
    ASKED_EVERY,
    MIN_QUALITY,
    RATE,
    REGISTERED_EVERY,
    WINDOW,
    prints,
)
from policies.decision import Segment, Signal

if TYPE_CHECKING:
    from media.open import Media, Sound

SOUND_MATCH, HASH_MATCH = "sound_match", "hash_match"

LEAST = 3
"""Windows in step that make a match: about four seconds of sound."""

_APART = 0.2
"""Seconds by which windows in step may be off."""

_PACE = 0.04
"""How much faster or slower the same sound may be played."""

_REMEMBERED = 256
"""Windows of one item that are held at a time."""


def register_sound(path: Path, limits: MediaLimits | None = None) -> list[Item]:
    """The sound of a file, also of one that has only sound, as an item for a bank.

    Raises ``MediaError`` for what has no sound, and :class:`BankInvalid` for what is too short or
    too even to be told apart.
    """
    from media.open.sound import first_track, samples

    bounds = limits or MediaLimits()
    track = samples(path, first_track(path, bounds), bounds, RATE, 1)
    kept = [p for p in prints(track, REGISTERED_EVERY) if p.quality >= MIN_QUALITY]
    if len(kept) < LEAST:
        raise BankInvalid(
            f"{path.name} has too little sound that can be told apart",
            f"choose {WINDOW + LEAST * ASKED_EVERY:.0f} seconds or more in which something changes",
        )
    windows = np.array([round(p.at / REGISTERED_EVERY) for p in kept], np.int32)
    return [Item(path.stem[:40], np.stack([p.bits for p in kept]), windows, ItemKind.SOUND)]


@dataclass(slots=True)
class _Trail:
    """Windows of one item that were found, and the longest run of them in step."""

    seen: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    best: int = 0
    begin: float = 0.0
    end: float = 0.0

    def add(self, at: float, places: list[float]) -> None:
        """``at`` seconds of the track sound like ``places`` of the item."""
        for place in places:
            steps = {
                then
                for then, there in self.seen
                if then < at
                and abs((place - there) - (at - then)) <= _APART + _PACE * (at - then)
                and place > there
            }
            if len(steps) + 1 > self.best:
                self.best, self.begin, self.end = len(steps) + 1, min(steps, default=at), at
        self.seen.extend((at, place) for place in places)


class KnownSoundCheck:
    """``sound_match``: 1 for a sound of a bank that blocks, 0.4 of one that asks for a review."""

    name = "sound_banks"
    categories = (SOUND_MATCH,)
    weights: tuple[str, ...] = ()

    def __init__(self, library: Library) -> None:
        self._library = library

    def silent(self) -> tuple[Signal, ...]:
        return (Signal.ran(self.name, SOUND_MATCH, 0.0, calibrated=True, detail={"tracks": 0}),)

    def listen(self, media: Media, track: Sound) -> CheckReport:
        """Raises the media room's errors, and :class:`BankInvalid` for a bank that is damaged.

        Cost: about 2 ms of processor time a second, and 40 ms for each million of listed windows.
        """
        view = self._library.view()
        if not len(view):
            return CheckReport((self._not_assessed("no_bank"),))
        trails: dict[int, _Trail] = {}
        usable, seconds = 0, 0.0
        for one in prints(media.sound(track, RATE), ASKED_EVERY):
            seconds = one.at + WINDOW
            if one.quality < MIN_QUALITY:
                continue
            usable += 1
            for entry, windows in view.look_up(one.bits[None]).items():
                places = [window * REGISTERED_EVERY for window in sorted(windows)]
                trails.setdefault(entry, _Trail()).add(one.at, places)
        coverage = {
            "seconds": round(seconds, 1),
            "usable": usable,
            "banks": [bank.name for bank in view.banks],
            "hashes": len(view),
        }
        if usable < LEAST:
            return CheckReport((self._not_assessed("too_little_sound"),), coverage)
        found = sorted(
            ((_score(view.entries[n], trail), n, trail) for n, trail in trails.items()),
            key=lambda told: (-told[0], told[1]),
        )
        return CheckReport(tuple(self._signals(found, view.entries)), coverage)

    def _signals(
        self, found: list[tuple[float, int, _Trail]], entries: list[Entry]
    ) -> Iterator[Signal]:
        score = found[0][0] if found else 0.0
        detail: dict[str, Any] = {}
        segments: tuple[Segment, ...] = ()
        if found:
            detail["matches"] = [_named(entries[n], s, trail) for s, n, trail in found[:MAX_NAMED]]
            segments = tuple(
                Segment(trail.begin, trail.end + WINDOW, 1.0)
                for s, _, trail in found[:MAX_NAMED]
                if s == score
            )
        yield Signal.ran(
            self.name, SOUND_MATCH, score, calibrated=True, segments=segments, detail=detail
        )
        if score >= REVIEW_SCORE:
            yield Signal.ran(
                self.name, HASH_MATCH, score, calibrated=True, segments=segments, detail=detail
            )

    def _not_assessed(self, cause: str) -> Signal:
        return Signal.skipped(self.name, SOUND_MATCH, "not_assessed", detail={"cause": cause})


def _score(entry: Entry, trail: _Trail) -> float:
    if entry.bank.action is BankAction.OWN:
        return 0.0
    if trail.best < LEAST:
        return REVIEW_SCORE / 2 * trail.best / LEAST
    return REVIEW_SCORE if entry.bank.action is BankAction.REVIEW else 1.0


def _named(entry: Entry, score: float, trail: _Trail) -> dict[str, Any]:
    return {
        "bank": entry.bank.name,
        "category": entry.bank.category,
        "item": entry.id[:80],
        "windows": trail.best,
        "score": round(score, 3),
    }
