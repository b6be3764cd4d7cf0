"""Where things are at which time: the numbers that a caption leaves open, drawn from a seed.

Unit of length: the height of the frame. x grows right from 0 to the aspect ratio, y down
from 0 to 1, time is in seconds. Every motion can go on for ever: what leaves the frame
comes back on the other side, the rest is periodic.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from generator.world.caption import Caption, Thing, write
from generator.world.shapes import tilts

RADIUS = {"small": 0.115, "medium": 0.16, "big": 0.215}
"""Radius by size word, in shorter sides of the frame."""
SPEED = (0.175, 0.025)
"""Speed of straight motion and how far it varies, in shorter sides per second."""
PERIODS = {"orbit": 2.8, "bounce": 1.3, "pulse": 1.8}
"""Seconds after which a motion repeats."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One thing with its numbers. ``track`` gives its place at any time."""

    thing: Thing
    x: float
    y: float
    radius: float
    speed: float
    phase: float
    period: float
    tilt: float
    aspect: float

    def track(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Centre x, centre y and radius at the times ``t`` (``float [T]``, seconds)."""
        x, y, r = (torch.full_like(t, v) for v in (self.x, self.y, self.radius))
        turn = 2 * math.pi * t / self.period + self.phase
        scale = min(1.0, self.aspect)
        match self.thing.motion:
            case "left" | "right":
                sign = -1.0 if self.thing.motion == "left" else 1.0
                x = _wrap(x + sign * self.speed * t, self.aspect, self.radius)
            case "up" | "down":
                sign = -1.0 if self.thing.motion == "up" else 1.0
                y = _wrap(y + sign * self.speed * t, 1.0, self.radius)
            case "orbit":
                x, y = x + 0.2 * scale * torch.cos(turn), y + 0.2 * scale * torch.sin(turn)
            case "bounce":
                y = y + 0.12 * scale - 0.3 * scale * torch.sin(turn / 2).abs()
            case "pulse":
                r = r * (1 + 0.36 * torch.sin(turn))
        return x, y, r


def _wrap(position: Tensor, length: float, radius: float) -> Tensor:
    margin = 1.2 * radius
    return torch.remainder(position + margin, length + 2 * margin) - margin


@dataclass(frozen=True, slots=True)
class Layout:
    """A caption with all its numbers."""

    caption: Caption
    aspect: float
    placed: tuple[Placed, ...]


def place(caption: Caption, aspect: float, seed: int, jitter: float = 1.0) -> Layout:
    """Draw the open numbers. The same caption, aspect, seed and jitter give the same layout.

    ``jitter`` in [0, 1] scales how far every number may lie from its mean; 0 leaves no chance.
    """
    digest = hashlib.sha256(f"{seed}\n{write(caption)}".encode()).digest()
    rng = random.Random(int.from_bytes(digest[:8], "big"))

    def about(middle: float, reach: float) -> float:
        return middle + jitter * reach * rng.uniform(-1, 1)

    short = min(1.0, aspect)
    alone = len(caption.things) == 1
    placed = []
    for index, thing in enumerate(caption.things):
        x, y = (0.5, 0.5) if alone else ((0.3, 0.33), (0.7, 0.69))[index]
        reach = 0.09 if alone else 0.03
        start = about(0.19, 0.05)
        sideways, upright = about(0, reach), about(0, reach)
        if thing.motion in ("left", "right"):
            x, sideways = (1 - start if thing.motion == "left" else start), 0
        elif thing.motion in ("up", "down"):
            y, upright = (1 - start if thing.motion == "up" else start), 0
        placed.append(
            Placed(
                thing=thing,
                x=(x + sideways) * aspect,
                y=y + upright,
                radius=RADIUS[thing.size] * (1.0 if alone else 0.82) * short * about(1, 0.05),
                speed=about(*SPEED) * short,
                phase=about(0, math.pi if thing.motion == "orbit" else 0.3),
                period=PERIODS.get(thing.motion, 1.0) * about(1, 0.05),
                tilt=about(0, 0.2) if tilts(thing.shape) else 0.0,
                aspect=aspect,
            )
        )
    return Layout(caption, aspect, tuple(placed))
