"""HDR pictures as SDR pictures: what somebody without an HDR screen would see.

PQ (SMPTE ST 2084) and HLG (ITU-R BT.2100) are decoded to light, light is taken relative to the
reference white of 203 cd/m² (ITU-R BT.2408), colours go from BT.2020 to BT.709, and highlights
are rolled off above six tenths of white. An approximation: a colourist's SDR version differs.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from media.clip import Pixels

Light = NDArray[np.float32]


class Transfer(StrEnum):
    """Transfer characteristics that are not SDR (names of ITU-T H.273)."""

    PQ = "smpte2084"
    HLG = "arib-std-b67"


_CODES = {16: Transfer.PQ, 18: Transfer.HLG}
"""Code points of ITU-T H.273, which containers and codecs carry."""

RULE = "203 cd/m2 is white, BT.2020 to BT.709, highlights rolled off from 0.6"
"""What was done, for the coverage record."""

WHITE = 203.0
"""Reference white in cd/m² (BT.2408)."""

_KNEE = 0.6

_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2
"""The display that HLG is shown on, in cd/m², and its system gamma (BT.2100)."""

_BITS = 12

_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
"""Linear BT.2020 to linear BT.709 (BT.2087)."""

_LUMINANCE = np.array([[0.2627, 0.6780, 0.0593]], np.float32)


def transfer_of(code: int | None) -> Transfer | None:
    """PQ or HLG; None for everything else, which is taken for SDR."""
    return _CODES.get(int(code)) if code is not None else None


def pq_to_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """ST 2084's EOTF: signal in [0, 1] to cd/m², at most 10,000."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = np.power(signal, 1 / m2)
    return 10_000.0 * np.power(np.maximum(root - c1, 0) / (c2 - c3 * root), 1 / m1)


def hlg_to_scene(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2100's inverse OETF of HLG: signal in [0, 1] to scene light in [0, 1]."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def roll_off(light: Light) -> Light:
    """Light relative to white, any from 0 on, into [0, 1): unchanged below the knee."""
    over = np.maximum(light - np.float32(_KNEE), 0)
    room = np.float32(1 - _KNEE)
    return np.minimum(light, np.float32(_KNEE)) + room * over / (over + room)


@lru_cache(maxsize=2)
def _decoder(transfer: Transfer) -> Light:
    signal = np.arange(1 << _BITS) / ((1 << _BITS) - 1)
    if transfer is Transfer.PQ:
        return (pq_to_light(signal) / WHITE).astype(np.float32)
    return hlg_to_scene(signal).astype(np.float32)


@lru_cache(maxsize=1)
def _encoder() -> NDArray[np.uint8]:
    light = np.arange(1 << _BITS) / ((1 << _BITS) - 1)
    code = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * code).astype(np.uint8)


def to_sdr(picture: NDArray[np.uint16], transfer: Transfer) -> Pixels:
    """``uint16 [H, W, 3]`` RGB of BT.2020 as ``uint8 [H, W, 3]`` sRGB; about 40 ms for 720p."""
    import cv2

    light = _decoder(transfer).take(picture >> (16 - _BITS))
    if transfer is Transfer.HLG:
        scene = np.asarray(cv2.transform(light, _LUMINANCE), np.float32)
        gain = np.power(np.maximum(scene, 1e-6), np.float32(_HLG_GAMMA - 1))
        light *= (gain * np.float32(_HLG_PEAK / WHITE))[..., None]
    light = np.maximum(np.asarray(cv2.transform(light, _TO_709), np.float32), 0)
    # By the brightest channel, so that a highlight keeps its colour.
    top = light.max(-1)
    light *= (roll_off(top) / np.maximum(top, np.float32(1e-6)))[..., None]
    return _encoder().take(np.round(light * ((1 << _BITS) - 1)).astype(np.uint16))


@lru_cache(maxsize=1)
def _display_light() -> Light:
    return ((np.arange(256) / 255) ** 2.4).astype(np.float32)


def to_709(picture: Pixels) -> Pixels:
    """SDR ``uint8 [H, W, 3]`` RGB with primaries of BT.2020 as the same with those of BT.709.

    Shown light after BT.1886; colours outside BT.709 are clipped, as screens do.
    """
    import cv2

    light = np.asarray(cv2.transform(_display_light().take(picture), _TO_709), np.float32)
    code = np.power(np.clip(light, 0, 1), np.float32(1 / 2.4))
    return np.asarray(np.round(255 * code), np.uint8)
