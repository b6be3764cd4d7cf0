"""A part of the received frames: the screen that was filmed, or the inset."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Part:
    """A quadrilateral of frames of one size.

    ``corners`` are its (x, y) in pixels, clockwise from the upper left; ``frame`` is the frame's
    (width, height), ``size`` that of the part turned upright.
    """

    corners: tuple[tuple[float, float], ...]
    frame: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def of(cls, corners: NDArray[np.float64], frame: tuple[int, int]) -> Part:
        """``corners`` is ``float64 [4, 2]``; the size follows from the sides' mean lengths."""
        from provenance.watermark.residual import WORK_SIDE

        side = [float(np.hypot(*(b - a))) for a, b in pairwise([*corners, corners[0]])]
        width, height = (side[0] + side[2]) / 2, (side[1] + side[3]) / 2
        scale = min(1.0, WORK_SIDE / min(width, height))
        size = (max(16, round(width * scale)), max(16, round(height * scale)))
        return cls(tuple((float(x), float(y)) for x, y in corners), frame, size)

    @classmethod
    def of_box(cls, box: tuple[int, int, int, int], frame: tuple[int, int]) -> Part:
        """``box`` is left, top, right, bottom."""
        left, top, right, bottom = box
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        return cls.of(np.array(corners, dtype=np.float64), frame)

    def scaled(self, frame: tuple[int, int]) -> Part:
        """The same part of frames of another size; its upright size stays."""
        x, y = frame[0] / self.frame[0], frame[1] / self.frame[1]
        return Part(tuple((a * x, b * y) for a, b in self.corners), frame, self.size)

    def cut(self, luma: Luma, size: tuple[int, int] | None = None) -> Luma:
        """This part of a frame, of any scale, as an upright picture of ``size``, ``[h, w]``."""
        import cv2

        width, height = size or self.size
        at = np.array(self.scaled((luma.shape[1], luma.shape[0])).corners)
        (left, top), (right, bottom) = at[0], at[2]
        if np.array_equal(at, [[left, top], [right, top], [right, bottom], [left, bottom]]):
            left, top, right, bottom = (round(float(v)) for v in (left, top, right, bottom))
            piece = luma[max(top, 0) : bottom, max(left, 0) : right]
            if piece.shape == (height, width):
                return np.ascontiguousarray(piece)
            if piece.size:
                shrunk = cv2.INTER_AREA if piece.shape[0] > height else cv2.INTER_LINEAR
                return np.asarray(cv2.resize(piece, (width, height), interpolation=shrunk))
        flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
        m = cv2.getPerspectiveTransform(flat - np.float32(0.5), at.astype(np.float32))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpPerspective(luma, m, (width, height), flags=flags))
