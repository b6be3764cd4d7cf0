"""Which frames are looked at, and small copies of them that every cheap check can share.

Cheap checks see every frame, as :attr:`View.small`. Heavy models see the frames whose
:attr:`View.due` is set: one at least every 1/``rate`` seconds, and the first frame of each
scene. The phase follows from what is looked at, so the same file is always judged by the same
frames, and from a secret, so that nobody who lacks it can place a frame between the samples.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from media.clip import Frames, Pixels


class SamplingSettings(BaseModel):
    """How frames are chosen for heavy models, and what counts as a new scene."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(4.0, ge=1, description="frames scored per second by heavy models")
    short_side: int = Field(
        160, ge=16, description="cheap checks see frames averaged down to at least this short side"
    )
    cut_change: float = Field(
        0.08, gt=0, le=1, description="mean change of brightness (0 to 1) that can be a scene cut"
    )
    cut_ratio: float = Field(
        3.0, ge=1, description="a cut changes this many times more than the last second did"
    )
    cut_gap_ms: int = Field(
        250, ge=0, description="no second cut within this time, so that flicker adds no load"
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="decides the phase together with the content; empty: a key of this home's own",
    )


class View(Frames):
    """A batch with what the taps share: computed once, only when somebody asks.

    ``due`` is ``bool [T]``: frames that heavy models must score. ``cuts`` is ``bool [T]``:
    the first frames of scenes. A plain :class:`Frames` becomes a view with every frame due.
    """

    __slots__ = ("_luma", "_small", "cuts", "due", "short_side")

    def __init__(
        self,
        frames: Frames,
        due: NDArray[np.bool_] | None = None,
        cuts: NDArray[np.bool_] | None = None,
        short_side: int = 160,
    ) -> None:
        super().__init__(frames.pixels, frames.times, frames.index)
        every = np.ones(len(frames), dtype=np.bool_)
        first = every & (np.arange(len(frames)) + frames.index == 0)
        for name, value in (
            ("due", every if due is None else due),
            ("cuts", first if cuts is None else cuts),
            ("short_side", short_side),
            ("_small", None),
            ("_luma", None),
        ):
            object.__setattr__(self, name, value)

    due: NDArray[np.bool_]
    cuts: NDArray[np.bool_]
    short_side: int
    _small: Pixels | None
    _luma: NDArray[np.uint8] | None

    @classmethod
    def of(cls, frames: Frames) -> View:
        """The same object when it is a view already."""
        return frames if isinstance(frames, View) else cls(frames)

    @property
    def small(self) -> Pixels:
        """``uint8 [T, h, w, 3]``: means over square blocks; about 0.5 ms for each 720p frame."""
        if self._small is None:
            object.__setattr__(self, "_small", shrink(self.pixels, self.short_side))
        assert self._small is not None
        return self._small

    @property
    def luma(self) -> NDArray[np.uint8]:
        """``uint8 [T, h, w]``: Rec. 709 luma of :attr:`small`, gamma-encoded."""
        if self._luma is None:
            object.__setattr__(self, "_luma", luma(self.small))
        assert self._luma is not None
        return self._luma


def shrink(pixels: Pixels, short_side: int) -> Pixels:
    """Means over k x k blocks, k the largest that keeps both sides at least ``short_side``."""
    height, width = pixels.shape[1:3]
    k = max(1, min(height, width) // short_side)
    if k == 1 or len(pixels) == 0:
        return pixels
    small = np.empty((len(pixels), -(-height // k), -(-width // k), 3), np.uint8)
    for frame, into in zip(pixels, small, strict=True):
        _means(frame, k, into)
    return small


def _means(frame: Pixels, k: int, into: Pixels) -> None:
    # Halving is what OpenCV does fastest: 0.4 ms for 720p where one step of four takes 1.1.
    import cv2

    while k % 2 == 0 and k > 2:
        half = (-(-frame.shape[1] // 2), -(-frame.shape[0] // 2))
        frame = np.asarray(cv2.resize(frame, half, interpolation=cv2.INTER_AREA), np.uint8)
        k //= 2
    cv2.resize(frame, into.shape[1::-1], dst=into, interpolation=cv2.INTER_AREA)


def luma(pixels: Pixels) -> NDArray[np.uint8]:
    """Rec. 709 luma, ``uint8`` of the same shape without the last axis."""
    import cv2

    flat = pixels.reshape(-1, pixels.shape[-2], 3)
    return cv2.transform(flat, _LUMA).reshape(pixels.shape[:-1]).astype(np.uint8, copy=False)


_LUMA = np.array([[0.2126, 0.7152, 0.0722]], np.float32)

_GRID = (12, 20)
"""Cells (rows, columns) whose mean brightness tells scenes apart."""


@dataclass(slots=True)
class SceneCuts:
    """Finds the first frames of scenes in a stream; memory does not grow.

    A frame starts a scene when the mean change of its coarse brightness against the frame
    before is at least ``cut_change`` and ``cut_ratio`` times the running mean of changes.
    """

    settings: SamplingSettings
    _last: NDArray[np.float32] | None = None
    _usual: float = 0.0
    _cut_time: float = float("-inf")

    def mark(self, view: View) -> NDArray[np.bool_]:
        """``bool [T]`` for the next batch."""
        cuts = np.zeros(len(view), dtype=np.bool_)
        for k, picture in enumerate(view.luma):
            time = float(view.times[k])
            coarse = _coarse(picture)
            if self._last is None:
                cuts[k] = True
                self._cut_time = time
            else:
                change = float(np.abs(coarse - self._last).mean()) / 255
                far = (time - self._cut_time) * 1000 >= self.settings.cut_gap_ms
                new = change >= max(self.settings.cut_change, self.settings.cut_ratio * self._usual)
                if new and far:
                    cuts[k] = True
                    self._cut_time = time
                else:
                    self._usual += 0.1 * (change - self._usual)
            self._last = coarse
        return cuts


def _coarse(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    rows, columns = min(_GRID[0], picture.shape[0]), min(_GRID[1], picture.shape[1])
    tall, wide = picture.shape[0] // rows, picture.shape[1] // columns
    cut = picture[: rows * tall, : columns * wide]
    return cut.reshape(rows, tall, columns, wide).mean((1, 3), dtype=np.float32)


def steady_seed(content: bytes, settings: SamplingSettings) -> int:
    """The seed for this content: always the same one, and not to be foreseen without the secret.

    ``content`` is what tells the stream apart: a file's SHA-256, or the bytes of a first frame.
    """
    key = hashlib.sha256(settings.secret.get_secret_value().encode()).digest()
    digest = hashlib.blake2b(content, key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 33


@dataclass(slots=True)
class Sampler:
    """Says which frames heavy models must score: ``rate`` a second, and each scene's first.

    The largest gap between two chosen frames of a stream with frame period ``p`` is at most
    ``1 / rate + p`` seconds.
    """

    settings: SamplingSettings
    seed: int
    _next: float = field(init=False)
    _started: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._next = random.Random(self.seed).random() / self.settings.rate

    @property
    def rule(self) -> str:
        return f"{self.settings.rate:g} fps, phase by content, first frame of each scene"

    def due(self, times: NDArray[np.float64], cuts: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """``bool [T]`` for the next batch with these times (seconds, rising)."""
        chosen = cuts.copy()
        period = 1 / self.settings.rate
        for k, time in enumerate(times):
            if not self._started:
                self._next += float(time)
                self._started = True
                chosen[k] = True
            if time >= self._next:
                chosen[k] = True
                self._next += period * (1 + (float(time) - self._next) // period)
        return chosen
