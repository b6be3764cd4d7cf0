"""From a scene to frames: bands of the place, weather, shadows, figures, camera."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from generator.scene.pen import Canvas, Pen
from generator.scene.places import PERIOD, GroundBand, Painted, paint
from generator.scene.scene import Scene
from generator.scene.stage import Placed, arrange

_PAN = 0.10
_ZOOM = 0.09
"""Part of the picture by which a zoom grows a second; it turns round at half as much again."""
_FOG = (206, 212, 218)
_GRAIN_LEVELS, _GRAIN_PIXELS = 2.5, 1.2
"""Standard deviation of the paper's grain in code values, and its blur in pixels."""


class SceneRenderer:
    """Draws one scene at one size; deterministic by scene, size and seed."""

    def __init__(self, scene: Scene, width: int, height: int, seed: int) -> None:
        self.scene, self.width, self.height = scene, width, height
        self._place: Painted = paint(scene.place, scene.time, width, height)
        self._placed = arrange(scene, width / height, self._place.ground, seed)
        flakes = np.random.default_rng(seed % 2**32)
        self._flakes = flakes.random((150, 3))
        self._grain = _paper(width, height, seed)

    def frame(self, t: float) -> Canvas:
        """The moment ``t`` (seconds): ``uint8 [H, W, 3]``."""
        at, zoom = self._camera(t)
        out: Canvas = np.empty((self.height, self.width, 3), np.uint8)
        for index, band in enumerate(self._place.bands):
            self._band(out, band, at, zoom, index == 0)
        if self._place.water:
            self._glints(out, t, zoom)
        for placed in self._placed:
            self._figure(out, placed, t, at, zoom)
        self._weather(out, t)
        cv2.add(out, self._grain, dst=out, dtype=cv2.CV_8U)
        return out

    def _camera(self, t: float) -> tuple[float, float]:
        """How far the camera went to the right (heights), and its magnification."""
        swing = 0.5 - 0.5 * math.cos(2 * math.pi * t * _ZOOM)
        match self.scene.camera:
            case "pan left":
                return -_PAN * t, 1.0
            case "pan right":
                return _PAN * t, 1.0
            case "zoom in":
                return 0.0, 1 + 0.6 * swing
            case "zoom out":
                return 0.0, 1.6 - 0.6 * swing
            case "orbit":
                return 0.22 * math.sin(0.9 * t), 1.06
            case "follow":
                lead = next((p for p in self._placed if p.actor.action == "travel"), None)
                if lead is None:
                    return 0.0, 1.0
                return (-1 if lead.actor.heading == "left" else 1) * lead.speed * t, 1.0
        return 0.0, 1.0

    def _band(self, out: Canvas, band: GroundBand, at: float, zoom: float, first: bool) -> None:
        span = PERIOD * self.width
        left = (at * band.depth * self.height) % span
        if zoom == 1 and abs(left - round(left)) < 0.02:
            whole = round(left)
            cut = band.paint[:, whole : whole + self.width]
            if cut.shape[1] < self.width:
                cut = np.concatenate([cut, band.paint[:, : self.width - cut.shape[1]]], 1)
        else:
            middle = np.array([self.width / 2, self.height / 2])
            inverse = np.array(
                [
                    [1 / zoom, 0, left + middle[0] * (1 - 1 / zoom)],
                    [0, 1 / zoom, middle[1] * (1 - 1 / zoom)],
                ]
            )
            moved = cv2.warpAffine(
                band.paint,
                inverse,
                (self.width, self.height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_WRAP,
            )
            cut = np.asarray(moved, np.uint8)
        if first:
            out[:] = cut[..., :3]
            return
        cover = cut[..., 3]
        top = int(np.argmax(cover.max(1) > 0))
        share = cover[top:, :, None].astype(np.uint16)
        under = out[top:].astype(np.uint16)
        out[top:] = (under * (255 - share) + cut[top:, :, :3] * share + 127) // 255

    def _pen(self, out: Canvas, x: float, y: float, unit: float, zoom: float) -> Pen:
        w, h = self.width / 2, self.height / 2
        px = w + (x * self.height - w) * zoom
        py = h + (y * self.height - h) * zoom
        return Pen(out, (px, py), unit * self.height * zoom)

    def _figure(self, out: Canvas, placed: Placed, t: float, at: float, zoom: float) -> None:
        now = placed.at(t)
        x, aspect = now.x, self.width / self.height
        if at and not placed.tracked and placed.figure.element != "sky":
            # Past things come back from the other side, like those that travel.
            margin = placed.figure.reach * now.unit + 0.05
            x = (x - at + margin) % (aspect + 2 * margin) - margin
        ground = placed.figure.element == "ground"
        if ground and self.scene.place not in ("space", "underwater"):
            lift = max(0.0, placed.y - now.y)
            shade = self._pen(out, x, placed.y + 0.004, now.unit, zoom)
            wide = placed.figure.reach * (0.82 - 1.2 * lift)
            # The figure stands on its shadow's middle; a long thing has a long one.
            middle = -0.5 if placed.actor.noun == "train" else 0.0
            wide *= 0.55 if placed.actor.noun == "tree" else 1.0
            shade.flip = now.flip
            shade.disc(middle, 0, wide, 0.075, color=(30, 28, 44), alpha=0.3)
        pen = self._pen(out, x, now.y, now.unit, zoom)
        pen.flip, pen.angle, pen.tint = now.flip, now.angle, self._place.tint
        placed.figure.draw(pen, now.pose)

    def _glints(self, out: Canvas, t: float, zoom: float) -> None:
        low, high = self._place.water or (0.0, 0.0)
        aspect = self.width / self.height
        for index, (u, v, w) in enumerate(self._flakes[:46]):
            y = low + (high - low) * v
            near = 0.25 + v
            x = (u * aspect + 0.02 * t * (1 if index % 2 else -1)) % aspect
            long = 0.05 * near * (0.6 + 0.4 * math.sin(1.8 * t + 6 * w))
            pen = self._pen(out, x, y + 0.004 * math.sin(1.4 * t + 9 * u), 1.0, zoom)
            pen.fill(
                [(-long, 0), (0, 0.0035 * near), (long, 0), (0, -0.0035 * near)], self._place.glint
            )
        if self.scene.place == "beach":
            edge = np.linspace(0, aspect, 60)
            foam = [
                0.006 * math.sin(9 * x + 0.9 * t) + 0.008 * math.sin(1.1 * t + 3 * x) for x in edge
            ]
            top = [(x, -(0.7 + f)) for x, f in zip(edge, foam, strict=True)]
            bottom = [(x, -(0.718 + 1.4 * f)) for x, f in zip(edge, foam, strict=True)]
            pen = self._pen(out, 0.0, 0.0, 1.0, zoom)
            pen.tint = self._place.tint
            pen.fill([*top, *reversed(bottom)], (252, 252, 250), 0.85)

    def _weather(self, out: Canvas, t: float) -> None:
        aspect, weather = self.width / self.height, self.scene.weather
        pen = Pen(out, (0.0, 0.0), float(self.height))
        if weather == "fog":
            fog = np.full_like(out, _FOG) if self.scene.time != "night" else np.full_like(out, 70)
            cv2.addWeighted(out, 0.52, fog, 0.48, 0, dst=out)
        for u, v, w in self._flakes if weather in ("rain", "snowfall") else ():
            if weather == "rain":
                y = (v + (1.5 + 0.4 * w) * t) % 1.1 - 0.05
                x = (u * aspect * 1.2 - 0.12 * y) % (aspect * 1.1)
                pen.fill(
                    [(x, -y), (x + 0.002, -y), (x - 0.007, -y - 0.055), (x - 0.009, -y - 0.055)],
                    (216, 228, 240),
                )
            else:
                y = (v + (0.1 + 0.08 * w) * t) % 1.06 - 0.03
                x = (u * aspect + 0.03 * math.sin(1.3 * t + 6 * w)) % aspect
                pen.disc(x, -y, 0.003 + 0.005 * w, color=(250, 251, 255))
        for index, (u, v, w) in enumerate(self._flakes[:16] if weather == "wind" else ()):
            x = (u * aspect + (0.5 + 0.3 * w) * t) % (aspect + 0.1) - 0.05
            leaf = pen.turned(x, -(0.15 + 0.7 * v + 0.04 * math.sin(3 * t + 6 * w)), 5 * t + index)
            leaf.tint = self._place.tint
            leaf.disc(0, 0, 0.016, 0.007, color=((206, 128, 52), (118, 156, 66))[index % 2])


def _paper(width: int, height: int, seed: int) -> NDArray[np.int16]:
    """The same faint grain under every frame, ``int16 [H, W, 3]``.

    Flat colours hide nothing, so a watermark in them must be too weak to survive a crop of a
    strongly compressed copy; paper's grain gives it something to hide in.
    """
    noise = np.random.default_rng((seed % 2**32, 1)).standard_normal((height, width), np.float32)
    grain = cv2.GaussianBlur(noise, (0, 0), _GRAIN_PIXELS)
    levels = np.rint(grain * (_GRAIN_LEVELS / float(grain.std()))).astype(np.int16)
    return np.repeat(levels[..., None], 3, axis=2)


def stream(renderer: SceneRenderer, frames: int, fps: float, batch_bytes: int) -> Iterator[Canvas]:
    """Yield ``uint8 [T, H, W, 3]``, ``frames`` in all, batches of at most ``batch_bytes``."""
    step = max(1, min(12, batch_bytes // (renderer.width * renderer.height * 3)))
    for first in range(0, frames, step):
        last = min(frames, first + step)
        yield np.stack([renderer.frame(index / fps) for index in range(first, last)])
