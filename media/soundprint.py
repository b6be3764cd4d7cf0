"""Fingerprints of sound: 256 bits for each three seconds, as PDQ is for a picture.

The picture is a spectrogram: energy in 64 bands, evenly spaced on a logarithmic scale from 150 Hz
to 4 kHz, 32 times a second, in decibels. Of its two-dimensional cosine transform the 16 lowest
frequencies each way (without the constant ones) are compared with their median, which gives 256
bits. Loudness and evenly turned tone controls shift only what is left out; coding and small changes
of speed move few bits. The idea is that of PDQ (see :mod:`media.hashing`), used on sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Samples a second that are taken in, one channel."""

WINDOW = 3.0
"""Seconds that one fingerprint covers."""

MATCH_DISTANCE = 56
"""Bits by which two fingerprints of the same sound may differ: those of different sounds differ in
80 and more."""

REGISTERED_EVERY = 1 / 8
"""Seconds between the windows that a bank keeps."""

ASKED_EVERY = 9 / 32
"""Seconds between the windows that are looked up: no multiple of the other, so that some lie near
a kept one wherever the sound was cut."""

MIN_QUALITY = 2.0
"""Decibels by which sound has to change, beside a steady one, to be told apart."""

_STEP = RATE // 32
_FRAME = 2048
_BANDS = 64
_ROWS = round(WINDOW * RATE / _STEP)
_KEPT = 16
_LOW, _HIGH = 150.0, 4_000.0
_WIDTH = 3.0
"""Half of a band's width, in steps from one to the next: they overlap, so that a tone that moves a
little moves the picture a little."""

_RANGE = 40.0
"""Decibels below the loudest moment of a window that count as nothing: noise lies there."""

_FLOOR = 1e-7
"""Power below which everything is silence: -70 dB of full scale."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Print:
    """A fingerprint ``uint8 [32]`` of the :data:`WINDOW` that begins ``at`` seconds; ``quality``
    says how much the sound changes, in decibels."""

    at: float
    bits: NDArray[np.uint8]
    quality: float


def prints(blocks: Iterable[Samples], every: float) -> Iterator[Print]:
    """Fingerprints of one channel of sound, ``float32 [N, 1]`` of :data:`RATE` a second.

    ``every`` seconds a window begins, to the next 1/32 s; a track shorter than
    :data:`WINDOW` has none. Memory of one window. Cost: about 3 ms of processor time a second.
    """
    step = max(1, round(every * RATE / _STEP))
    rows: NDArray[np.float32] = np.zeros((0, _BANDS), np.float32)
    first = 0  # the number of rows[0]
    due = 0
    for more in _spectrogram(blocks):
        rows = np.concatenate([rows, more])
        while due + _ROWS <= first + len(rows):
            bits, quality = _hash(rows[due - first : due - first + _ROWS])
            yield Print(due * _STEP / RATE, bits, quality)
            due += step
        rows, first = rows[max(0, due - first) :], max(first, min(due, first + len(rows)))


def _spectrogram(blocks: Iterable[Samples]) -> Iterator[NDArray[np.float32]]:
    """Rows ``float32 [N, 64]`` in decibels, one each 1/32 s."""
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block[:, 0]])
        count = (len(held) - _FRAME) // _STEP + 1
        if count < 8:
            continue
        yield _rows(held, count)
        held = held[count * _STEP :]
    count = (len(held) - _FRAME) // _STEP + 1
    if count > 0:
        yield _rows(held, count)


def _rows(held: Samples, count: int) -> NDArray[np.float32]:
    frames = np.lib.stride_tricks.sliding_window_view(held, _FRAME)[::_STEP][:count]
    window, bands = _tables()
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    return (10 * np.log10(power @ bands + _FLOOR)).astype(np.float32)


@cache
def _tables() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The analysis window, and triangular bands ``float32 [1025, 64]``."""
    window = np.hanning(_FRAME).astype(np.float32)
    hertz = np.fft.rfftfreq(_FRAME, 1 / RATE)
    step = np.log(_HIGH / _LOW) / (_BANDS - 1)
    place = np.log(np.maximum(hertz, 1) / _LOW)[:, None] / step - np.arange(_BANDS)
    bands = np.clip(1 - np.abs(place) / _WIDTH, 0, None)
    return window, (bands / bands.sum(0) / (window**2).sum()).astype(np.float32)


@cache
def _cosines(size: int) -> NDArray[np.float32]:
    """Rows 1 to 16 of the cosine transform, orthonormal: ``float32 [16, size]``."""
    order = np.arange(1, _KEPT + 1)[:, None]
    at = np.arange(size)[None] + 0.5
    return (np.sqrt(2 / size) * np.cos(np.pi * order * at / size)).astype(np.float32)


def _hash(rows: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
    heard = np.maximum(rows, rows.max() - _RANGE)
    kept = _cosines(_ROWS) @ heard @ _cosines(_BANDS).T
    quality = float(np.sqrt((kept**2).sum() / rows.size))
    return np.packbits(kept > np.median(kept)), quality
