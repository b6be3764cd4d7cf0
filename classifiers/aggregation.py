"""From scores of frames to one score of a clip, with the stretches a reviewer should see.

The clip's score of a category is what lasted: the mean of the three highest frames within two
seconds, at its worst. One odd frame blocks nothing, and odd frames that lie minutes apart never
add up, however long the clip is. Of severe categories a single frame is enough for a look, if it
would block a clip in which it lasted: then it lifts the score to ``single_frame_cap``, which
lies between the thresholds for review and for blocking.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from policies.decision import Segment
from policies.taxonomy import SEVERE_FRAMES


class AggregationSettings(BaseModel):
    """How scores of frames become the score of a clip."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top: int = Field(3, ge=1, description="frames whose mean is the score of a stretch")
    window_seconds: float = Field(
        2.0, gt=0, description="length of a stretch; the worst stretch is the clip's score"
    )
    severe: tuple[str, ...] = Field(
        SEVERE_FRAMES,
        description="categories in which a single frame is enough for a review",
    )
    single_frame_cap: float = Field(
        0.7, ge=0, le=1, description="a single frame lifts the score at most to here: review"
    )
    single_frame_level: float = Field(
        0.8, ge=0, le=1, description="a single frame of a severe category counts from here on"
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


MAX_WINDOW = 256
"""Frames of a stretch that are kept, for streams with absurd numbers of scenes a second."""


@dataclass(slots=True)
class ClipScore:
    """Scores of one category over a stream; memory does not grow with its length.

    ``highest`` is the highest frame, ``sustained`` the worst stretch.
    """

    category: str
    settings: AggregationSettings = field(default_factory=AggregationSettings)
    count: int = 0
    highest: float = 0.0
    sustained: float = 0.0
    _window: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MAX_WINDOW))
    _segments: Segments = field(init=False)

    def __post_init__(self) -> None:
        self._segments = Segments(self.settings.join_seconds)

    def add(self, time: float, score: float, duration: float = 0.0) -> None:
        """The frame at ``time`` (seconds, rising) scored ``score`` in [0, 1].

        Raises ``ValueError`` for a score that is no number in that range.
        """
        if not math.isfinite(score) or not 0 <= score <= 1:
            raise ValueError(f"{self.category}: a frame scored {score}")
        rules = self.settings
        self.count += 1
        self.highest = max(self.highest, score)
        self._window.append((time, score))
        # At a frame a second a stretch is longer, so that it still has that many frames.
        while len(self._window) > rules.top and self._window[0][0] <= time - rules.window_seconds:
            self._window.popleft()
        top = heapq.nlargest(rules.top, (value for _, value in self._window))
        # A clip of fewer frames than that is judged by those it has: nothing else is there.
        mean = math.fsum(top) / len(top)
        # fsum: rounding must not lift a mean above its highest member.
        mean = min(top[0], mean)
        self.sustained = mean if self.count <= rules.top else max(self.sustained, mean)
        if score >= rules.segment_level:
            self._segments.add(time, time + duration, score)

    @property
    def score(self) -> float:
        """The clip's score in [0, 1]; ``ValueError`` when no frame was scored."""
        if not self.count:
            raise ValueError(f"{self.category}: no frame was scored")
        rules = self.settings
        if self.category not in rules.severe or self.highest < rules.single_frame_level:
            return self.sustained
        return max(self.sustained, min(self.highest, rules.single_frame_cap))

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self._segments.list()
