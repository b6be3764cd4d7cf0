"""Training clips: the world rendered at the native size, with the backdrops painted once."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import torch
from torch import Tensor

from generator.dit.native import FPS, GROUPS, SIDE, frames_of
from generator.world.backdrop import Backdrop, paint
from generator.world.caption import Caption, draw
from generator.world.layout import place
from generator.world.render import Renderer


@dataclass(slots=True)
class Clips:
    """Renders clips of one native size. Keeps one painted backdrop for each place and light."""

    width: int = SIDE
    height: int = SIDE
    jitter: float = 1.0
    _painted: dict[tuple[str, str], Backdrop] = field(default_factory=dict)

    def render(
        self, caption: Caption, seed: int, start: float = 0.0, frames: int = frames_of(GROUPS)
    ) -> Tensor:
        """The clip of ``caption`` and ``seed`` from second ``start``: ``uint8 [T, H, W, 3]``."""
        layout = place(caption, self.width / self.height, seed, self.jitter)
        renderer = Renderer(layout, self.width, self.height, self._backdrop(caption))
        return renderer.frames(start + torch.arange(frames, dtype=torch.float32) / FPS)

    def usual(self, caption: Caption) -> Tensor:
        """The place alone, as it looks when nothing moves in it: ``int16 [H, W, 3]``."""
        return self._backdrop(caption).base[:, : self.width]

    def _backdrop(self, caption: Caption) -> Backdrop:
        key = (caption.place, caption.light)
        if key not in self._painted:
            self._painted[key] = paint(caption.place, caption.light, self.width, self.height)
        return self._painted[key]

    def draw(
        self, rng: random.Random, two: float, pan: float, late: float
    ) -> tuple[Caption, Tensor]:
        """A random caption with its clip; a share ``late`` starts at a random second up to 12."""
        caption = draw(rng, two, pan)
        start = rng.uniform(0, 12) if rng.random() < late else 0.0
        return caption, self.render(caption, rng.randrange(2**31), start)
