"""From native frames to the asked size and rate: between frames in time, larger in space.

The model's frames have a shorter side of 64 pixels and come 8 times a second. Frames in between
are mixed from their two neighbours; pictures are enlarged by a bicubic filter and their edges,
which the enlargement leaves soft, are steepened by a shock filter (Osher & Rudin 1990): every
pixel moves towards its brighter or darker neighbourhood, by the sign of the second derivative.
Nothing is invented beyond what the model drew. Other aspect ratios show the middle of the
nearest native size.
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

_SHARPEN_SCALE = 4.0
"""The shock filter works at this scale at most; above it edges are steep enough to enlarge."""
_ROUNDS = 3
_BATCH_BYTES = 24 * 1024**2


def enlarge(frames: Tensor, width: int, height: int) -> Pixels:
    """Native ``float [T, h, w, 3]``, -1 to 1, to ``uint8 [T, height, width, 3]``.

    Cost: about 12 ms a frame of 512 x 512 on one core.
    """
    planes = frames.permute(0, 3, 1, 2)
    h, w = planes.shape[-2:]
    scale = max(height / h, width / w)
    middle = min(_SHARPEN_SCALE, max(1.0, scale))
    if middle > 1:
        h, w = round(h * middle), round(w * middle)
        planes = fn.interpolate(planes, (h, w), mode="bicubic", align_corners=False)
        planes = _steepen(planes, _ROUNDS)
    top = round((h - height * middle / scale) / 2)
    left = round((w - width * middle / scale) / 2)
    planes = planes[:, :, top : h - top, left : w - left]
    if planes.shape[-2:] != (height, width):
        mode = "bicubic" if height * width <= 1024**2 else "bilinear"
        planes = fn.interpolate(
            planes, (height, width), mode=mode, align_corners=False, antialias=scale < 1
        )
    pixels = planes.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())


def _steepen(planes: Tensor, rounds: int) -> Tensor:
    low, high = -1.0, 1.0
    for _ in range(rounds):
        padded = fn.pad(planes, (1, 1, 1, 1), mode="replicate")
        up, down = padded[:, :, :-2, 1:-1], padded[:, :, 2:, 1:-1]
        left, right = padded[:, :, 1:-1, :-2], padded[:, :, 1:-1, 2:]
        bend = (up + down + left + right - 4 * planes).mean(1, keepdim=True)
        # A soft sign: flat parts, whose bend is codec noise, stay as they are.
        pull = bend / (bend.abs() + 0.012)
        most = torch.maximum(torch.maximum(up, down), torch.maximum(left, right))
        least = torch.minimum(torch.minimum(up, down), torch.minimum(left, right))
        move = torch.where(pull < 0, (most - planes).clamp(min=0), (planes - least).clamp(min=0))
        planes = planes - 0.45 * pull * move
    return planes.clamp(low, high)


def finish(
    frames: Iterator[Tensor], count: int, fps: float, width: int, height: int, offset: int = 0
) -> Iterator[Pixels]:
    """Yield batches ``uint8 [T, H, W, 3]``, ``count`` frames in all.

    ``frames``: native frames ``float [h, w, 3]``, 8 a second, the first at time 0. Output
    frame j shows the time ``(j + offset) / fps``; past the last native frame it is repeated.
    """
    step = max(1, min(16, _BATCH_BYTES // (width * height * 3)))
    before: Tensor | None = None
    after = next(frames)
    index = 0
    batch: list[Tensor] = []
    for j in range(count):
        at = (j + offset) / fps * FPS
        while index < math.ceil(at - 1e-9):
            following = next(frames, None)
            if following is None:
                before, index = after, math.ceil(at)
                break
            before, after, index = after, following, index + 1
        part = 1.0 - (index - at)
        batch.append(after if before is None or part >= 1 else torch.lerp(before, after, part))
        if len(batch) == step or j == count - 1:
            yield enlarge(torch.stack(batch), width, height)
            batch = []
