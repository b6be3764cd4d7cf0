"""Words in a picture: PP-OCRv4's detector, orientation classifier and recogniser by ONNX Runtime.

The three files are those of ``rapidocr-onnxruntime`` (Apache-2.0). Detection is differentiable
binarisation (Liao et al., 2020): a map of text, whose blobs become boxes. Recognition is SVTR-LCNet
with CTC (Du et al., 2022). It reads Chinese and Latin letters; of other scripts it finds the place
and makes up letters, which is why a line counts only where the recogniser is sure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError

LONG_SIDE = 960
"""Pictures are shrunk to this for detection: letters of 2 % of the height stay legible."""

_MAP_LEVEL, _BOX_LEVEL = 0.3, 0.5
"""Where the map counts as text, and the mean that a box must have: the values of PP-OCR."""

_UNCLIP = 1.6
"""The map shows the core of a line; a box grows by this share of its area over its outline."""

_MIN_SIDE = 3
"""Boxes whose core is thinner, in pixels of the map, are noise."""

MAX_BOXES = 64
"""Most lines that are read in one frame, the largest first: a page of print must not stall."""

_HEIGHT = 48
_WIDTHS = (96, 192, 320, 480, 640, 960)
"""Crops are padded to one of these, so that few shapes are planned for and padding stays small."""

_TURN_LEVEL = 0.9
_TURN_WIDTH = 192
_BATCH = 6


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text: its words, the recogniser's mean certainty in [0, 1], and its corners.

    ``box`` is ``((x, y), …)`` in pixels of the frame, clockwise from the upper left.
    """

    text: str
    score: float
    box: tuple[tuple[float, float], ...]


