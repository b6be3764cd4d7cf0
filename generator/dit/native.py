"""The model's native format: what one window of video is, in pixels and in time."""

from __future__ import annotations

SIDE = 64
"""Height and width of the square native frame, in pixels."""
FPS = 8
"""Native frames per second."""
SPAN = 4
"""Frames in a latent group; the first group of a window is a single frame."""
GROUPS = 5
"""Latent groups in a full window: 1 + 4 x 4 = 17 frames, a little over two seconds."""
PATCH = 16
"""Side of the square of pixels that one token covers."""


def frames_of(groups: int) -> int:
    """Frames in a window of ``groups`` groups (the first holds one frame)."""
    return 1 + SPAN * (groups - 1)
