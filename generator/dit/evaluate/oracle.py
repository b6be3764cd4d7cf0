"""Reads colour, shape, motion, place, light and camera off frames, by program, not by a model.

It knows how the world paints its places, so it subtracts the backdrop, names the colours of
what is left, fits every shape to each colour's largest patch, and reads the motion from how
that patch's centre and size change. Its own errors are measured on true renders
(``python -m generator.dit.evaluate`` prints that ceiling beside every score).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from generator.dit.native import FPS, SIDE, SQUARE, Size
from generator.world.backdrop import DIM, paint
from generator.world.shapes import distance
from generator.world.vocabulary import COLORS, LIGHTS, PLACES, SHAPES

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_FAR = 38.0
"""Distance from the backdrop, in 8-bit RGB at bright light, above which a pixel is a thing."""
_NEAR = 75.0
"""Distance from a palette colour, shade set apart, below which a pixel has that colour."""
_LEAST = 16
"""Fewest pixels of a thing."""


@dataclass(frozen=True, slots=True)
class OracleSeen:
    """One thing that the oracle saw. ``share``: part of the frames in which it was found."""

    color: str
    shape: str
    motion: str
    share: float


@dataclass(frozen=True, slots=True)
class OracleReport:
    """What the oracle read off a clip, largest thing first."""

    place: str
    light: str
    camera: str
    things: tuple[OracleSeen, ...]


@dataclass(slots=True)
class Oracle:
    """For native frames of one size, 8 a second. Keeps the sixteen painted backdrops."""

    size: Size = SQUARE
    _rows: dict[tuple[str, str], Floats] = field(default_factory=dict)
    _canvas: dict[tuple[str, str], Floats] = field(default_factory=dict)
    _outlines: dict[str, list[Floats]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place in PLACES:
            for light in LIGHTS:
                canvas = paint(place, light, *self.size).base.float().numpy()
                self._canvas[place, light] = canvas
                self._rows[place, light] = np.median(canvas, axis=1)

    def read(self, frames: NDArray[np.uint8]) -> OracleReport:
        """``frames``: ``uint8 [T, height, width, 3]``, T at least 1."""
        video = frames.astype(np.float32)
        place, light = self._where(video)
        behind, turn = self._behind(video, self._canvas[place, light])
        gain = np.array(DIM if light == "dim" else (1, 1, 1), np.float32)
        things = self._things(video / gain, behind / gain, turn)
        camera = "static" if abs(turn) < 0.25 else ("pan left" if turn < 0 else "pan right")
        return OracleReport(place, light, camera, things)

    def _where(self, video: Floats) -> tuple[str, str]:
        # The median of a row over all frames forgets what moves and where a pan has got to.
        rows = np.median(video.transpose(1, 0, 2, 3).reshape(self.size.height, -1, 3), axis=1)
        edges = np.concatenate([video[:, :, :6], video[:, :, -6:]], 2)
        sides = np.median(edges.transpose(1, 0, 2, 3).reshape(self.size.height, -1, 3), axis=1)

        def off(key: tuple[str, str]) -> float:
            both = [np.abs(side - self._rows[key]).mean(1) for side in (rows, sides)]
            # A row counts by its better half: a big thing can cover the middle.
            return float(np.minimum(*both).mean())

        return min(self._rows, key=off)

    def _behind(self, video: Floats, canvas: Floats) -> tuple[Floats, float]:
        """The backdrop behind each frame, and the pan in pixels per frame (0 when static)."""
        count = len(video)
        best: tuple[float, float] = (math.inf, 0.0)
        for turn in (0.0, *np.arange(-1.1, -0.45, 0.1), *np.arange(0.5, 1.15, 0.1)):
            picks = [0, count // 2, count - 1]
            error = 0.0
            for k in picks:
                shot = _shifted(canvas, turn * k, self.size.width)
                error += float(np.minimum(np.abs(video[k] - shot), 30).mean())
            if turn == 0:
                error *= 0.97
            if error < best[0]:
                best = (error, float(turn))
        turn = best[1] if count > 1 else 0.0
        return np.stack([_shifted(canvas, turn * k, self.size.width) for k in range(count)]), turn

    def _things(self, video: Floats, behind: Floats, turn: float) -> tuple[OracleSeen, ...]:
        far = np.linalg.norm(video - behind, axis=-1)
        names = list(COLORS)
        distances = np.stack(
            [_color_distance(video, np.array(COLORS[n], np.float32)) for n in names]
        )
        which = distances.argmin(0)
        is_thing = (far > _FAR) & (distances.min(0) < _NEAR)
        found: list[tuple[float, OracleSeen]] = []
        for index, name in enumerate(names):
            patches = [_largest(mask) for mask in is_thing & (which == index)]
            kept = [k for k, patch in enumerate(patches) if patch is not None]
            share = len(kept) / len(video)
            if share < 0.4:
                continue
            masks = [patch for patch in patches if patch is not None]
            area = float(np.median([mask.sum() for mask in masks]))
            seen = OracleSeen(name, self._shape(masks), _motion(masks, kept), share)
            found.append((share * math.sqrt(area), seen))
        found.sort(key=lambda pair: -pair[0])
        if found:
            # Rims and mixed edges of a large thing can look like a second, much smaller one.
            found = [pair for pair in found if pair[0] > 0.42 * found[0][0]]
        return tuple(seen for _, seen in found[:2])

    def _shape(self, masks: list[Mask]) -> str:
        whole = [
            m for m in masks if not (m[0].any() or m[-1].any() or m[:, 0].any() or m[:, -1].any())
        ]
        votes = dict.fromkeys(SHAPES, 0.0)
        for mask in sorted(whole or masks, key=lambda m: -int(m.sum()))[:5]:
            for shape in SHAPES:
                votes[shape] += max(
                    _overlap(mask, t) for t in self._templates(shape, int(mask.sum()))
                )
        return max(votes, key=lambda shape: votes[shape])

    def _templates(self, shape: str, area: int) -> list[Floats]:
        # Templates of every two per cent of radius: a few dozen in all, kept.
        step = round(math.log(max(area, 4)) / math.log(1.04))
        key = f"{shape}{step}"
        if key not in self._outlines:
            self._outlines[key] = [
                _outline(shape, 1.04**step, tilt, self.size)
                for tilt in (
                    (-0.17, 0.0, 0.17) if shape in ("square", "triangle", "star") else (0.0,)
                )
            ]
        return self._outlines[key]


def _shifted(canvas: Floats, at: float, width: int) -> Floats:
    left = math.floor(at)
    part = at - left
    columns = (np.arange(width) + left) % canvas.shape[1]
    after = (columns + 1) % canvas.shape[1]
    return canvas[:, columns] * (1 - part) + canvas[:, after] * part


def _color_distance(video: Floats, color: Floats) -> Floats:
    """Distance to the nearest shade of ``color`` (0.68 to 1.1 of it)."""
    scale = (video @ color) / float(color @ color)
    nearest = np.clip(scale, 0.68, 1.1)[..., None] * color
    off = np.linalg.norm(video - np.minimum(nearest, 255), axis=-1)
    return off.astype(np.float32)


def _largest(mask: Mask) -> Mask | None:
    labels, count = ndimage.label(mask)
    if not count:
        return None
    sizes = np.bincount(labels.ravel())[1:]
    best = int(sizes.argmax())
    return labels == best + 1 if sizes[best] >= _LEAST else None


def _outline(shape: str, area: float, tilt: float, size: Size) -> Floats:
    """A centred mask of ``shape`` with about ``area`` pixels, in a frame of ``size``."""
    y, x = torch.meshgrid(
        torch.arange(size.height) - (size.height - 1) / 2,
        torch.arange(size.width) - (size.width - 1) / 2,
        indexing="ij",
    )
    c, s = math.cos(tilt), math.sin(tilt)
    u, v = c * x + s * y, c * y - s * x
    low, high = 1.0, 60.0
    for _ in range(18):
        radius = (low + high) / 2
        got = float((0.5 - distance(shape, u, v, radius)).clamp(0, 1).sum())
        low, high = (radius, high) if got < area else (low, radius)
    cover = (0.5 - distance(shape, u, v, (low + high) / 2)).clamp(0, 1).numpy()
    return _centred(cover)


def _centred(cover: Floats) -> Floats:
    cy, cx = ndimage.center_of_mass(cover)
    rows, columns = cover.shape
    return ndimage.shift(cover, ((rows - 1) / 2 - cy, (columns - 1) / 2 - cx), order=1)


def _overlap(mask: Mask, template: Floats) -> float:
    here = _centred(mask.astype(np.float32))
    return float(np.minimum(here, template).sum() / np.maximum(here, template).sum())


def _motion(masks: list[Mask], kept: list[int]) -> str:
    """The motion word for a patch seen in the frames ``kept``."""
    if len(masks) < 3:
        return "still"
    edge = [m[0].any() or m[-1].any() or m[:, 0].any() or m[:, -1].any() for m in masks]
    centres = np.array([ndimage.center_of_mass(mask) for mask in masks]) / SIDE
    radii = np.sqrt(np.array([mask.sum() for mask in masks]) / math.pi) / SIDE
    whole = [r for r, cut in zip(radii, edge, strict=True) if not cut]
    times = np.array(kept) / FPS
    dt = max(1e-6, times[-1] - times[0])
    quarter = max(1, len(masks) // 4)
    travel = (centres[-quarter:].mean(0) - centres[:quarter].mean(0)) / 0.75
    spread = centres.std(0)
    steps = np.diff(centres, axis=0)
    path = np.abs(steps).sum(0)
    straight = np.abs(travel) / np.maximum(path, 1e-6)
    swing = float(np.max(whole) / max(1e-6, np.min(whole))) if len(whole) > 2 else 1.0
    y, x = float(travel[0] / dt), float(travel[1] / dt)
    if max(abs(x), abs(y)) > 0.07:
        axis = 1 if abs(x) > abs(y) else 0
        if straight[axis] > 0.62 and spread[1 - axis] < 0.06:
            return ("right" if x > 0 else "left") if axis else ("down" if y > 0 else "up")
    if spread.min() > 0.05:
        return "orbit"
    if spread[0] > 0.045 and spread[0] > 1.8 * spread[1]:
        return "bounce"
    if swing > 1.35 and spread.max() < 0.05:
        return "pulse"
    if spread.max() > 0.06:
        return "orbit"
    return "still"
