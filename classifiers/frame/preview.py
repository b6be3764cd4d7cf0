"""The gate in the middle of a generation: previews are looked at, a block stops the generator.

Only a block stops. What a preview leaves open (a review, a check that did not run, a backend
without previews) is left to the output gate, which sees every frame of the finished clip.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from classifiers.base import FrameCheck, StreamInfo
from classifiers.frame.gate import FrameGate, GateReport
from classifiers.frame.settings import FrameSettings
from media.clip import Frames, Pixels

_log = logging.getLogger(__name__)


class PreviewStopped(Exception):
    """A preview was blocked after ``index`` of ``total`` steps; ``report`` says why."""

    def __init__(self, report: GateReport, index: int, total: int) -> None:
        super().__init__(f"stopped after step {index} of {total}")
        self.report = report
        self.index = index
        self.total = total


@dataclass(slots=True)
class PreviewGate:
    """Call it after each step of a generation; it looks at some previews, and may stop it.

    ``stops`` says whether a report leads to a block; ``passed`` is told of every look that did
    not stop: its report, its frames ``uint8 [T, H, W, 3]``, steps done and steps in all.
    ``seconds`` is the length of the clip that the preview's frames are spread over. Looks happen
    at the shares of ``settings.preview_at``, all before half of the steps.
    """

    checks: Sequence[FrameCheck]
    stops: Callable[[GateReport], bool]
    seconds: float
    settings: FrameSettings = field(default_factory=FrameSettings)
    passed: Callable[[GateReport, Pixels, int, int], None] = lambda report, pixels, index, total: (
        None
    )
    looks: list[dict[str, Any]] = field(default_factory=list)
    _done: int = 0

    def __call__(self, index: int, total: int, preview: Callable[[], Pixels | None]) -> None:
        """``index`` of ``total`` steps are done. Raises :class:`PreviewStopped`."""
        due = sum(index >= share * total for share in self.settings.preview_at)
        if due <= self._done or 2 * index >= total:
            return
        self._done = due
        try:
            pixels = preview()
        except Exception as error:  # noqa: BLE001 - the output gate still sees the clip
            _log.error("no preview after step %d", index, exc_info=error)
            pixels = None
        if pixels is None or not len(pixels):
            self.looks.append({"step": index, "of": total, "frames": 0})
            return
        report = self._look(pixels)
        self.looks.append({"step": index, "of": total, "frames": len(pixels)})
        if self.stops(report):
            raise PreviewStopped(report, index, total)
        self.passed(report, pixels, index, total)

    def _look(self, pixels: Pixels) -> GateReport:
        rate = max(len(pixels) / self.seconds, 1.0) if self.seconds > 0 else 1.0
        info = StreamInfo(pixels.shape[2], pixels.shape[1], rate, len(pixels))
        gate = FrameGate(self.checks, info, self.settings)
        step = max(1, self.settings.preview_batch)
        for k in range(0, len(pixels), step):
            part = np.ascontiguousarray(pixels[k : k + step])
            gate.push(Frames(part, np.arange(k, k + len(part)) / rate, k))
        return gate.close()
