"""From scores of frames to one score of a clip, with the stretches a reviewer should see.

The clip's score of a category is the mean of its three highest frames, so that one odd frame
does not block a clip. For severe categories one frame is enough for a look: the highest frame
lifts the score as far as ``single_frame_cap``, which lies between the thresholds for review
and for blocking.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from policies.decision import Segment


class AggregationSettings(BaseModel):
    """How scores of frames become the score of a clip."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top: int = Field(3, ge=1, description="frames whose mean is the clip's score")
    severe: tuple[str, ...] = Field(
        ("sexual", "sexual_minors", "ncii", "gore", "self_harm", "extremism"),
        description="categories in which a single frame is enough for a review",
    )
    single_frame_cap: float = Field(
        0.7, ge=0, le=1, description="a single frame lifts the score at most to here: review"
    )
    segment_level: float = Field(
        0.5, ge=0, le=1, description="frames from this score on are marked for the reviewer"
    )
    join_seconds: float = Field(
        0.6, ge=0, description="marked frames this close belong to one stretch"
    )


MAX_SEGMENTS = 32
"""Stretches kept: enough for a reviewer, bounded for a hostile stream."""


class Segments:
    """Collects stretches in time order; those that touch become one with the worst score.

    Past ``MAX_SEGMENTS`` the last one grows, so that nothing after it goes unmarked.
    """

    def __init__(self, join: float = 0.0) -> None:
        self._join = join
        self._kept: list[Segment] = []

    def add(self, start: float, end: float, score: float) -> None:
        if self._kept:
            last = self._kept[-1]
            if start <= last.end + self._join or len(self._kept) == MAX_SEGMENTS:
                self._kept[-1] = Segment(
                    min(last.start, start), max(last.end, end), max(last.score, score)
                )
                return
        self._kept.append(Segment(start, end, score))

    def list(self) -> tuple[Segment, ...]:
        return tuple(Segment(round(s.start, 3), round(s.end, 3), s.score) for s in self._kept)


@dataclass(slots=True)
class ClipScore:
    """Scores of one category over a stream; memory does not grow with its length."""

    category: str
    settings: AggregationSettings = field(default_factory=AggregationSettings)
    count: int = 0
    _top: list[float] = field(default_factory=list)
    _segments: Segments = field(init=False)

    def __post_init__(self) -> None:
        self._segments = Segments(self.settings.join_seconds)

    def add(self, time: float, score: float, duration: float = 0.0) -> None:
        """The frame at ``time`` (seconds, rising) scored ``score`` in [0, 1].

        Raises ``ValueError`` for a score that is no number in that range.
        """
        if not math.isfinite(score) or not 0 <= score <= 1:
            raise ValueError(f"{self.category}: a frame scored {score}")
        self.count += 1
        if len(self._top) < self.settings.top:
            heapq.heappush(self._top, score)
        else:
            heapq.heappushpop(self._top, score)
        if score >= self.settings.segment_level:
            self._segments.add(time, time + duration, score)

    @property
    def highest(self) -> float:
        return max(self._top)

    @property
    def top_mean(self) -> float:
        # fsum: rounding must not lift a mean above its highest member.
        return min(self.highest, math.fsum(self._top) / len(self._top))

    @property
    def score(self) -> float:
        """The clip's score in [0, 1]; ``ValueError`` when no frame was scored."""
        if not self.count:
            raise ValueError(f"{self.category}: no frame was scored")
        if self.category not in self.settings.severe:
            return self.top_mean
        return max(self.top_mean, min(self.highest, self.settings.single_frame_cap))

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self._segments.list()
