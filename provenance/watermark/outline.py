"""The outline of a screen or frame that was filmed: four straight edges, frame by frame.

A near-vertical edge is a column of the picture sheared by the edge's slant; what adds up along it
with one sign, out of all slants, is an edge (a Radon transform of the signed gradient; Duda and
Hart 1972 do the same with votes). Four edges that are seen from corner to corner are an outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Luma = NDArray[np.uint8]
Plane = NDArray[np.float32]

WORK_SIDE = 270
"""Short side, in pixels, at which edges are looked for; they are refined at full size."""
SLANTS = np.linspace(-0.3, 0.3, 61)
"""Of an edge against the picture's side, as a tangent."""
EDGES = 5
"""Edges kept for each side."""
LEAST_SHARE = 0.3
"""Of the picture's sides that an outline spans at least."""
LEAST_SEEN = 0.25
"""Mean signed contrast along a side, over the local contrast, that counts as seen."""
POINTS = 64
"""Places of a side at which its edge is sought."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Corners, ``float64 [4, 2]`` (x, y) clockwise from the upper left, and how well it is seen.

    ``bows`` is ``float64 [4]``: by how many pixels the middle of each side (upper, right, lower,
    left) lies outside of the straight line between its corners, as a lens bends it.
    """

    corners: Array
    seen: float
    bows: Array


def outlines(frames: Sequence[Luma], most: int) -> list[Outline]:
    """The best outlines in the mean of these frames, ``uint8 [H, W]`` of one size."""
    mean = np.asarray(np.mean([_small(f) for f in frames], axis=0), dtype=np.float32)
    height, width = mean.shape
    across, down = _contrast(mean)
    uprights = _edges(across)
    levels = _edges(np.ascontiguousarray(down.T))
    quads = []
    for left, right, top, bottom in product(uprights, uprights, levels, levels):
        if right[0] - left[0] < LEAST_SHARE * width or bottom[0] - top[0] < LEAST_SHARE * height:
            continue
        corners = np.array(
            [
                _crossing(left, top, width, height),
                _crossing(right, top, width, height),
                _crossing(right, bottom, width, height),
                _crossing(left, bottom, width, height),
            ]
        )
        if (corners < -3).any() or (corners > (width + 2, height + 2)).any():
            continue
        sides = [
            _along(down, corners[0], corners[1]),
            _along(across, corners[1], corners[2]),
            _along(down, corners[3], corners[2]),
            _along(across, corners[0], corners[3]),
        ]
        if min(sides) >= LEAST_SEEN:
            quads.append((float(np.mean(sides)), corners))
    quads.sort(key=lambda pair: -pair[0])
    scale = np.array([frames[0].shape[1] / width, frames[0].shape[0] / height])
    kept: list[Outline] = []
    for seen, corners in quads:
        if all(np.abs(corners * scale - o.corners).max() > 4 * scale.max() for o in kept):
            kept.append(Outline((corners + 0.5) * scale - 0.5, seen, np.zeros(4)))
        if len(kept) == most:
            break
    return kept


def tracked(frame: Luma, outline: Outline, reach: int) -> Outline:
    """The outline where it lies in this frame, at most ``reach`` pixels from where it was."""
    lines, bows = [], []
    plane = cv2.GaussianBlur(frame, (0, 0), 1.0).astype(np.float32)
    for i in range(4):
        a, b = outline.corners[i], outline.corners[(i + 1) % 4]
        line, bow = _side(plane, a, b, reach)
        lines.append(line)
        bows.append(bow)
    corners = [np.cross(lines[i - 1], lines[i]) for i in range(4)]
    if min(abs(c[2]) for c in corners) < 1e-9:
        return outline
    at = np.array([c[:2] / c[2] for c in corners])
    if np.abs(at - outline.corners).max() > 3 * reach:
        return outline
    return Outline(at, outline.seen, np.array(bows))


def _small(luma: Luma) -> Luma:
    scale = WORK_SIDE / min(luma.shape)
    if scale >= 1:
        return luma
    size = (round(luma.shape[1] * scale), round(luma.shape[0] * scale))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA))


