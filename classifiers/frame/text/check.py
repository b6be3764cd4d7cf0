"""The check of words in the picture: each scene's first frame and one frame a second is read.

Lines that stand together are judged together and alone, by the classifiers of the prompt gate.
A line that is still there at the next look is not read again. What was found is told with its
time and its place; the words themselves are sealed, for they may be somebody's number or name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from classifiers.aggregation import Segments
from classifiers.base import CheckReport, FrameTap, PromptClassifier, StreamInfo
from classifiers.errors import ClassifierError
from classifiers.frame.scored import ABSENT, NotAssessed, Watch
from classifiers.frame.text.judged import CATEGORIES, TextJudgement, judge
from classifiers.frame.text.reader import TextLine, TextReader
from media.clip import Frames
from media.sampling import View
from policies.decision import Signal

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry

WEIGHTS = ("ppocr_detector", "ppocr_turner", "ppocr_recogniser")
"""The pins of the three files in the registry."""

MAX_TOLD = 8
"""Places told for each category, the worst first."""

MAX_WORDS = 64
"""Texts kept for a reviewer: the worst."""

MAX_REMEMBERED = 512
"""Judgements kept, so that words that stay are judged once."""

_TOLD_FROM = 0.3
"""Words that score below in every category are not repeated to a reviewer."""


class TextSettings(BaseModel):
    """How often words are looked for, and when a line counts as read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(1.0, gt=0, description="frames read per second, beside scenes' first")
    scene_gap_ms: int = Field(
        500, ge=0, description="no second scene is read within this time, so that cuts add no load"
    )
    certainty: float = Field(
        0.7, ge=0, le=1, description="mean certainty from which a line counts as read"
    )


class TextCheck:
    """Reads frames and judges the words; without the weights it says ``not_assessed``."""

    name = "text"
    categories: tuple[str, ...] = CATEGORIES

    def __init__(
        self,
        registry: WeightsRegistry,
        classifiers: Callable[[], Sequence[PromptClassifier]],
        settings: TextSettings | None = None,
        threads: int = 1,
    ) -> None:
        """``classifiers`` are asked for on first use; none make the check ``not_assessed``."""
        self.settings = settings or TextSettings()
        self._registry, self._classifiers, self._threads = registry, classifiers, threads
        self._reader: TextReader | None = None
        self._lock = threading.Lock()

    @property
    def weights(self) -> tuple[str, ...]:
        return tuple(self._registry.pin(name).sha256 for name in WEIGHTS)

    def reader(self) -> TextReader:
        """The loaded models; raises what the registry raises."""
        detector, turner, recogniser = (self._registry.path(name) for name in WEIGHTS)
        with self._lock:
            if self._reader is None:
                self._reader = TextReader(detector, turner, recogniser, self._threads)
            return self._reader

    def open(self, stream: StreamInfo) -> FrameTap:
        classifiers = tuple(self._classifiers())
        if not classifiers:
            return NotAssessed(self.name, self.categories, "no_prompt_classifier")
        try:
            reader = self.reader()
        except ClassifierError as error:
            if error.code not in ABSENT:
                raise
            return NotAssessed(self.name, self.categories, error.code)
        return _Tap(self, reader, classifiers, 1 / stream.fps)


@dataclass(frozen=True, slots=True)
class _Place:
    """A finding: a text that was seen, when first, where, and what it is worth."""

    text: str
    time: float
    box: tuple[int, int, int, int]
    judgement: TextJudgement


