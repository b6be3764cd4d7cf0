"""From stored pixels to what a screen shows: turned, mirrored, and with square pixels.

The matrix is that of ISO/IEC 14496-12 (``tkhd``), which FFmpeg also makes of EXIF orientations:
nine 32-bit numbers ``a b u c d v x y w``, so that ``x' = a x + c y`` and ``y' = b x + d y``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

SQUARE_ENOUGH = 0.01
"""Pixels that differ from squares by less are left as they are: rounding of a header."""

ASPECTS = (Fraction(1, 8), Fraction(8))
"""Pixel shapes beyond these are taken for nonsense, as players do."""


@dataclass(frozen=True, slots=True)
class Display:
    """What is done to a stored picture, in this order: pixels made square, rows and columns
    exchanged, mirrored left to right, turned upside down."""

    transpose: bool = False
    mirror: bool = False
    flip: bool = False
    aspect: Fraction = Fraction(1)

    @classmethod
    def of(cls, matrix: bytes | None, aspect: Fraction | None) -> Display:
        """From the bytes of a display matrix and the shape of a pixel (width by height).

        Angles between quarter turns count as the nearest quarter.
        """
        shape = aspect if aspect and ASPECTS[0] <= aspect <= ASPECTS[1] else Fraction(1)
        if abs(float(shape) - 1) < SQUARE_ENOUGH:
            shape = Fraction(1)
        if matrix is None or len(matrix) < 36:
            return cls(aspect=shape)
        a, b, _, c, d, *_ = struct.unpack("<9i", matrix[:36])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0, shape)
        return cls(True, c < 0, b < 0, shape)

    @property
    def plain(self) -> bool:
        """Whether stored pixels are shown as they are."""
        return self == Display()

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height on the screen of a picture stored as ``width`` x ``height``."""
        width, height = self._square(width, height)
        return (height, width) if self.transpose else (width, height)

    def _square(self, width: int, height: int) -> tuple[int, int]:
        # Only ever enlarged: nothing that is stored may escape by being averaged away.
        if self.aspect > 1:
            return round(width * self.aspect), height
        return width, round(height / self.aspect)

    def apply(self, picture: NDArray[Any], *, square: bool = True) -> NDArray[Any]:
        """A picture ``[H, W]`` or ``[H, W, C]`` as it is shown; ``square=False`` leaves the shape
        of its pixels as stored."""
        import cv2

        out = picture
        if square and self.aspect != 1:
            size = self._square(out.shape[1], out.shape[0])
            out = np.asarray(cv2.resize(out, size, interpolation=cv2.INTER_LINEAR), out.dtype)
        if self.transpose:
            out = out.swapaxes(0, 1)
        if self.mirror:
            out = out[:, ::-1]
        if self.flip:
            out = out[::-1]
        return np.ascontiguousarray(out)
