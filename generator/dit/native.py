"""The model's native format: what one window of video is, in pixels and in time."""

from __future__ import annotations

import math
from typing import NamedTuple

SIDE = 64
"""The shorter side of a native frame, in pixels."""
FPS = 8
"""Native frames per second."""
SPAN = 4
"""Frames in a latent group; the first group of a window is a single frame."""
GROUPS = 5
"""Latent groups in a full window: 1 + 4 x 4 = 17 frames, a little over two seconds."""
PATCH = 16
"""Side of the square of pixels that one token covers."""


class Size(NamedTuple):
    """Width and height of native frames, in pixels; whole numbers of patches."""

    width: int
    height: int

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of tokens."""
        return self.height // PATCH, self.width // PATCH


SQUARE, WIDE, TALL = Size(SIDE, SIDE), Size(112, SIDE), Size(SIDE, 112)
SIZES = (SQUARE, WIDE, TALL)
"""What the model is trained on: 1:1, 7:4 and 4:7."""


def nearest(width: int, height: int) -> Size:
    """The native size whose aspect ratio is nearest."""
    return min(SIZES, key=lambda size: abs(math.log(width * size.height / height / size.width)))


def frames_of(groups: int) -> int:
    """Frames in a window of ``groups`` groups (the first holds one frame)."""
    return 1 + SPAN * (groups - 1)