class TextReader:
    """The three loaded models. Not for several threads.

    Detection takes about 0.15 s of processor time for 720p, recognition about 20 ms a line.
    """

    def __init__(self, detector: Path, turner: Path, recogniser: Path, threads: int = 1) -> None:
        self._detector = _session(detector, threads)
        self._turner = _session(turner, threads)
        self._recogniser = _session(recogniser, threads)
        letters = self._recogniser.get_modelmeta().custom_metadata_map.get("character", "")
        if not letters:
            raise ClassifierError(f"{recogniser.name} lists no characters", "pull it again")
        self._letters = ["", *letters.split("\n")]
        # The file's list ends with a line break; the last class of the model is the space.
        self._letters[-1] = self._letters[-1] or " "
        if self._letters[-1] != " ":
            self._letters.append(" ")

    def find(self, frame: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Boxes ``float32 [4, 2]`` of lines in ``uint8 [H, W, 3]`` RGB, top to bottom."""
        import cv2

        height, width = frame.shape[:2]
        scale = min(1.0, LONG_SIDE / max(height, width))
        size = [max(32, round(side * scale / 32) * 32) for side in (width, height)]
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        [found] = self._run(self._detector, _planes(small[:, :, ::-1])[None])
        level = np.asarray(found)[0, 0]
        if not np.isfinite(level).all():
            raise ValueError("the detector gave a map that is no number")
        blobs = cv2.dilate((level > _MAP_LEVEL).astype(np.uint8), np.ones((2, 2), np.uint8))
        outlines, _ = cv2.findContours(blobs, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        boxes = []
        for outline in outlines:
            centre, sides, angle = cv2.minAreaRect(outline)
            if min(sides) < _MIN_SIDE or _mean_inside(level, outline) < _BOX_LEVEL:
                continue
            grow = 2 * _UNCLIP * sides[0] * sides[1] / (2 * (sides[0] + sides[1]))
            corners = cv2.boxPoints((centre, (sides[0] + grow, sides[1] + grow), angle))
            corners *= np.array([width / size[0], height / size[1]], np.float32)
            boxes.append(_clockwise(np.clip(corners, 0, [width - 1, height - 1])))
        boxes.sort(key=lambda box: -float(cv2.contourArea(box)))
        return sorted(boxes[:MAX_BOXES], key=lambda box: (box[0, 1] // 10, box[0, 0]))

    def cut(self, frame: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The line straightened, ``uint8 [48, W, 3]`` RGB."""
        import cv2

        wide = max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[3] - box[2]))
        tall = max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2]))
        size = (max(1, round(float(wide))), max(1, round(float(tall))))
        target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
        view = cv2.getPerspectiveTransform(box.astype(np.float32), target)
        line = cv2.warpPerspective(
            frame, view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        if size[1] >= 1.5 * size[0]:
            line = np.rot90(line)
        width = min(_WIDTHS[-1], max(1, round(line.shape[1] * _HEIGHT / line.shape[0])))
        return np.asarray(cv2.resize(np.ascontiguousarray(line), (width, _HEIGHT)), np.uint8)

    def read(self, lines: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """The text and certainty of each cut-out line, in order."""
        upright = self._upright(lines)
        order = sorted(range(len(upright)), key=lambda k: upright[k].shape[1])
        found: list[tuple[str, float]] = [("", 0.0)] * len(lines)
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            longest = max(upright[k].shape[1] for k in part)
            width = next(w for w in _WIDTHS if w >= longest)
            batch = np.zeros((len(part), 3, _HEIGHT, width), np.float32)
            for row, k in enumerate(part):
                batch[row, :, :, : upright[k].shape[1]] = _planes(upright[k][:, :, ::-1])
            [shares] = self._run(self._recogniser, batch)
            if not np.isfinite(shares).all():
                raise ValueError("the recogniser gave shares that are no numbers")
            for row, k in enumerate(part):
                found[k] = self._letters_of(np.asarray(shares[row]))
        return found

    def lines(self, frame: NDArray[np.uint8]) -> list[TextLine]:
        """Everything that is written in ``uint8 [H, W, 3]`` RGB, top to bottom."""
        boxes = self.find(frame)
        told = self.read([self.cut(frame, box) for box in boxes])
        return [
            TextLine(text, score, tuple((float(x), float(y)) for x, y in box))
            for box, (text, score) in zip(boxes, told, strict=True)
            if text
        ]

    def _upright(self, lines: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        """The lines, those that stand on their heads turned round."""
        import cv2

        turned = list(lines)
        for start in range(0, len(lines), _BATCH):
            part = lines[start : start + _BATCH]
            batch = np.zeros((len(part), 3, _HEIGHT, _TURN_WIDTH), np.float32)
            for row, line in enumerate(part):
                width = min(_TURN_WIDTH, line.shape[1])
                fitted = cv2.resize(line, (width, _HEIGHT))
                batch[row, :, :, :width] = _planes(fitted[:, :, ::-1])
            [shares] = self._run(self._turner, batch)
            for row, share in enumerate(np.asarray(shares)):
                if share[1] > _TURN_LEVEL:
                    turned[start + row] = np.ascontiguousarray(part[row][::-1, ::-1])
        return turned

    def _letters_of(self, shares: NDArray[np.float32]) -> tuple[str, float]:
        """Greedy CTC: the likeliest class of each step, repeats and blanks left out."""
        best = shares.argmax(1)
        keep = best != 0
        keep[1:] &= best[1:] != best[:-1]
        if not keep.any():
            return "", 0.0
        text = "".join(self._letters[k] for k in best[keep])
        return text.strip(), float(shares.max(1)[keep].mean())

    def _run(self, session: Any, batch: NDArray[np.float32]) -> Any:
        return session.run(None, {session.get_inputs()[0].name: batch})


def _session(file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Shapes differ from frame to frame; memory kept for each of them would grow with the clip.
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ClassifierError(f"{file.name} cannot be loaded", "pull it again") from error


def _planes(picture: NDArray[Any]) -> NDArray[np.float32]:
    """``float32 [3, H, W]`` in [-1, 1], the scale of all three models."""
    values = np.asarray(picture, np.float32) * np.float32(2 / 255) - np.float32(1)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _mean_inside(level: NDArray[np.float32], outline: Any) -> float:
    import cv2

    x, y, width, height = cv2.boundingRect(outline)
    inside = np.zeros((height, width), np.uint8)
    cv2.fillPoly(inside, [outline - np.array([[x, y]])], 1)
    return float(cv2.mean(level[y : y + height, x : x + width], inside)[0])


def _clockwise(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Upper left, upper right, lower right, lower left."""
    left, right = np.split(corners[np.argsort(corners[:, 0], kind="stable")], 2)
    left, right = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)