@dataclass(slots=True)
class _Tap:
    check: TextCheck
    reader: TextReader
    classifiers: tuple[PromptClassifier, ...]
    period: float
    watch: Watch = field(default_factory=Watch)
    lines: int = 0
    _next: float = float("-inf")
    _last: float = float("-inf")
    _standing: list[tuple[TextLine, NDArray[np.uint8]]] = field(default_factory=list)
    _known: dict[str, TextJudgement] = field(default_factory=dict)
    _best: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CATEGORIES, 0.0))
    _segments: dict[str, Segments] = field(init=False)
    _places: dict[str, list[_Place]] = field(default_factory=lambda: {c: [] for c in CATEGORIES})
    _failed: str | None = None

    def __post_init__(self) -> None:
        join = 1.5 / self.check.settings.rate
        self._segments = {category: Segments(join) for category in CATEGORIES}

    def push(self, frames: Frames) -> None:
        view, rules = View.of(frames), self.check.settings
        chosen = np.zeros(len(view), dtype=np.bool_)
        for k, time in enumerate(view.times.tolist()):
            new = view.cuts[k] and (time - self._last) * 1000 >= rules.scene_gap_ms
            if not new and (time < self._next - 1e-6 or not view.due[k]):
                continue
            chosen[k] = True
            self._last, self._next = time, time + 1 / rules.rate
            self._look(view.pixels[k], time)
        self.watch.seen(view.times, chosen)

    def _look(self, frame: NDArray[np.uint8], time: float) -> None:
        lines = [line for line in self._read(frame) if line.score >= self.check.settings.certainty]
        self.lines = max(self.lines, len(lines))
        texts: dict[str, list[TextLine]] = {}
        for group in paragraphs(lines):
            texts.setdefault(" ".join(line.text for line in group), group)
            for line in group:
                texts.setdefault(line.text, [line])
        new = [text for text in texts if text not in self._known]
        for text, judgement in zip(new, judge(new, self.classifiers), strict=True):
            self._known[text] = judgement
        for text, group in texts.items():
            self._note(_Place(text, time, _around(group), self._known[text]))
        while len(self._known) > MAX_REMEMBERED:
            del self._known[next(iter(self._known))]

    def _read(self, frame: NDArray[np.uint8]) -> list[TextLine]:
        """Lines of this frame; those that stand where they stood are not read again."""
        boxes = self.reader.find(frame)
        cuts = [self.reader.cut(frame, box) for box in boxes]
        seen = [self._stood(box, cut) for box, cut in zip(boxes, cuts, strict=True)]
        unread = [k for k, line in enumerate(seen) if line is None]
        read = dict(zip(unread, self.reader.read([cuts[k] for k in unread]), strict=True))
        lines = []
        for k, (box, known) in enumerate(zip(boxes, seen, strict=True)):
            text, score = (known.text, known.score) if known is not None else read[k]
            lines.append(TextLine(text, score, tuple((float(x), float(y)) for x, y in box)))
        self._standing = [(line, _thumb(cut)) for line, cut in zip(lines, cuts, strict=True)]
        return [line for line in lines if line.text]

    def _stood(self, box: NDArray[np.float32], cut: NDArray[np.uint8]) -> TextLine | None:
        import cv2

        thumb = _thumb(cut)
        for line, old in self._standing:
            near = float(np.abs(np.array(line.box) - box).max()) <= _SAME_PLACE
            if near and float(cv2.absdiff(thumb, old).mean()) <= _SAME_LOOK:
                return line
        return None

    def _note(self, place: _Place) -> None:
        judgement = place.judgement
        if judgement.failed is not None:
            self._failed = judgement.failed
        for category, score in judgement.scores.items():
            self._best[category] = max(self._best[category], score)
            if score < _TOLD_FROM:
                continue
            if score >= 0.5:
                self._segments[category].add(place.time, place.time + self.period, score)
            told = self._places[category]
            if all(place.text != other.text for other in told):
                told.append(place)
                told.sort(key=lambda p: (-p.judgement.scores[category], p.time))
                del told[MAX_TOLD:]

    def close(self) -> CheckReport:
        name, sha256 = self.check.name, self.check.weights
        if self._failed is not None:
            failed = tuple(Signal.failed(name, c, self._failed) for c in CATEGORIES)
            return CheckReport(failed, self.watch.coverage())
        signals = tuple(
            Signal.ran(
                name,
                category,
                self._best[category],
                weights=sha256[-1],
                segments=self._segments[category].list(),
                detail=self._told(category),
            )
            for category in CATEGORIES
        )
        coverage = self.watch.coverage() | {
            "rule": f"{self.check.settings.rate:g} fps, first frame of each scene",
            "most_lines": self.lines,
        }
        return CheckReport(signals, coverage, self._sealed())

    def _told(self, category: str) -> dict[str, Any]:
        """Where and when, without the words: ``box`` is x, y, width and height in pixels."""
        return {
            "places": [
                {
                    "time": round(place.time, 3),
                    "box": list(place.box),
                    "score": round(place.judgement.scores[category], 4),
                }
                for place in self._places[category]
            ]
        }

    def _sealed(self) -> dict[str, Any]:
        """The words themselves, the worst first, each with what it is worth."""
        every = {place.text: place for told in self._places.values() for place in told}
        worst = sorted(every.values(), key=lambda p: -max(p.judgement.scores.values()))
        return {
            "words": [
                {
                    "text": place.text,
                    "time": round(place.time, 3),
                    "box": list(place.box),
                    "scores": {
                        category: round(score, 4)
                        for category, score in place.judgement.scores.items()
                        if score >= _TOLD_FROM
                    },
                }
                for place in worst[:MAX_WORDS]
            ]
        }


_SAME_PLACE = 4.0
"""Largest move of a corner, in pixels, of a line that stayed."""

_SAME_LOOK = 6.0
"""Largest mean change of a line's small copy, in code values, of a line that stayed."""


def _thumb(cut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A small grey copy that changes when a letter does: a quarter of each side."""
    import cv2

    grey = cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY)
    size = (192, 12)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def paragraphs(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Lines that stand together, in reading order.

    Two belong together when they are about equally tall, lie at most one line's height apart and
    share a part of their width, or follow each other on one line.
    """
    groups: list[list[TextLine]] = []
    for line in lines:
        for group in groups:
            if any(_together(line, other) for other in group):
                group.append(line)
                break
        else:
            groups.append([line])
    return [_in_reading_order(group) for group in groups]


def _in_reading_order(group: list[TextLine]) -> list[TextLine]:
    tall = min(_frame_of(line)[3] for line in group)
    return sorted(
        group, key=lambda line: (round(_frame_of(line)[1] / max(1, tall)), _frame_of(line)[0])
    )


def _together(a: TextLine, b: TextLine) -> bool:
    (ax, ay, aw, ah), (bx, by, bw, bh) = _frame_of(a), _frame_of(b)
    tall = min(ah, bh)
    if max(ah, bh) > 1.8 * tall:
        return False
    across = min(ax + aw, bx + bw) - max(ax, bx)
    down = min(ay + ah, by + bh) - max(ay, by)
    return (across > 0 and down > -1.2 * tall) or (down > 0.5 * tall and across > -2 * tall)


def _frame_of(line: TextLine) -> tuple[int, int, int, int]:
    return _around([line])


def _around(lines: Sequence[TextLine]) -> tuple[int, int, int, int]:
    corners = np.array([corner for line in lines for corner in line.box])
    low, high = corners.min(0), corners.max(0)
    x, y = (int(v) for v in np.floor(low))
    width, height = (int(v) for v in np.ceil(high - low))
    return x, y, max(1, width), max(1, height)
