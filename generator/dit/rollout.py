"""Every mode as a stream of native frames: windows of seventeen frames that overlap.

A window is one single frame and four groups of four. To go on, the last five frames become its
first two groups; to go back, the first eight become its last two; to connect two clips, both
ends are given. What is given stays, what is between is sampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from generator.dit.codec import Codec
from generator.dit.model import VideoDiT
from generator.dit.native import FPS, GROUPS, SPAN, SQUARE, Size, frames_of
from generator.dit.sample import Given, OnLatents, SamplingPlan, Source, sample

WINDOW = frames_of(GROUPS)
CONTEXT = 1 + SPAN
"""Frames that a following window is given."""
FRESH = WINDOW - CONTEXT
"""Frames that it adds."""

TRUST = 0.95
"""The level at which a window is shown what the window before it drew."""


@dataclass(slots=True)
class Roller:
    """Samples windows one after another. Its chance comes from ``seed`` alone."""

    model: VideoDiT
    codec: Codec
    words: Tensor
    plan: SamplingPlan
    rng: torch.Generator
    on_step: Callable[[int], OnLatents]
    size: Size = SQUARE
    window: int = 0

    def _noise(self, groups: int) -> Tensor:
        shape = (1, groups, *self.size.grid, self.model.shape.channels)
        return torch.randn(shape, generator=self.rng)

    def _sample(
        self,
        given: Given | None = None,
        source: Source | None = None,
        groups: int = GROUPS,
    ) -> Tensor:
        latents = sample(
            self.model,
            self.words[None],
            self._noise(groups),
            self.plan,
            given,
            source,
            self.on_step(self.window),
        )
        self.window += 1
        return latents

    def _encode(self, frames: Tensor) -> Tensor:
        """``float [F, H, W, 3]`` (F = 1 + 4k) to latents ``[1, G, h, w, C]``."""
        return self.codec.encode((frames[None] + 1) * 127.5)

    def _decode(self, latents: Tensor) -> Tensor:
        return self.codec.decode(latents)[0].clamp(-1, 1)

    def still(self) -> Tensor:
        """One frame ``[H, W, 3]``."""
        return self._decode(self._sample(groups=1))[0]

    def forward(
        self, first: Tensor | None = None, history: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Endless frames ``[H, W, 3]``.

        ``first``: a given first frame (animate), which comes out first. ``history``: at least
        nine frames to go on from; they do not come out again.
        """
        if history is None:
            given = None
            if first is not None:
                known = self._pad(self._encode(first[None]), before=0)
                given = Given(torch.arange(GROUPS) < 1, known)
            clip = self._decode(self._sample(given))
            if first is not None:
                clip[1:] = _settled(clip[1:], first - clip[0])
                clip[0] = first
            yield from clip
        else:
            known = self._pad(self._encode(history[-9:]), before=0)
            clip = self._decode(self._sample(Given(torch.arange(GROUPS) < 3, known)))
            clip[9:] = _settled(clip[9:], history[-1] - clip[8])
            yield from clip[9:]
        while True:
            known = self._pad(self._encode(clip[-CONTEXT:]), before=0)
            drawn = torch.arange(GROUPS) < 2
            clip = self._decode(self._sample(Given(drawn, known, TRUST)))
            yield from clip[CONTEXT:]

    def backward(self, future: Tensor, count: int) -> Tensor:
        """At least ``count`` frames that end where ``future [>= 8, ...]`` begins, in time order.

        Memory: up to 86 kB a frame.
        """
        parts: list[Tensor] = []
        ahead = future[:8]
        while sum(len(part) for part in parts) < count:
            # The first group of an encoding is a single frame: encode with a copy, drop it.
            latents = self._encode(torch.cat([ahead[:1], ahead]))[:, 1:]
            known = self._pad(latents, before=GROUPS - 2)
            clip = self._decode(self._sample(Given(torch.arange(GROUPS) >= 3, known)))
            missed = ahead[0] - clip[9]
            clip[:9] = _settled(clip[:9].flip(0), missed).flip(0)
            parts.insert(0, clip[:9])
            ahead = torch.cat([clip[:9], ahead])[:8]
        return torch.cat(parts)

    def between(self, past: Tensor, future: Tensor, count: int) -> Tensor:
        """At least ``count`` frames that lead from the end of ``past`` (nine frames or more)
        to the start of ``future`` (four or more)."""
        bridge = SPAN * 2
        lead: list[Tensor] = []
        if count > bridge:
            ahead = self.forward(history=past)
            lead = [next(ahead) for _ in range(count - bridge)]
        tail = torch.cat([past, *(f[None] for f in lead)])[-CONTEXT:]
        latents = torch.zeros_like(self._noise(GROUPS))
        latents[:, :2] = self._encode(tail)
        latents[:, 4:] = self._encode(torch.cat([future[:1], future[:SPAN]]))[:, 1:]
        given = torch.tensor([True, True, False, False, True])
        clip = self._decode(self._sample(Given(given, latents)))
        return torch.cat([*(f[None] for f in lead), clip[CONTEXT : CONTEXT + bridge]])

    def edit(self, source: Tensor, strength: float) -> Iterator[Tensor]:
        """The frames of ``source [N, H, W, 3]`` drawn anew under the caption.

        Sampling starts from the source at the level ``1 - strength``; windows after the first
        are given what the one before has drawn.
        """
        count = len(source)
        done: Tensor | None = None
        at = 0
        while at < count:
            piece = source[at : at + WINDOW]
            missing = WINDOW - len(piece)
            piece = torch.cat([piece, piece[-1:].expand(missing, -1, -1, -1)])
            latents = self._encode(piece)
            if done is None:
                clip = self._decode(self._sample(source=Source(latents, 1 - strength)))
                yield from clip[: count - at]
            else:
                known = self._pad(self._encode(done[-CONTEXT:]), before=0)
                given = torch.arange(GROUPS) < 2
                clip = self._decode(
                    self._sample(Given(given, known), Source(latents, 1 - strength))
                )
                yield from clip[CONTEXT : count - at]
            done = clip
            at += FRESH

    def _pad(self, latents: Tensor, before: int) -> Tensor:
        """Latents of some groups inside a full window of zeros."""
        b, g, h, w, c = latents.shape
        full = torch.zeros(b, GROUPS, h, w, c)
        full[:, before : before + g] = latents
        return full


def _settled(frames: Tensor, missed: Tensor) -> Tensor:
    """``frames`` with what the codec lost of the given frame beside them, fading over a second.

    Without it every detail of the given frame would vanish from one frame to the next.
    """
    fade = (1 - (torch.arange(len(frames)) + 1) / FPS).clamp(min=0)[:, None, None, None]
    return (frames + fade * missed).clamp(-1, 1)


def windows(count: int) -> int:
    """How many windows :meth:`Roller.forward` samples for ``count`` frames from nothing."""
    return 1 + max(0, math.ceil((count - WINDOW) / FRESH))
