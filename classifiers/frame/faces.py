"""Faces: how many there are, and, only where the operator asks for it, whose they are.

The detector is MediaPipe's BlazeFace (Bazarevsky et al., 2019; model card: faces from about
8 % of the shorter side on), read from TensorFlow Lite by OpenCV. It finds faces and knows
nobody. Recognition is off by default, and compares only with people who enrolled
(:mod:`classifiers.frame.likeness`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classifiers.aggregation import AggregationSettings, ClipScore
from classifiers.base import CheckReport, FrameTap, StreamInfo
from classifiers.errors import ClassifierError, RuntimeMissing
from classifiers.frame.scored import ABSENT, NotAssessed, Watch
from media.clip import Frames
from media.sampling import View
from policies.decision import Signal

if TYPE_CHECKING:
    from classifiers.registry import WeightsRegistry

WEIGHTS = "blazeface"
_SIDE = 256
_LAYERS = ((16, 2), (8, 6))
"""Cells a side and anchors a cell of the model's two output layers: 896 anchors."""

MIN_SCORE = 0.5
"""Below, the model card calls a detection none."""

_OVERLAP = 0.3
"""Boxes that share more of their area than this are the same face."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face in one frame: the box in pixels, both eyes, and the detector's score."""

    x: float
    y: float
    width: float
    height: float
    right_eye: tuple[float, float]
    left_eye: tuple[float, float]
    score: float


class BlazeFace:
    """The loaded detector; about 15 ms a frame on one free core. Not for several threads."""

    def __init__(self, file: Path) -> None:
        try:
            import cv2
        except ImportError as error:
            raise RuntimeMissing(
                "OpenCV is not installed", "pip install opencv-python-headless"
            ) from error
        try:
            # The newer engine of OpenCV 5 gives only one of the two outputs.
            self._net = cv2.dnn.readNetFromTFLite(str(file), cv2.dnn.ENGINE_CLASSIC)
        except cv2.error as error:
            raise ClassifierError(f"{file.name} cannot be loaded", "pull it again") from error
        self._anchors = _anchors()

    def detect(self, frame: NDArray[np.uint8]) -> list[Face]:
        """Faces of ``uint8 [H, W, 3]``, the surest first."""
        from PIL import Image

        height, width = frame.shape[:2]
        scale = _SIDE / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = Image.fromarray(np.ascontiguousarray(frame)).resize(
            size, Image.Resampling.BILINEAR, reducing_gap=2
        )
        canvas = np.zeros((_SIDE, _SIDE, 3), np.float32)
        left, top = (_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2
        canvas[top : top + size[1], left : left + size[0]] = np.asarray(small, np.float32)
        self._net.setInput(np.ascontiguousarray((canvas / 127.5 - 1).transpose(2, 0, 1)[None]))
        boxes, logits = self._net.forward(["regressors", "classificators"])
        score = 1 / (1 + np.exp(-np.clip(logits.reshape(-1).astype(np.float64), -60, 60)))
        if not np.isfinite(score).all():
            raise ValueError("the detector gave scores that are no numbers")
        chosen = np.flatnonzero(score >= MIN_SCORE)
        values = boxes.reshape(len(score), -1)[chosen].astype(np.float64)
        centre = values[:, :2] + self._anchors[chosen]
        points = values[:, 4:8].reshape(-1, 2, 2) + self._anchors[chosen][:, None]
        shift = np.array([left, top])
        found = []
        for k in _suppress(centre, values[:, 2:4], score[chosen]):
            w, h = values[k, 2:4] / scale
            x, y = (centre[k] - shift) / scale - (w / 2, h / 2)
            eyes = (points[k] - shift) / scale
            found.append(Face(x, y, w, h, tuple(eyes[0]), tuple(eyes[1]), float(score[chosen][k])))
        return found


def _anchors() -> NDArray[np.float64]:
    """Centres of all anchors in pixels of the 256 x 256 input, ``[896, 2]``."""
    parts = []
    for cells, count in _LAYERS:
        step = (np.arange(cells) + 0.5) * _SIDE / cells
        y, x = np.meshgrid(step, step, indexing="ij")
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), count, axis=0))
    return np.concatenate(parts)


def _suppress(
    centre: NDArray[np.float64], size: NDArray[np.float64], score: NDArray[np.float64]
) -> list[int]:
    """Indices of boxes to keep: the surest, and those that are no second sight of one."""
    low, high = centre - size / 2, centre + size / 2
    area = size.prod(1)
    kept: list[int] = []
    for k in np.argsort(-score, kind="stable").tolist():
        new = True
        for j in kept:
            sides = np.minimum(high[k], high[j]) - np.maximum(low[k], low[j])
            both = float(np.clip(sides, 0, None).prod())
            new = new and both <= _OVERLAP * (area[k] + area[j] - both)
        if new:
            kept.append(k)
    return kept


@dataclass(frozen=True, slots=True)
class FaceCheck:
    """Whether a face is visible, and the most in one frame (``most_faces`` of the detail).

    Without the weights or OpenCV it says ``not_assessed``.
    """

    registry: WeightsRegistry
    aggregation: AggregationSettings = field(default_factory=AggregationSettings)
    name: str = "faces"
    categories: tuple[str, ...] = ("face",)

    @property
    def weights(self) -> tuple[str, ...]:
        return (self.registry.pin(WEIGHTS).sha256,)

    def open(self, stream: StreamInfo) -> FrameTap:
        try:
            detector = BlazeFace(self.registry.path(WEIGHTS))
        except ClassifierError as error:
            if error.code in ABSENT:
                return NotAssessed(self.name, self.categories, error.code)
            raise
        return _Tap(self, detector, 1 / stream.fps, ClipScore("face", self.aggregation))


@dataclass(slots=True)
class _Tap:
    check: FaceCheck
    detector: BlazeFace
    period: float
    clip: ClipScore
    watch: Watch = field(default_factory=Watch)
    most: int = 0

    def push(self, frames: Frames) -> None:
        view = View.of(frames)
        for k in np.flatnonzero(view.due).tolist():
            found = self.detector.detect(view.pixels[k])
            self.most = max(self.most, len(found))
            best = max((face.score for face in found), default=0.0)
            self.clip.add(float(view.times[k]), best, self.period)
        self.watch.seen(view.times, view.due)

    def close(self) -> CheckReport:
        name = self.check.name
        if not self.clip.count:
            return CheckReport((Signal.skipped(name, "face", "no_frames"),), {"scored": 0})
        signal = Signal.ran(
            name,
            "face",
            self.clip.score,
            weights=self.check.weights[0],
            segments=self.clip.segments,
            detail={"most_faces": self.most},
        )
        return CheckReport((signal,), self.watch.coverage())
