"""Sudden, very loud sound: what makes somebody who turned a quiet passage up tear off headphones.

Loudness is measured by EBU R 128 (ITU-R BS.1770), momentary over 0.4 s. How loud a clip is as a
whole is the listener's own choice; a burst is not. Silence makes nobody turn the volume up,
so after it only what is very loud counts.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from classifiers.base import CheckReport
from policies.decision import Segment, Signal

if TYPE_CHECKING:
    from media.open import Media, Sound

CATEGORY = "loudness"

_WINDOW = 0.4
"""Seconds of a momentary measurement: before that it is not one."""


class LoudnessSettings(BaseModel):
    """What counts as a burst."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jump: float = Field(
        25.0, gt=0, description="LU above the seconds before from which loud sound is a burst"
    )
    level: float = Field(
        -12.0, le=0, description="LUFS below which no jump is a burst: most music lies below"
    )
    silence: float = Field(
        -60.0, le=0, description="LUFS below which nobody turns the volume up: nothing is heard"
    )
    after_silence: float = Field(
        -33.0, le=0, description="LUFS that silence counts as: music may begin, screams not"
    )
    least_seconds: float = Field(
        1.0, gt=0, description="seconds that must have been heard: every clip begins somehow"
    )
    seconds: float = Field(3.0, gt=0, description="seconds before that a jump is measured from")


class LoudnessCheck:
    """``loudness``: 1 for a burst, else at most 0.5, by how near the largest jump came."""

    name = "loudness"
    categories = (CATEGORY,)
    weights: tuple[str, ...] = ()

    def __init__(self, settings: LoudnessSettings | None = None) -> None:
        self._rules = settings or LoudnessSettings()

    def silent(self) -> tuple[Signal, ...]:
        return (Signal.ran(self.name, CATEGORY, 0.0, calibrated=True, detail={"tracks": 0}),)

    def listen(self, media: Media, track: Sound) -> CheckReport:
        """Cost: about 4 ms of processor time a second of sound. Raises the media room's errors."""
        rules = self._rules
        before: deque[float] = deque(maxlen=max(1, round(rules.seconds * 10)))
        # A window holds the burst itself for its whole length.
        recent: deque[float] = deque(maxlen=4)
        worst, at = 0.0, 0.0
        bursts: list[Segment] = []
        integrated, peak, loudest, seconds = -70.0, 0.0, -120.0, 0.0
        for now in media.loudness(track):
            seconds, integrated, peak = now.at + 0.1, now.integrated, now.peak
            loudest = max(loudest, now.momentary)
            if len(before) >= rules.least_seconds * 10 and now.momentary >= rules.level:
                usual = float(10 * np.log10(np.mean(np.power(10.0, np.array(before) / 10))))
                jump = now.momentary - (usual if usual > rules.silence else rules.after_silence)
                if jump > worst:
                    worst, at = jump, now.at
                if jump >= rules.jump:
                    bursts = _joined(bursts, now.at)
            if len(recent) == recent.maxlen:
                before.append(recent[0])
            if now.at >= _WINDOW - 1e-3:
                recent.append(now.momentary)
        score = 1.0 if bursts else min(0.5, 0.5 * worst / rules.jump)
        detail = {
            "largest_jump": round(worst, 1),
            "at": round(at, 1),
            "integrated": round(integrated, 1),
            "loudest": round(loudest, 1),
            "true_peak": round(peak, 3),
        }
        signal = Signal.ran(
            self.name, CATEGORY, score, calibrated=True, segments=tuple(bursts), detail=detail
        )
        return CheckReport((signal,), {"seconds": round(seconds, 1), "rule": "EBU R 128"})


def _joined(bursts: list[Segment], at: float) -> list[Segment]:
    if bursts and at - bursts[-1].end < 0.5:
        return [*bursts[:-1], Segment(bursts[-1].start, at + 0.1, 1.0)]
    return [*bursts, Segment(at, at + 0.1, 1.0)][-50:]
