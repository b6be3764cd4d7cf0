"""Painted places: a sky, and bands of land or water that move past each other with the camera."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from generator.scene.pen import Canvas, Color, Pen, darker, lighter, mix
from generator.scene.pose import Pose
from generator.scene.things import cloud, tree

PERIOD = 2.0
"""Frame widths after which a place repeats."""
TINTS: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0), "sunset": (1.0, 0.76, 0.62),
    "night": (0.38, 0.45, 0.64), "dim": (0.52, 0.55, 0.62),
}
"""What the light of an hour leaves of red, green and blue."""
_SKIES: dict[str, tuple[Color, Color, Color]] = {
    "day": ((86, 156, 224), (150, 202, 240), (222, 238, 246)),
    "sunset": ((78, 62, 122), (226, 104, 92), (255, 196, 104)),
    "night": ((8, 12, 34), (20, 30, 66), (46, 60, 100)),
    "dim": ((70, 84, 108), (96, 110, 130), (126, 136, 148)),
}
_WATER: dict[str, Color] = {"day": (38, 122, 176), "sunset": (150, 84, 104),
                            "night": (18, 38, 72), "dim": (44, 74, 98)}


@dataclass(frozen=True, slots=True)
class GroundBand:
    """One layer. ``paint``: ``uint8 [H, PERIOD*W, 4]``, the last channel its cover.

    ``depth`` in (0, 1]: how much of the camera's way it goes along.
    """

    paint: Canvas
    depth: float


@dataclass(frozen=True, slots=True)
class Painted:
    """``bands`` from far to near; ``ground`` is where feet stand, in heights of the frame.

    ``water``: from where to where glints of water are drawn, or None.
    """

    bands: tuple[GroundBand, ...]
    ground: float
    tint: tuple[float, float, float]
    water: tuple[float, float] | None = None
    glint: Color = (255, 255, 255)


@dataclass(slots=True)
class _Easel:
    """One place while it is being painted. Coordinates: heights of the frame, y down."""

    width: int
    height: int
    time: str
    bands: list[GroundBand] = field(default_factory=list)

    @property
    def span(self) -> float:
        return PERIOD * self.width / self.height

    def random(self, salt: int) -> np.random.Generator:
        return np.random.default_rng(7 + salt)

    def light(self, color: Color) -> Color:
        r, g, b = (min(255, round(c * t)) for c, t in zip(color, TINTS[self.time], strict=True))
        return r, g, b

    def blank(self, color: Color = (0, 0, 0)) -> Canvas:
        out: Canvas = np.empty((self.height, round(PERIOD * self.width), 3), np.uint8)
        out[:] = color
        return out

    def ramp(self, stops: list[tuple[float, Color]]) -> Canvas:
        y = (np.arange(self.height) + 0.5) / self.height
        at = [stop for stop, _ in stops]
        column = np.stack([np.interp(y, at, [color[i] for _, color in stops]) for i in range(3)], 1)
        # A dither of half a grey level, or slow ramps show steps after coding.
        noise = self.random(3).random((self.height, round(PERIOD * self.width), 1)) - 0.5
        paint: Canvas = np.clip(column[:, None, :] + noise + 0.5, 0, 255).astype(np.uint8)
        return paint

    def pens(self, canvas: Canvas, x: float, y: float, scale: float = 1.0) -> list[Pen]:
        """Pens at (x, y), one for each side of the seam."""
        h = self.height
        return [
            Pen(canvas, ((x + shift) * h, y * h), scale * h)
            for shift in (-self.span, 0.0, self.span)
        ]

    def add(self, paint: Canvas, cover: Canvas | None, depth: float) -> None:
        if cover is None:
            cover = np.full(paint.shape[:2], 255, np.uint8)
        self.bands.append(GroundBand(np.dstack([paint, cover]), depth))

    def ridge(self, level: float, waves: list[tuple[int, float, float]]) -> Canvas:
        """The cover of everything below a line of ``waves`` (turns a period, height, phase)."""
        x = np.arange(round(PERIOD * self.width)) / (PERIOD * self.width)
        line = level + sum(
            (a * np.sin(2 * math.pi * n * x + p) for n, a, p in waves), np.zeros_like(x)
        )
        y = (np.arange(self.height) + 0.5)[:, None]
        return np.clip((y - line[None, :] * self.height + 0.5) * 255, 0, 255).astype(np.uint8)


def _sky(e: _Easel, horizon: float, clouds: bool = True) -> None:
    top, middle, low = _SKIES[e.time]
    paint = e.ramp([(0, top), (0.6 * horizon, middle), (horizon, low), (1, low)])
    if e.time == "night":
        random = e.random(1)
        for _ in range(150):
            x, y, r = random.random() * e.span, random.random() * horizon, random.random()
            for pen in e.pens(paint, x, y):
                pen.disc(0, 0, 0.0012 + 0.0022 * r * r, color=mix(middle, (255, 252, 230), 0.4 + 0.6 * r))
    if e.time == "sunset":
        for x in (0.64 * e.span / PERIOD, 1.64 * e.span / PERIOD):
            for pen in e.pens(paint, x, horizon - 0.05):
                for r, alpha in ((0.32, 0.14), (0.2, 0.2), (0.13, 0.3)):
                    pen.disc(0, 0, r, color=(255, 214, 130), alpha=alpha)
                pen.disc(0, 0, 0.085, color=(255, 240, 196))
    if clouds and e.time != "night":
        color = {"day": (252, 253, 255), "sunset": (244, 150, 128), "dim": (134, 144, 156)}[e.time]
        for x, y, s in (
            (0.2, 0.14, 0.16),
            (0.62, 0.24, 0.11),
            (1.16, 0.1, 0.14),
            (1.66, 0.2, 0.18),
        ):
            for pen in e.pens(paint, x * e.span / PERIOD, y, s):
                cloud(pen, Pose(0.0, 0.0, 0.0, 0.0, color))
    e.add(paint, None, 0.08)


def _speckle(e: _Easel, paint: Canvas, top: float, dark: Color, salt: int) -> None:
    random = e.random(salt)
    for _ in range(240):
        depth = random.random() ** 1.6
        x, y = random.random() * e.span, top + (1.02 - top) * depth
        for pen in e.pens(paint, x, y):
            pen.disc(0, 0, 0.002 + 0.005 * depth, 0.001 + 0.0018 * depth, color=dark, alpha=0.99)


def _ground(e: _Easel, level: float, far: Color, near: Color, waves: float = 0.006) -> Canvas:
    paint = e.ramp([(level, e.light(far)), (1, e.light(near))])
    _speckle(e, paint, level + 0.02, e.light(darker(near, 0.14)), 11)
    e.add(paint, e.ridge(level, [(2, waves, 0.4), (5, 0.4 * waves, 1.9)]), 1.0)
    return e.bands[-1].paint


def _hills(e: _Easel, level: float, color: Color, rough: float, depth: float, n: int = 3) -> None:
    top = e.light(color)
    haze = _SKIES[e.time][2]
    paint = e.ramp([(level - rough, top), (min(1.0, level + 0.2), mix(top, haze, 0.35))])
    waves = [(n, rough, 0.7 + n), (2 * n + 1, 0.4 * rough, 2.0), (5 * n, 0.08 * rough, 0.1)]
    e.add(paint, e.ridge(level, waves), depth)


def _trees(e: _Easel, base: float, height: float, count: int, depth: float, leaf: Color) -> None:
    paint, cover = e.blank(), e.blank()
    random = e.random(count)
    for index in range(count):
        x = (index + 0.6 * random.random()) * e.span / count
        s, tone = height * (0.8 + 0.4 * random.random()), random.random()
        for canvas in (paint, cover):
            for pen in e.pens(canvas, x, base, s):
                pen.tint = TINTS[e.time] if canvas is paint else (99.0, 99.0, 99.0)
                tree(pen, Pose(0.0, 0.0, 0.0, 0.0, mix(leaf, (36, 96, 60), tone)))
    # Colour under the soft edges, or they would mix with black.
    thick = cv2.dilate(paint, np.ones((3, 3), np.uint8))
    paint[:] = np.where(cover[..., :1] > 250, paint, thick)
    e.add(paint, np.ascontiguousarray(cover[..., 1]), depth)


def _sea_band(e: _Easel, horizon: float, low: float) -> None:
    water = _WATER[e.time]
    e.add(e.ramp([(horizon, lighter(water, 0.3)), (low, water), (1, darker(water, 0.2))]),
          e.ridge(horizon, []), 0.3)


def _meadow(e: _Easel) -> float:
    _sky(e, 0.56)
    _hills(e, 0.54, (116, 168, 132), 0.035, 0.25)
    _hills(e, 0.6, (104, 172, 92), 0.025, 0.45, 2)
    paint = _ground(e, 0.66, (124, 190, 84), (84, 152, 64), 0.01)
    flat, random = np.ascontiguousarray(paint[..., :3]), e.random(21)
    for index in range(70):
        x, y = random.random() * e.span, 0.7 + 0.3 * random.random()
        color: Color = ((250, 250, 246), (250, 214, 80), (240, 130, 160), (60, 122, 52))[index % 4]
        for pen in e.pens(flat, x, y):
            pen.disc(0, 0, 0.005 * y, color=e.light(color))
    paint[..., :3] = flat
    return 0.83


def _forest(e: _Easel) -> float:
    _sky(e, 0.5)
    _trees(e, 0.62, 0.36, 15, 0.3, (98, 150, 112))
    _trees(e, 0.68, 0.5, 11, 0.6, (74, 142, 78))
    _ground(e, 0.67, (104, 142, 78), (74, 112, 58))
    return 0.83


def _mountains(e: _Easel) -> float:
    _sky(e, 0.58)
    _hills(e, 0.42, (132, 148, 178), 0.12, 0.14, 3)
    _hills(e, 0.54, (104, 124, 136), 0.06, 0.3, 4)
    _ground(e, 0.66, (128, 164, 96), (92, 128, 70))
    return 0.83


def _beach(e: _Easel) -> float:
    _sky(e, 0.5)
    _sea_band(e, 0.5, 0.7)
    _ground(e, 0.7, (238, 216, 166), (222, 190, 132), 0.008)
    return 0.84


def _sea(e: _Easel) -> float:
    _sky(e, 0.5)
    _sea_band(e, 0.5, 1.0)
    return 0.7


def _desert(e: _Easel) -> float:
    _sky(e, 0.58, clouds=False)
    _hills(e, 0.58, (226, 184, 120), 0.05, 0.25, 2)
    _ground(e, 0.66, (232, 190, 122), (206, 156, 92), 0.02)
    return 0.84


def _snow(e: _Easel) -> float:
    _sky(e, 0.54)
    _hills(e, 0.5, (196, 210, 230), 0.07, 0.2)
    _trees(e, 0.66, 0.26, 9, 0.5, (196, 214, 226))
    _ground(e, 0.65, (246, 249, 253), (220, 230, 242), 0.012)
    return 0.84


def _city(e: _Easel) -> float:
    _sky(e, 0.66)
    random = e.random(31)
    for depth, count, tall, tone in (
        (0.2, 15, 0.42, (142, 158, 184)),
        (0.5, 11, 0.3, (98, 110, 134)),
    ):
        paint, cover = e.blank(), e.blank()
        for index in range(count):
            x, wide = index * e.span / count, 0.96 * e.span / count
            roof = 0.75 - tall * (0.5 + 0.6 * random.random())
            wall = e.light(mix(tone, (190, 168, 150), 0.5 * random.random()))
            for pen in e.pens(paint, x, 0.0):
                pen.box(-0.004, -0.9, wide + 0.004, -roof + 0.01, wall)
            for pen in e.pens(cover, x, 0.0):
                pen.box(0, -0.9, wide, -roof, (255, 255, 255))
            for row in range(int((0.75 - roof) / 0.05)):
                for column in range(int(wide / 0.04)):
                    lit = random.random() < (0.7 if e.time in ("night", "dim") else 0.2)
                    pane = (255, 222, 130) if lit else darker(wall, 0.25)
                    for pen in e.pens(paint, x + 0.02 + 0.04 * column, roof + 0.03 + 0.05 * row):
                        pen.box(-0.008, -0.012, 0.008, 0.012, pane)
        e.add(paint, np.ascontiguousarray(cover[..., 1]), depth)
    paint = e.ramp([(0.72, e.light((182, 182, 186))), (0.775, e.light((166, 166, 172))),
                    (0.78, e.light((82, 84, 92))), (1, e.light((66, 68, 76)))])
    marks = round(e.span / 0.3)
    for index in range(marks):
        for pen in e.pens(paint, index * e.span / marks, 0.93):
            pen.box(0, -0.007, 0.15, 0.007, e.light((240, 236, 220)))
    e.add(paint, e.ridge(0.74, []), 1.0)
    return 0.87


def _room(e: _Easel) -> float:
    wall = e.light((232, 214, 190))
    paint = e.ramp([(0, wall), (0.7, darker(wall, 0.06))])
    for x in (0.5, 1.5):
        for pen in e.pens(paint, x * e.span / PERIOD - 0.16, 0.48):
            pen.box(-0.19, -0.02, 0.19, 0.34, e.light((250, 248, 244)))
            pen.box(-0.17, 0.0, 0.17, 0.32, _SKIES[e.time][1])
            pen.box(-0.008, 0.0, 0.008, 0.32, e.light((250, 248, 244)))
            pen.box(-0.17, 0.15, 0.17, 0.166, e.light((250, 248, 244)))
    e.add(paint, None, 0.7)
    _ground(e, 0.7, (182, 132, 90), (150, 102, 66), 0.0)
    return 0.86


def _underwater(e: _Easel) -> float:
    light = TINTS[e.time]
    stops: list[tuple[float, Color]] = [
        (0, (104, 206, 226)),
        (0.5, (34, 132, 182)),
        (1, (14, 70, 122)),
    ]
    paint = e.ramp([(y, tuple(round(c * t) for c, t in zip(color, light, strict=True)))  # type: ignore[misc]
                    for y, color in stops])
    for index in range(7):
        for pen in e.pens(paint, index * e.span / 7, 0.0):
            pen.fill([(0, 0.02), (0.1, 0.02), (-0.14, -0.9), (-0.3, -0.9)], (220, 250, 250), 0.07)
    e.add(paint, None, 0.2)
    _ground(e, 0.88, (196, 186, 140), (160, 146, 108), 0.015)
    return 0.9


def _space(e: _Easel) -> float:
    e.time = "night"
    _sky(e, 1.0)
    return 0.8


def _studio(e: _Easel) -> float:
    e.add(e.ramp([(0, e.light((128, 130, 134))), (0.72, e.light((160, 162, 166)))]), None, 0.6)
    e.add(e.ramp([(0.72, e.light((122, 124, 128))), (1, e.light((152, 154, 158)))]),
          e.ridge(0.72, []), 1.0)
    return 0.84


_PLACES = {
    "beach": _beach, "sea": _sea, "meadow": _meadow, "forest": _forest, "mountains": _mountains,
    "desert": _desert, "snow": _snow, "city": _city, "room": _room, "underwater": _underwater,
    "space": _space, "studio": _studio,
}
_WATERS = {"beach": (0.52, 0.69), "sea": (0.52, 0.99)}


def paint(place: str, time: str, width: int, height: int) -> Painted:
    """Paint a place once. Memory: 8 bytes a pixel of the frame for each of two to five bands."""
    easel = _Easel(width, height, time)
    ground = _PLACES[place](easel)
    tint = (0.62, 0.86, 1.0) if place == "underwater" else TINTS[time]
    if place == "space":
        tint = (0.92, 0.94, 1.0)
    water = _WATER[time]
    glint = (255, 206, 140) if time == "sunset" else lighter(water, 0.5)
    return Painted(tuple(easel.bands), ground, tint, _WATERS.get(place), glint)
