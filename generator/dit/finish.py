"""From native frames to the asked size and rate: larger in space, between frames in time.

The model's frames have a shorter side of 64 pixels and come 8 times a second. They are enlarged
by a small learned network, once or twice, the second time tile by tile
(:mod:`generator.dit.upscale`); frames in between are mixed from their two neighbours. Other
aspect ratios show the middle of the nearest native size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as fn

from generator.base import Pixels
from generator.dit.native import FPS
from generator.dit.upscale import FACTOR, Upscaler

_AGAIN = 1.5
"""From a first pass on, what is left of the way is bicubic up to this factor."""
_TILE = 128
_BATCH_BYTES = 24 * 1024**2


def enlarge(frames: Tensor, width: int, height: int, upscaler: Upscaler) -> Tensor:
    """Native ``float [T, h, w, 3]``, -1 to 1, to ``float [T, height, width, 3]``.

    Cost on one core: about 15 ms a frame of 256 x 256, 0.2 s one of 1280 x 720.
    """
    planes = frames.permute(0, 3, 1, 2)
    h, w = planes.shape[-2:]
    scale = max(height / h, width / w)
    if scale > 1:
        planes = upscaler(planes).clamp(-1, 1)
        if scale > FACTOR * _AGAIN:
            planes = upscaler(planes, _TILE).clamp(-1, 1)
    reached = planes.shape[-1] / w
    rows, columns = (round(side * reached / scale) for side in (height, width))
    top, left = (planes.shape[-2] - rows) // 2, (planes.shape[-1] - columns) // 2
    planes = planes[:, :, top : top + rows, left : left + columns]
    if planes.shape[-2:] != (height, width):
        planes = fn.interpolate(
            planes, (height, width), mode="bicubic", align_corners=False, antialias=scale < reached
        ).clamp(-1, 1)
    return planes.permute(0, 2, 3, 1)


def pixels(frames: Tensor) -> Pixels:
    """``float [T, H, W, 3]``, -1 to 1, to ``uint8``."""
    return np.ascontiguousarray(frames.add(1).mul(127.5).round().clamp(0, 255).byte().numpy())


def finish(
    frames: Iterator[Tensor],
    count: int,
    fps: float,
    width: int,
    height: int,
    upscaler: Upscaler,
    offset: int = 0,
) -> Iterator[Pixels]:
    """Yield batches ``uint8 [T, H, W, 3]``, ``count`` frames in all.

    ``frames``: native frames ``float [h, w, 3]``, 8 a second, the first at time 0. Output
    frame j shows the time ``(j + offset) / fps``; past the last native frame it is repeated.
    """
    step = max(1, min(16, _BATCH_BYTES // (width * height * 3)))
    large = (enlarge(frame[None], width, height, upscaler)[0] for frame in frames)
    before: Tensor | None = None
    after = next(large)
    index = 0
    batch: list[Tensor] = []
    for j in range(count):
        at = (j + offset) / fps * FPS
        while index < math.ceil(at - 1e-9):
            following = next(large, None)
            if following is None:
                before, index = after, math.ceil(at)
                break
            before, after, index = after, following, index + 1
        part = 1.0 - (index - at)
        batch.append(after if before is None or part >= 1 else torch.lerp(before, after, part))
        if len(batch) == step or j == count - 1:
            yield pixels(torch.stack(batch))
            batch = []
