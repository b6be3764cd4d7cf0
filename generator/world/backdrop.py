"""The places: a painted base, and layers that drift over it.

All textures are periodic in x over :data:`PERIOD` frame widths, so a pan can go on for ever;
waves shorter than two and a half pixels fade out, so that a small picture shows the same place
as a large one, without aliasing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor

PERIOD = 2
"""Frame widths after which a backdrop repeats."""
_SEED = 7
DIM = (0.40, 0.43, 0.52)
"""What dim light leaves of red, green and blue."""


@dataclass(frozen=True, slots=True)
class SceneryLayer:
    """A texture added to the base. ``texture`` is ``int16 [H, PERIOD*W, 1|3]``.

    ``velocity``: frame heights per second, x right and y down (y motion wraps).
    ``beat``: (rate in Hz, depth) of a slow brightening, or None.
    """

    texture: Tensor
    velocity: tuple[float, float]
    beat: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Backdrop:
    """``base`` is ``int16 [H, PERIOD*W, 3]``, 0 to 255."""

    base: Tensor
    layers: tuple[SceneryLayer, ...] = field(default=())


class _Canvas:
    """Coordinates and band-limited waves of one backdrop at one size."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self.height = height
        self.aspect = width / height
        self.span = PERIOD * self.aspect
        self.x = ((torch.arange(PERIOD * width) + 0.5) / height)[None, :]
        self.y = ((torch.arange(height) + 0.5) / height)[:, None]
        self.random = torch.Generator().manual_seed(seed)

    def uniform(self, low: float, high: float, count: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=self.random)

    def wave(self, cycles: float, phase: float, slope: float = 0.0, amp: float = 1.0) -> Tensor:
        """A sine of about ``cycles`` per frame height in x (rounded to the period)."""
        turns = max(1, round(cycles * self.span))
        k = turns / self.span
        length = 1 / math.hypot(k, slope) * self.height
        fade = min(1.0, max(0.0, length / 2.5 - 1))
        return amp * fade * torch.sin(2 * math.pi * (k * self.x + slope * self.y) + phase)

    def noise(self, amp: float, coarse: float = 5.0, octaves: int = 4) -> Tensor:
        """A soft periodic texture of crossing waves, about ±``amp``."""
        out = torch.zeros(self.y.shape[0], self.x.shape[1])
        for octave in range(octaves):
            for _ in range(3):
                freq = coarse * 2**octave
                angle = float(self.uniform(0, math.pi))
                phase = float(self.uniform(0, 2 * math.pi))
                out += self.wave(
                    abs(freq * math.cos(angle)) + 0.3, phase, freq * math.sin(angle), amp / 3
                ) * (0.75**octave)
        return out

    def ramp(self, stops: list[tuple[float, tuple[float, float, float]]]) -> Tensor:
        """A vertical colour gradient through ``(y, rgb)`` stops: ``float [H, 1, 3]``."""
        out = torch.tensor(stops[0][1], dtype=torch.float32).expand(self.y.shape[0], 1, 3)
        for (y0, c0), (y1, c1) in pairwise(stops):
            f = ((self.y - y0) / (y1 - y0)).clamp(0, 1)
            f = (f * f * (3 - 2 * f))[..., None]
            mixed = torch.tensor(c0) * (1 - f) + torch.tensor(c1) * f
            out = torch.where((self.y > y0)[..., None], mixed, out)
        return out

    def below(self, line: Tensor) -> Tensor:
        """Coverage of what lies under the curve ``line`` (``[1, PW]``), anti-aliased."""
        return (0.5 + (self.y - line) * self.height).clamp(0, 1)[..., None]

    def spots(self, count: int, radius: tuple[float, float], glow: float = 0.0) -> Tensor:
        """``count`` soft round spots per frame width, periodic in x: coverage ``[H, PW]``."""
        out = torch.zeros(self.y.shape[0], self.x.shape[1])
        pixel = 1 / self.height
        for _ in range(max(1, int(count * PERIOD * self.aspect))):
            cx, cy = float(self.uniform(0, self.span)), float(self.uniform(0, 1))
            r = float(self.uniform(*radius))
            bright = float(self.uniform(0.45, 1.0))
            soft = math.hypot(r, 0.6 * pixel)
            reach = 4 * soft + glow
            y0, y1 = int((cy - reach) * self.height), int((cy + reach) * self.height) + 2
            x0, x1 = int((cx - reach) * self.height), int((cx + reach) * self.height) + 2
            rows = torch.arange(max(0, y0), min(self.height, y1))
            cols = torch.arange(x0, x1) % out.shape[1]
            dy = (rows + 0.5) / self.height - cy
            dx = (torch.arange(x0, x1) + 0.5) / self.height - cx
            d2 = dy[:, None] ** 2 + dx[None, :] ** 2
            peak = bright * (r / soft) ** 2
            out[rows[:, None], cols[None, :]] += peak * torch.exp(-d2 / (2 * soft**2))
        return out


