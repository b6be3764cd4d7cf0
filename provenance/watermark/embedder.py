"""Adds the mark to a stream of frames.

The same keyed pattern goes into every frame, shaped frame by frame by what a viewer forgives
(:mod:`provenance.watermark.mask`). Only luma changes: the same amount is added to R, G and B.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from provenance.watermark import carrier as carriers
from provenance.watermark.errors import FrameUnsuitable
from provenance.watermark.keys import KeyRing
from provenance.watermark.mask import Mask, MaskSettings
from provenance.watermark.pattern import pattern
from provenance.watermark.plan import Plan, choose
from provenance.watermark.residual import Accumulator, luma_of, shrink

Pixels = NDArray[np.uint8]
FINEST_HALVED = 7.0
"""Pixels: the shortest wavelength that is drawn at half the resolution."""


class EmbedderSettings(BaseModel):
    """How the mark is put in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mask: MaskSettings = Field(default_factory=MaskSettings, description="what a viewer forgives")
    cut_boost: float = Field(
        2.4, ge=0, description="extra share of the mark right after the start and after a cut"
    )
    cut_smooth: float = Field(
        0.1, ge=0, le=1, description="how much of that extra smooth areas get: there it is seen"
    )
    cut_frames: float = Field(1.2, gt=0, description="frames in which that extra falls to 1/e")
    cut_change: float = Field(
        20.0, gt=0, description="mean change of luma, in grey levels, that is a cut"
    )


class Embedder:
    """Marks the frames of one clip, in order, with one payload.

    ``payload`` is an unsigned number of ``payload_bits`` (64 or 128) bits. ``strength`` scales
    the mark; :func:`provenance.watermark.assure` says how much a clip allows. Frames are
    ``uint8 [T, H, W, 3]`` RGB of ``height`` × ``width``, any batch length. Where the mark lies
    is planned on the first batch, unless a ``plan`` is given (see :meth:`look`).

    The first frames of a clip and of a scene carry more: codecs spend their bits there, and the
    eye is slow after a cut (Seyler and Budrikis 1965).

    Raises :class:`PayloadInvalid` and :class:`FrameUnsuitable`. Cost: under 5 ms for a 720p
    frame on one core, memory of a few frames. Not for sharing between threads.
    """

    def __init__(
        self,
        keys: KeyRing,
        payload: int,
        width: int,
        height: int,
        *,
        payload_bits: int = 64,
        strength: float = 1.0,
        plan: Plan | None = None,
        settings: EmbedderSettings | None = None,
    ) -> None:
        self._bits = carriers.payload_to_bits(payload, payload_bits)
        if min(width, height) < carriers.MIN_SIDE:
            raise FrameUnsuitable(
                f"frames of {width}x{height} are too small to carry the mark",
                f"use at least {carriers.MIN_SIDE} pixels on each side",
            )
        self.payload = payload
        self.payload_bits = payload_bits
        self._key = keys.active
        self.width, self.height = width, height
        self.strength = strength
        self.settings = settings or EmbedderSettings()
        factor = carriers.period_factor(self._key, payload, payload_bits)
        self.period = carriers.period(width, height) * factor
        self.plan: Plan | None = None
        self._since_cut = 0
        # Half the resolution holds the pattern, except the fine one of small frames.
        step = 2 if self.period / carriers.RING_HIGH >= FINEST_HALVED else 1
        half_width, half_height = self._half = (-(-width // step), -(-height // step))
        self._mask = Mask(half_height, half_width, self.settings.mask)
        self._middle = np.full((height, width), 128, dtype=np.uint8)
        self._luma, self._shifted, self._part = (self._middle.copy() for _ in range(3))
        self._small = np.zeros((half_height, half_width), dtype=np.uint8)
        self._last: NDArray[np.int16] | None = None
        self._change = np.zeros((half_height, half_width), dtype=np.float32)
        self._whole = np.zeros((height, width), dtype=np.float32)
        self._three = np.zeros((height, width, 3), dtype=np.uint8)
        if plan is not None:
            self._follow(plan)

    @property
    def key_id(self) -> str:
        return self._key.key_id

    def look(self, pixels: Sequence[Pixels] | Pixels) -> Plan:
        """Plan on unmarked sample frames of the clip, the very first frame first.

        The first frame, which codecs keep best, weighs as much as the mean of all.
        """
        every = Accumulator()
        first = None
        for frame in pixels:
            every.add(shrink(luma_of(frame)))
            first = every.mean() if first is None else first
        if first is None:
            raise FrameUnsuitable("no frame to look at", "give at least one frame")
        fields = [first] if every.frames == 1 else [first, every.mean()]
        period = self.period * first.shape[1] / self.width
        plan = choose(self._key, self.payload, self.payload_bits, period, fields)
        self._follow(plan)
        return plan

    def _follow(self, plan: Plan) -> None:
        self.plan = plan
        chosen = carriers.carrier(self._key, plan.carrier, self.payload_bits)
        self._pattern = pattern(
            chosen.signs(self._bits),
            *self._half,
            self.period * self._half[0] / self.width,
            plan.offset_x,
            plan.offset_y,
        )

    def embed(self, pixels: Pixels, out: Pixels | None = None) -> Pixels:
        """A marked copy of the batch, same shape. ``out`` may be ``pixels`` itself: in place."""
        expected = (self.height, self.width, 3)
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != expected:
            raise FrameUnsuitable(
                f"expected uint8 frames of {expected}, got {pixels.dtype} {pixels.shape}",
                "give frames of the size that the embedder was made for",
            )
        if self.plan is None and len(pixels):
            self.look(pixels)
        out = np.empty_like(pixels) if out is None else out
        for frame, marked in zip(pixels, out, strict=True):
            self._frame(np.ascontiguousarray(frame), marked)
        return out

    def _frame(self, frame: Pixels, marked: Pixels) -> None:
        cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY, dst=self._luma)
        cv2.resize(self._luma, self._half, dst=self._small, interpolation=cv2.INTER_AREA)
        extra = self._extra()
        mask = self._mask.of(self._small, 1 + extra * self.settings.cut_smooth, 1 + extra)
        cv2.resize(mask, self._half, dst=self._change, interpolation=cv2.INTER_LINEAR)
        cv2.multiply(self._change, self._pattern, dst=self._change)
        size = (self.width, self.height)
        cv2.resize(self._change, size, dst=self._whole, interpolation=cv2.INTER_LINEAR)
        # Saturating 8-bit operations are several times faster than any in 16 bits or floats.
        cv2.convertScaleAbs(self._whole, dst=self._shifted, alpha=self.strength, beta=128)
        cv2.subtract(self._shifted, self._middle, dst=self._part)
        cv2.add(frame, cv2.merge([self._part] * 3, dst=self._three), dst=marked)
        cv2.subtract(self._middle, self._shifted, dst=self._part)
        cv2.subtract(marked, cv2.merge([self._part] * 3, dst=self._three), dst=marked)

    def _extra(self) -> float:
        glance = self._small[::8, ::8].astype(np.int16)
        if self._last is None or np.abs(glance - self._last).mean() > self.settings.cut_change:
            self._since_cut = 0
        self._last = glance
        fall = np.exp(-self._since_cut / self.settings.cut_frames)
        self._since_cut += 1
        return float(self.settings.cut_boost * fall)
