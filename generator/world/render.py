"""From a layout to frames: backdrop, shadows, things, light."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from generator.world.backdrop import DIM, PERIOD, Backdrop, paint
from generator.world.layout import Layout, Placed
from generator.world.shapes import distance
from generator.world.vocabulary import COLORS

PAN_SPEED = 0.10
"""Speed of a pan, in shorter sides of the frame per second."""
_PIECE = 60_000
"""Pixels drawn in one go."""
_SHADOW = (0.035, 0.045)
_SHADOW_SOFT = 0.03
_SHADOW_DEPTH = 0.34


class Renderer:
    """Draws one layout at one size. Holds one backdrop: O(width x height) memory."""

    def __init__(
        self, layout: Layout, width: int, height: int, backdrop: Backdrop | None = None
    ) -> None:
        self.layout = layout
        self.width = width
        self.height = height
        caption = layout.caption
        self._backdrop = backdrop or paint(caption.place, caption.light, width, height)
        # Twice the canvas, so that any window of it is one slice.
        self._base = _double(self._backdrop, width)
        self._gain = torch.tensor(DIM if caption.light == "dim" else (1.0, 1.0, 1.0))
        turn = {"static": 0.0, "pan left": -1.0, "pan right": 1.0}[caption.camera]
        self._pan = turn * PAN_SPEED * min(1.0, layout.aspect)

    def frames(self, times: Tensor) -> Tensor:
        """Draw the moments ``times`` (``float [T]``, seconds): ``uint8 [T, H, W, 3]``.

        Frames are drawn together; keep T small for large pictures (:func:`stream` does).
        """
        out = torch.empty(len(times), self.height, self.width, 3, dtype=torch.uint8)
        for index, t in enumerate(times.tolist()):
            out[index] = self._background(t)
        for placed in self.layout.placed:
            # Small pieces stay in the processor's cache: measured four times faster.
            side = 2 * (1.4 * placed.radius + 0.1) * self.height
            step = max(1, int(_PIECE / max(1.0, side * side)))
            for first in range(0, len(times), step):
                piece = slice(first, first + step)
                self._draw(out[piece], placed, times[piece])
        return out

    def _background(self, t: float) -> Tensor:
        at = self._pan * t * self.height
        frame = _window(self._base, at, self.width)
        if not self._backdrop.layers:
            return frame.clamp(0, 255).to(torch.uint8)
        frame = frame.clone()
        for layer in self._backdrop.layers:
            vx, vy = layer.velocity
            span = layer.texture.shape[1]
            shift = round(vx * t * self.height - at) % span
            texture = torch.roll(layer.texture, shift, 1)[:, : self.width]
            if vy:
                texture = torch.roll(texture, round(vy * t * self.height) % self.height, 0)
            if layer.beat:
                rate, depth = layer.beat
                gain = 1 - depth * (0.5 + 0.5 * math.sin(2 * math.pi * rate * t))
                texture = (texture.float() * gain).to(torch.int16)
            frame += texture
        return frame.clamp_(0, 255).to(torch.uint8)

    def _draw(self, out: Tensor, placed: Placed, times: Tensor) -> None:
        cx, cy, r = placed.track(times)
        reach = float(r.max()) * 1.25 + max(_SHADOW) + 2 * _SHADOW_SOFT
        h = self.height
        y0 = max(0, int((float(cy.min()) - reach) * h))
        y1 = min(self.height, int((float(cy.max()) + reach) * h) + 2)
        x0 = max(0, int((float(cx.min()) - reach) * h))
        x1 = min(self.width, int((float(cx.max()) + reach) * h) + 2)
        if y0 >= y1 or x0 >= x1:
            return
        # The shadow is the same distance field, a few pixels further: draw a margin more.
        ox, oy = (round(shift * h) for shift in _SHADOW)
        gx = ((torch.arange(x0 - ox, x1) + 0.5) / h)[None, None, :] - cx[:, None, None]
        gy = ((torch.arange(y0 - oy, y1) + 0.5) / h)[None, :, None] - cy[:, None, None]
        r3 = r[:, None, None]
        x, y = _turn(gx, gy, placed.tilt)
        field = distance(placed.thing.shape, x, y, r3)
        shadow = field[:, : y1 - y0, : x1 - x0] * (0.5 * _SHADOW_DEPTH / _SHADOW_SOFT)
        under_gain = (shadow + (1 - 0.5 * _SHADOW_DEPTH)).clamp_(1 - _SHADOW_DEPTH, 1)
        d, gx, gy = field[:, oy:, ox:], gx[:, :, ox:], gy[:, oy:, :]
        cover = (0.5 - d * h).clamp_(0, 1)
        # Light comes from the upper left; the rim is darker, as on a slightly domed body.
        dome = (d * (-5 / r3)).clamp_(0, 1)
        slope = (gx / r3).clamp_(-1.5, 1.5) + (gy / r3).clamp_(-1.5, 1.5)
        shade = (dome * 0.22 + 0.80).sub_(slope, alpha=0.11)
        gx2, gy2 = (gx / r3 + 0.34) ** 2, (gy / r3 + 0.38) ** 2
        # Past this the highlight is nothing, and denormal numbers would make it slow.
        gloss = torch.exp((gx2 / -0.035).clamp_(min=-30)) * torch.exp(
            (gy2 / -0.035).clamp_(min=-30)
        )
        gloss = gloss * dome
        region = out[:, y0:y1, x0:x1]
        for channel, body in enumerate(COLORS[placed.thing.color]):
            gain = float(self._gain[channel])
            color = (shade * (body * gain)).add_(gloss, alpha=46.0 * gain).clamp_(0, 255)
            under = region[..., channel] * under_gain
            region[..., channel] = torch.lerp(under, color, cover).round_().to(torch.uint8)


def _turn(x: Tensor, y: Tensor, angle: float) -> tuple[Tensor, Tensor]:
    if angle == 0:
        return x, y
    c, s = math.cos(angle), math.sin(angle)
    return c * x + s * y, c * y - s * x


def _double(backdrop: Backdrop, width: int) -> Tensor:
    return torch.cat([backdrop.base, backdrop.base[:, : width + 2]], 1)


def _window(canvas: Tensor, at: float, width: int) -> Tensor:
    period = canvas.shape[1] - width - 2
    at %= period
    left = math.floor(at)
    part = at - left
    window = canvas[:, left : left + width]
    # Below a fiftieth of a pixel nobody sees the difference, and the copy is spared.
    if part < 0.02:
        return window
    after = canvas[:, left + 1 : left + 1 + width]
    weight = round(part * 64)
    return window + (((after - window) * weight) >> 6)


def stream(
    layout: Layout, width: int, height: int, frames: int, fps: float, batch_bytes: int
) -> Iterator[Tensor]:
    """Yield ``uint8 [T, H, W, 3]`` batches, ``frames`` in all, each of at most ``batch_bytes``
    (but at least one frame)."""
    renderer = Renderer(layout, width, height)
    step = max(1, min(12, batch_bytes // (width * height * 3)))
    for first in range(0, frames, step):
        count = min(step, frames - first)
        yield renderer.frames(torch.arange(first, first + count, dtype=torch.float32) / fps)


__all__ = ["PAN_SPEED", "PERIOD", "Renderer", "stream"]