def _mix(under: Tensor, over: Tensor, cover: Tensor) -> Tensor:
    return under * (1 - cover) + over * cover


def paint(place: str, light: str, width: int, height: int) -> Backdrop:
    """Paint ``place``, which looks the same in every clip, as a real place does.

    Cost: O(width x height), once per clip.
    """
    canvas = _Canvas(width, height, _SEED)
    base, layers = _PLACES[place](canvas)
    gain = torch.tensor(DIM if light == "dim" else (1.0, 1.0, 1.0))
    full = (base.expand(height, PERIOD * width, 3) * gain).clamp(0, 255)
    moving = tuple(
        SceneryLayer((layer.texture * gain).round().to(torch.int16), layer.velocity, layer.beat)
        for layer in layers
    )
    return Backdrop(full.round().to(torch.int16), moving)


_Painted = tuple[Tensor, tuple[SceneryLayer, ...]]


def _sea(c: _Canvas) -> _Painted:
    base = c.ramp(
        [(0, (150, 178, 196)), (0.3, (176, 196, 204)), (0.34, (70, 124, 150)), (1, (28, 74, 112))]
    )
    water = ((c.y - 0.32) * 6).clamp(0, 1)
    near = 0.25 + 0.75 * c.y
    swell = sum(
        c.wave(k * 1.0, p, s, a)
        for k, p, s, a in ((3, 0.4, 14, 7), (5, 2.0, -19, 6), (8, 4, 26, 5))
    )
    ripple = sum(c.wave(k * 1.0, p, s, a) for k, p, s, a in ((4, 1.0, -16, 6), (9, 3.0, 31, 5)))
    return base, (
        SceneryLayer((swell * water * near)[..., None], (0.05, 0.0)),
        SceneryLayer((ripple * water * near)[..., None], (-0.04, 0.0)),
    )


def _meadow(c: _Canvas) -> _Painted:
    sky = c.ramp([(0, (158, 186, 204)), (0.45, (204, 214, 208))])
    far = 0.40 + c.wave(1.0, 0.5, amp=0.035) + c.wave(2.2, 2.0, amp=0.015)
    near = 0.56 + c.wave(0.8, 3.1, amp=0.04) + c.wave(2.6, 1.0, amp=0.012)
    blades = c.noise(9, 9)
    base = _mix(sky, torch.tensor([128.0, 150, 112]) + 0.5 * blades[..., None], c.below(far))
    grass = c.ramp([(0.5, (104, 132, 84)), (1, (72, 102, 60))]) + blades[..., None]
    return _mix(base, grass, c.below(near)), ()


def _desert(c: _Canvas) -> _Painted:
    sky = c.ramp([(0, (158, 178, 196)), (0.5, (216, 206, 188))])
    far = 0.46 + c.wave(0.7, 1.1, amp=0.05) + c.wave(1.6, 0.2, amp=0.02)
    near = 0.66 + c.wave(0.9, 4.0, amp=0.07) + c.wave(2.0, 2.5, amp=0.015)
    ripples = c.wave(3.0, 0.0, 24, 5) + c.noise(4, 6)
    base = _mix(sky, torch.tensor([194.0, 164, 124]) + 0.4 * ripples[..., None], c.below(far))
    sand = c.ramp([(0.6, (188, 154, 110)), (1, (150, 118, 82))]) + ripples[..., None]
    return _mix(base, sand, c.below(near)), ()


def _night(c: _Canvas) -> _Painted:
    sky = c.ramp([(0, (14, 16, 36)), (0.75, (34, 38, 70)), (1, (46, 50, 82))])
    hills = 0.86 + c.wave(0.9, 0.8, amp=0.04) + c.wave(2.3, 2.0, amp=0.015)
    under = c.below(hills)
    haze = (c.noise(7, 2, 3).clamp(min=0) * 1.3)[..., None] * torch.tensor([0.7, 0.7, 1.0])
    stars = c.spots(60, (0.0012, 0.0032))[..., None] * torch.tensor([215.0, 220, 235])
    flicker = c.spots(16, (0.0026, 0.0042))[..., None] * torch.tensor([235.0, 228, 210])
    base = _mix(sky + haze + stars, torch.tensor([12.0, 14, 24]), under)
    return base, (SceneryLayer(flicker * (1 - under), (0.0, 0.0), (0.35, 0.5)),)


