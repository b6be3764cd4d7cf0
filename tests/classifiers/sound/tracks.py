"""Tracks that are made here: babble like speech, and music on shared beats, chords and tempi."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 24_000
Track = NDArray[np.float32]


def babble(seed: int, seconds: float = 8.0) -> Track:
    """Voiced and unvoiced syllables of random pitch and vowels, ``float32 [N]``."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    at = 0.0
    while at < seconds:
        length = rng.uniform(0.08, 0.3)
        part = out[round(at * RATE) : round((at + length) * RATE)]
        t = np.arange(len(part)) / RATE
        pitch = rng.uniform(90, 240) * (1 + rng.uniform(-0.2, 0.2) * t / length)
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        vowel = rng.uniform((250, 900, 2200), (900, 2400, 3500))
        if rng.random() < 0.3:
            part += 2 * rng.normal(size=len(part)) * np.hanning(len(part))
        else:
            loud = rng.uniform(0.3, 1) * np.hanning(len(part))
            for k in range(1, 30):
                near = (1 / (1 + ((k * pitch.mean() - vowel) / 120) ** 2)).sum() if len(part) else 0
                part += near * loud * np.sin(k * phase)
        at += length + rng.uniform(0, 0.12)
    return (0.7 * out / np.abs(out).max()).astype(np.float32)


def music(seed: int, seconds: float = 8.0) -> Track:
    """Notes of one scale over drums; tempo, key and drums are shared by many seeds."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    beat, root = 60 / rng.choice([90, 100, 120, 128]), rng.choice([110, 123.5, 130.8, 146.8])
    scale = [0, 2, 4, 5, 7, 9, 11]
    for k in range(int(seconds / (beat / 2))):
        start = round(k * beat / 2 * RATE)
        for _ in range(rng.integers(1, 4)):
            pitch = root * 2 ** (scale[rng.integers(7)] / 12 + rng.integers(0, 3))
            part = out[start : start + round(beat * RATE * rng.choice([0.5, 1, 2]))]
            t = np.arange(len(part)) / RATE
            for n in range(1, 6):
                part += np.sin(2 * np.pi * pitch * n * t) / n * np.exp(-3 * t)
        part = out[start : start + round(0.1 * RATE)]
        t = np.arange(len(part)) / RATE
        drum = rng.normal(size=len(t)) if k % 2 else 2 * np.sin(2 * np.pi * 60 * t)
        part += drum * np.exp(-40 * t)
    return (0.7 * out / np.abs(out).max()).astype(np.float32)


def made(seed: int, seconds: float = 8.0) -> Track:
    return (music if seed % 2 else babble)(seed, seconds)


def faster(track: Track, pace: float) -> Track:
    """Played at ``pace``, pitch and all."""
    at = np.arange(int(len(track) / pace)) * pace
    return np.interp(at, np.arange(len(track)), track).astype(np.float32)


def written(to: Path | io.BytesIO, track: Track, form: str = "mp4", codec: str = "aac") -> None:
    """One channel of sound alone, AAC of 64 kbit/s unless told otherwise."""
    target = str(to) if isinstance(to, Path) else to
    with av.open(target, "w", format=form) as box:
        stream = box.add_stream(codec, rate=RATE, layout="mono")
        stream.bit_rate = 64_000
        for at in range(0, len(track), 1024):
            part = np.ascontiguousarray(track[None, at : at + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
