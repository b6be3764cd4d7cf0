"""Small hosts for the tests: rough ground under a moving camera, and other frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.watermark import KeyRing

KEYS = KeyRing.from_secrets(b"k" * 32)
OTHER_KEYS = KeyRing.from_secrets(b"o" * 32)
PAYLOAD = 0x0123456789ABCDEF


def texture(height: int, width: int, seed: int = 0, slope: float = 1.3) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    fy = np.fft.fftfreq(height)[:, None] * height
    fx = np.fft.rfftfreq(width)[None] * width
    radius = np.hypot(fy, fx)
    radius[0, 0] = 1
    field = np.fft.irfft2(
        np.fft.rfft2(rng.standard_normal((height, width))) / radius**slope, (height, width)
    )
    return (field - field.mean()) / field.std()


def clip(height: int, width: int, frames: int = 12, seed: int = 0) -> NDArray[np.uint8]:
    """``uint8 [frames, height, width, 3]``, panning."""
    wide = 128 + 40 * texture(height, width + 4 * frames, seed)
    tint = np.array([1.0, 0.9, 0.8])
    return np.stack(
        [
            np.clip(wide[:, 4 * i : 4 * i + width, None] * tint, 0, 255).astype(np.uint8)
            for i in range(frames)
        ]
    )