def _sunset(c: _Canvas) -> _Painted:
    sky = c.ramp(
        [
            (0, (78, 62, 108)),
            (0.35, (148, 88, 116)),
            (0.62, (206, 132, 104)),
            (0.72, (222, 164, 112)),
        ]
    )
    dx = torch.remainder(c.x - 0.72 * c.aspect + c.span / 2, c.span) - c.span / 2
    sun = torch.exp(-(dx**2 + (c.y - 0.70) ** 2) / 0.05)[..., None]
    clouds = (c.noise(10, 1.2, 3) * torch.exp(-((c.y - 0.35) ** 2) / 0.05))[..., None]
    water = c.ramp([(0.72, (128, 90, 104)), (1, (58, 46, 80))]) + c.wave(2.0, 0.3, 30, 5)[..., None]
    base = sky + sun * torch.tensor([34.0, 34, 12]) + clouds * torch.tensor([1.0, 0.8, 0.7])
    return _mix(base, water, c.below(torch.full_like(c.x, 0.74))), ()


def _studio(c: _Canvas) -> _Painted:
    wall = c.ramp([(0, (118, 119, 122)), (0.7, (142, 143, 146))])
    floor = c.ramp([(0.74, (112, 113, 116)), (1, (142, 143, 145))])
    line = torch.full_like(c.x, 0.74)
    soft = ((c.y - line) * 14 + 0.5).clamp(0, 1)[..., None]
    glow = c.wave(1 / c.span * PERIOD, -1.6, amp=7)[..., None] * (1 - c.y)[..., None]
    return _mix(wall + glow, floor, soft) + c.noise(1.5, 20, 2)[..., None], ()


def _snow(c: _Canvas) -> _Painted:
    sky = c.ramp([(0, (128, 142, 164)), (0.5, (166, 176, 190))])
    far = 0.5 + c.wave(1.0, 1.9, amp=0.06) + c.wave(2.7, 0.4, amp=0.02)
    near = 0.68 + c.wave(0.8, 0.3, amp=0.04)
    base = _mix(sky, torch.tensor([146.0, 160, 182]) + c.noise(4, 5)[..., None], c.below(far))
    drift = c.ramp([(0.65, (182, 192, 206)), (1, (160, 172, 192))]) + c.noise(3, 4)[..., None]
    base = _mix(base, drift, c.below(near))
    small = c.spots(60, (0.0018, 0.0032))[..., None] * 95
    large = c.spots(26, (0.0032, 0.0052))[..., None] * 95
    return base, (SceneryLayer(small, (0.02, 0.10)), SceneryLayer(large, (-0.02, 0.17)))


def _city(c: _Canvas) -> _Painted:
    sky = c.ramp([(0, (132, 152, 176)), (0.7, (198, 196, 190))])
    base = sky
    for depth, (tone, top, spread) in enumerate(
        (((146, 156, 172), 0.50, 0.16), ((98, 106, 124), 0.66, 0.15))
    ):
        blocks = round(11 * c.aspect) * PERIOD
        heights = c.uniform(-1, 1, blocks) * spread + top
        index = (c.x / c.span * blocks).long().clamp(max=blocks - 1)
        roof = heights[index[0]][None, :]
        wall = torch.tensor(tone, dtype=torch.float32) * (1.06 - 0.2 * c.y)[..., None]
        if depth:
            fade = min(1.0, c.height / 160)
            lit = (c.wave(44 / c.aspect, 0.0) > 0.2) & (c.wave(0, 0.0, 0) > -2)
            rows = torch.sin(2 * math.pi * 26 * c.y) > 0.1
            panes = (lit & rows & (c.noise(1, 7, 2) > 0.1)).float()[..., None]
            wall = wall + fade * panes * torch.tensor([52.0, 44, 14])
        base = _mix(base, wall, c.below(roof))
    street = c.ramp([(0.9, (84, 88, 98)), (1, (70, 74, 84))])
    return _mix(base, street, c.below(torch.full_like(c.x, 0.92))), ()


_PLACES = {
    "sea": _sea,
    "meadow": _meadow,
    "desert": _desert,
    "night": _night,
    "sunset": _sunset,
    "studio": _studio,
    "snow": _snow,
    "city": _city,
}
