"""Pictures that have something of photographs, for tests and benchmarks."""

from __future__ import annotations

import numpy as np

from media.clip import Pixels


def picture(seed: int, height: int = 216, width: int = 384) -> Pixels:
    """1/f noise in colour with a few discs in front. ``uint8 [H, W, 3]``."""
    rng = np.random.default_rng(seed)
    fy, fx = np.fft.fftfreq(height)[:, None, None], np.fft.rfftfreq(width)[None, :, None]
    noise = np.fft.rfftn(rng.normal(size=(height, width, 3)), axes=(0, 1))
    noise /= np.maximum(np.hypot(fy, fx), 1 / width) ** 1.2
    field = np.fft.irfftn(noise, s=(height, width), axes=(0, 1))
    out = ((field - field.min()) / (field.max() - field.min()) * 255).astype(np.uint8)
    y, x = np.mgrid[:height, :width]
    for _ in range(6):
        centre, radius = rng.random(2) * (height, width), rng.uniform(8, 60)
        out[(y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2] = rng.integers(0, 255, 3)
    return out