def _contrast(mean: Plane) -> tuple[Plane, Plane]:
    """Signed gradients across and down, over the local contrast, clipped to ±2."""
    smooth = cv2.GaussianBlur(mean, (0, 0), 0.8)
    gx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0) / 32
    gy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1) / 32
    near = cv2.blur(np.hypot(gx, gy), (15, 15)) + np.float32(0.5)
    return np.clip(gx / near, -2, 2), np.clip(gy / near, -2, 2)


def _edges(plane: Plane) -> list[tuple[float, float]]:
    """(x at half height, slant) of the strongest near-vertical edges."""
    height, width = plane.shape
    middle = (height - 1) / 2
    scores = np.empty((len(SLANTS), width), dtype=np.float32)
    for i, slant in enumerate(SLANTS):
        m = np.array([[1, slant, -slant * middle], [0, 1, 0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        scores[i] = np.abs(cv2.warpAffine(plane, m, (width, height), flags=flags).sum(axis=0))
    found: list[tuple[float, float]] = []
    for part in (slice(0, width // 2), slice(width // 2, width)):
        half = scores[:, part].copy()
        for _ in range(EDGES):
            row, column = (int(v) for v in np.unravel_index(int(half.argmax()), half.shape))
            found.append((column + float(part.start), float(SLANTS[row])))
            half[max(0, row - 12) : row + 13, max(0, column - 3) : column + 4] = -1
    return found


def _crossing(
    upright: tuple[float, float], level: tuple[float, float], width: int, height: int
) -> Array:
    """Where x = x0 + s (y - h/2) meets y = y0 + t (x - w/2)."""
    (x0, s), (y0, t) = upright, level
    my, mx = (height - 1) / 2, (width - 1) / 2
    y = (y0 + t * (x0 - s * my - mx)) / (1 - s * t)
    return np.array([x0 + s * (y - my), y])


def _along(plane: Plane, a: Array, b: Array) -> float:
    """Mean signed contrast from ``a`` to ``b``, the best of three lines beside each other."""
    share = np.linspace(0.02, 0.98, POINTS)[:, None]
    at = (a + share * (b - a)).astype(np.float32)
    normal = np.array([-(b - a)[1], (b - a)[0]]) / (np.hypot(*(b - a)) + 1e-9)
    best = 0.0
    for off in (-1.0, 0.0, 1.0):
        where = at + (off * normal).astype(np.float32)
        seen = cv2.remap(plane, where[:, 0], where[:, 1], cv2.INTER_LINEAR)
        best = max(best, abs(float(seen.mean())))
    return best


def _side(plane: Plane, a: Array, b: Array, reach: int) -> tuple[Array, float]:
    """The line (homogeneous) through the edge near a to b, and its bow outwards in pixels."""
    along = (b - a) / (np.hypot(*(b - a)) + 1e-9)
    normal = np.array([along[1], -along[0]])
    share = np.linspace(0.04, 0.96, POINTS)
    off = np.arange(-reach - 1, reach + 1.5, 0.5)
    at = a + share[:, None, None] * (b - a) + off[None, :, None] * normal
    at = at.astype(np.float32)
    seen = cv2.remap(
        plane,
        np.ascontiguousarray(at[..., 0]),
        np.ascontiguousarray(at[..., 1]),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    steps = seen[:, 2:] - seen[:, :-2]
    total = steps.sum(axis=0)
    sign = np.sign(total[np.abs(total).argmax()])
    # the neighbours along the side help where the edge is faint
    steps = cv2.blur(steps * sign, (1, 5))
    best = off[1:-1][steps.argmax(axis=1)]
    weight = np.maximum(steps.max(axis=1), 0.0)
    u = 2 * share - 1
    design = np.stack([np.ones_like(u), u, 1 - u**2], axis=1)
    fit = np.array([float(np.median(best)), 0.0, 0.0])
    for width in (3.0, 1.5, 1.0, 0.7, 0.7):
        gap = best - design @ fit
        w = weight / (1 + (gap / width) ** 2)
        m = design * w[:, None]
        fit = np.linalg.solve(design.T @ m + np.diag([1e-6, 1e-6, 1e-2]), m.T @ best)
    first, last = a + (fit[0] - fit[1]) * normal, b + (fit[0] + fit[1]) * normal
    return np.cross([*first, 1.0], [*last, 1.0]), float(fit[2])
