"""Sound that goes with new pictures: read from a source, cut, repeated or crossfaded.

Held as samples in memory, which is bounded by the longest clip that is generated: 46 MB for two
minutes of stereo.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from media.errors import UnreadableMedia
from media.limits import MediaLimits
from media.open import Media, Sound, open_media
from media.open.sound import LAYOUTS

RATE = 48_000
CROSSFADE = 0.05
"""Seconds over which one piece of sound goes over into the next: too short to hear as a fade,
long enough to hear no click."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Soundtrack:
    """``samples`` are ``float32 [N, C]`` of :data:`RATE` a second, C 1 or 2; ``told`` says where
    they come from (a JSON object)."""

    samples: Samples = field(repr=False)
    told: dict[str, Any]

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


def played(media: Media) -> Sound | None:
    """The sound track that a player plays unasked."""
    return next((s for s in media.sounds if s.default), media.sounds[0] if media.sounds else None)


def head(path: Path, seconds: float, limits: MediaLimits) -> Samples | None:
    """The sound of the first ``seconds`` that ``path`` shows; None without a sound track.

    Silence stands where the track begins late or ends early.
    """
    return _read(path, seconds, limits, last=False)


def tail(path: Path, seconds: float, limits: MediaLimits) -> Samples | None:
    """The sound of the last ``seconds`` of ``path``: less of a shorter track, None of none."""
    return _read(path, seconds, limits, last=True)


def _read(path: Path, seconds: float, limits: MediaLimits, *, last: bool) -> Samples | None:
    media = open_media(path, limits)
    track = played(media)
    if track is None:
        return None
    channels = 1 if track.channels == 1 else 2
    need = round(seconds * RATE)
    kept: list[Samples] = []
    held = 0
    try:
        for block in media.sound(track, RATE, channels, aligned=True):
            kept.append(block)
            held += len(block)
            if last:
                while held - len(kept[0]) >= need:
                    held -= len(kept.pop(0))
            elif held >= need:
                break
    except UnreadableMedia:
        # What could be heard is kept; the gate has told the break.
        pass
    sound = np.concatenate(kept) if kept else np.zeros((0, channels), np.float32)
    if last:
        return sound[-need:] if need else sound[:0]
    return fitted(sound, need)


def resampled(sound: Samples, rate: int) -> Samples:
    """``float32 [N, C]`` of ``rate`` a second, C 1 or 2, at :data:`RATE`."""
    if rate == RATE or not len(sound):
        return sound
    layout = LAYOUTS[sound.shape[1]]
    resampler = av.AudioResampler(format="flt", layout=layout, rate=RATE)
    packed = np.ascontiguousarray(sound.reshape(1, -1))
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate = rate
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate(
        [np.asarray(p.to_ndarray(), np.float32).reshape(-1, sound.shape[1]) for p in parts]
    )


def fitted(sound: Samples, need: int) -> Samples:
    """Exactly ``need`` samples: cut, or silence after the end."""
    if len(sound) >= need:
        return sound[:need]
    return np.concatenate([sound, np.zeros((need - len(sound), sound.shape[1]), np.float32)])


def repeated(sound: Samples, need: int) -> Samples:
    """``need`` samples: ``sound`` again and again, each time crossfaded into itself."""
    fade = min(round(CROSSFADE * RATE), len(sound) // 4)
    if len(sound) < 2 or fade == 0:
        return fitted(sound, need)
    out = np.zeros((need, sound.shape[1]), np.float32)
    shape = _fades(len(sound), fade)[:, None] * sound
    step = len(sound) - fade
    for at in range(-fade, need, step):
        begin, end = max(at, 0), min(at + len(sound), need)
        out[begin:end] += shape[begin - at : end - at]
    return out


def crossfaded(first: Samples, second: Samples, need: int) -> Samples:
    """``need`` samples that go from ``first`` to ``second`` at equal power, as different
    recordings do without a dip."""
    channels = max(first.shape[1], second.shape[1])
    one, two = (np.broadcast_to(fitted(s, need), (need, channels)) for s in (first, second))
    angle = np.linspace(0, np.pi / 2, need, dtype=np.float32)[:, None]
    return np.clip(one * np.cos(angle) + two * np.sin(angle), -1, 1).astype(np.float32)


def _fades(length: int, fade: int) -> NDArray[np.float32]:
    # Linear: a sound that goes over into itself is in phase with itself on average.
    shape = np.ones(length, np.float32)
    ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    shape[:fade] = ramp
    shape[-fade:] = 1 - ramp
    return shape
