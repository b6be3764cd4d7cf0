"""Reference images and videos as native frames: of one native size, 8 a second."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as fn

from generator.dit.native import FPS, SQUARE, Size
from generator.errors import UnsupportedSpec
from media.clip import Pixels
from media.decode import decode
from media.limits import MediaLimits


def native(frame: Pixels, size: Size = SQUARE) -> Tensor:
    """``uint8 [H, W, 3]`` of any size to ``float32 [h, w, 3]``, -1 to 1: the largest middle part
    of the aspect ratio of ``size``, averaged down."""
    height, width = frame.shape[:2]
    scale = min(width / size.width, height / size.height)
    rows, columns = max(1, round(size.height * scale)), max(1, round(size.width * scale))
    top, left = (height - rows) // 2, (width - columns) // 2
    part = torch.from_numpy(np.ascontiguousarray(frame[top : top + rows, left : left + columns]))
    planes = part.permute(2, 0, 1)[None].float()
    small = fn.interpolate(planes, (size.height, size.width), mode="bilinear", antialias=True)
    return (small[0].permute(1, 2, 0).round() / 127.5 - 1).clamp(-1, 1)


def image(path: Path, limits: MediaLimits, size: Size = SQUARE) -> tuple[Tensor, Pixels]:
    """The first picture of a file: native, and as it is (``uint8 [H, W, 3]``).

    Raises the media room's errors for what is no picture or past a limit.
    """
    batches = decode(path, limits)
    try:
        first: Pixels = next(batches).pixels[0]
    finally:
        batches.close()  # type: ignore[attr-defined]
    return native(first, size), first


def video(path: Path, limits: MediaLimits, keep: int, last: bool, size: Size = SQUARE) -> Tensor:
    """``keep`` native frames from the end (``last``) or the start of a video.

    Frames are taken at 8 a second, counted from the end or from the start; a shorter video's
    outermost frame is repeated. Returns ``float32 [keep, h, w, 3]``. Memory: ``keep`` frames.
    Raises the media room's errors.
    """
    step = 1 / FPS
    if not last:
        frames: list[Tensor] = []
        due = 0.0
        for batch in decode(path, limits):
            for frame, at in zip(batch.pixels, batch.times - 0.0, strict=True):
                if at >= due - 1e-6 and len(frames) < keep:
                    frames.append(native(frame, size))
                    due += step
            if len(frames) == keep:
                break
        return torch.stack(frames + [frames[-1]] * (keep - len(frames)))
    # What is a whole number of steps before the end is known only at the end: keep a tail of
    # small frames that is long enough for any rate.
    tail: deque[tuple[float, Tensor]] = deque()
    for batch in decode(path, limits):
        for frame, at in zip(batch.pixels, batch.times, strict=True):
            if tail and at - tail[-1][0] < step / 4 - 1e-6 and len(tail) > 1:
                tail.pop()
            tail.append((float(at), native(frame, size)))
        while len(tail) > 1 and tail[1][0] < tail[-1][0] - keep * step:
            tail.popleft()
    if not tail:
        raise UnsupportedSpec("the reference video has no frame", "give another one")
    end = tail[-1][0]
    picked = []
    for back in range(keep - 1, -1, -1):
        wanted = end - back * step
        picked.append(min(tail, key=lambda item: abs(item[0] - wanted))[1])
    return torch.stack(picked)


def whole(path: Path, limits: MediaLimits, most: int, size: Size = SQUARE) -> Tensor:
    """All native frames of a video, at most ``most``: ``float32 [N, h, w, 3]``.

    Memory: up to 86 kB a frame, 0.7 MB a second.
    """
    frames: list[Tensor] = []
    due = 0.0
    for batch in decode(path, limits):
        for frame, at in zip(batch.pixels, batch.times, strict=True):
            if at >= due - 1e-6:
                frames.append(native(frame, size))
                due += 1 / FPS
        if len(frames) >= most:
            break
    return torch.stack(frames[:most])
