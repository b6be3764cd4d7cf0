"""Sudden, very loud sound: what makes somebody who turned a quiet passage up tear off headphones.

Loudness is measured by EBU R 128 (ITU-R BS.1770), momentary over 0.4 s. How loud a clip is as a
whole is the listener's own choice; a burst is not. After silence the ear, and the volume knob,
count as set for a quiet passage.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from classifiers.base import CheckReport
from media.open import Media, Sound
from policies.decision import Segment, Signal

CATEGORY = "loudness"


class LoudnessSettings(BaseModel):
    """What counts as a burst."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jump: float = Field(
        25.0, gt=0, description="LU above the seconds before from which loud sound is a burst"
    )
    level: float = Field(
        -12.0, le=0, description="LUFS below which no jump is a burst: most music lies below"
    )
    quiet: float = Field(
        -45.0, le=0, description="LUFS that silence counts as: quieter than speech, still heard"
    )
    seconds: float = Field(3.0, gt=0, description="seconds before that a jump is measured from")


class LoudnessCheck:
    """``loudness``: 1 for a burst, else at most 0.5, by how near the largest jump came."""

    name = "loudness"
    categories = (CATEGORY,)
    weights: tuple[str, ...] = ()

    def __init__(self, settings: LoudnessSettings | None = None) -> None:
        self._rules = settings or LoudnessSettings()

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
            if before and now.momentary >= rules.level:
                usual = 10 * np.log10(np.mean(np.power(10.0, np.array(before) / 10)))
                jump = now.momentary - max(float(usual), rules.quiet)
                if jump > worst:
                    worst, at = jump, now.at
                if jump >= rules.jump:
                    bursts = _joined(bursts, now.at)
            if len(recent) == recent.maxlen:
                before.append(recent[0])
            recent.append(now.momentary)
        score = 1.0 if bursts else min(0.5, 0.5 * worst / rules.jump)
        detail = {"largest_jump": round(worst, 1), "at": round(at, 1),
                  "integrated": round(integrated, 1), "loudest": round(loudest, 1),
                  "true_peak": round(peak, 3)}  # fmt: skip
        signal = Signal.ran(
            self.name, CATEGORY, score, calibrated=True, segments=tuple(bursts), detail=detail
        )
        return CheckReport((signal,), {"seconds": round(seconds, 1), "rule": "EBU R 128"})


def _joined(bursts: list[Segment], at: float) -> list[Segment]:
    if bursts and at - bursts[-1].end < 0.5:
        return [*bursts[:-1], Segment(bursts[-1].start, at + 0.1, 1.0)]
    return [*bursts, Segment(at, at + 0.1, 1.0)][-50:]
