"""When the picture was filmed from the side: a homography from nine windows.

Inside a small window a homography is nearly affine, so each window is searched by itself. The
nine local maps are the derivative of one homography, which is fitted to them. With it every
window is searched once more, where the others say that its grid should be. Then every window says
by how much it is still out of step with the others, and the homography is corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from provenance.watermark import lattice
from provenance.watermark.fold import TILE, Folder, oriented
from provenance.watermark.mask import Plane

WINDOW = 0.5
"""Side of a window over the shorter side of the picture."""
AGAIN = 2
"""Times that every window is searched where the others expect its grid."""
ROUNDS = 4
ANCHORS = 3
"""Windows whose axes are tried as the common ones: one may have locked on to nothing."""
MOST_DEPTH = 4.0
"""The farthest corner over the nearest: twice what the strongest slant of the protocol has."""
CANDIDATES = ANCHORS
"""Homographies told at most."""
_COARSE = np.array([0.012, 0.012, 0.02, 0.02])

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Local:
    centre: Array
    basis: Array
    score: float
    power: Plane


def homographies(field: Plane, least: float = 0.0) -> list[Array]:
    """Candidate maps ``float64 [3, 3]``: picture (x, y, 1) to tiles, best first.

    None when the better windows' combs stay below ``least`` deviations, on average of three.
    Cost: about 0.2 s, and as much again when there is something to fit.
    """
    found = sorted((_local(field, *box) for box in _windows(field)), key=lambda w: -w.score)
    if np.mean([window.score for window in found[:ANCHORS]]) < least:
        return []
    out = []
    for anchor in found[:ANCHORS]:
        fitted = _fit([_like(window, anchor) for window in found], anchor)
        for _ in range(AGAIN):
            if possible(fitted, field):
                fitted = _fit([_guided(window, fitted) for window in found], anchor)
        for _ in range(ROUNDS):
            if possible(fitted, field):
                fitted = _in_step(field, fitted)
        if possible(fitted, field):
            out.append(fitted)
    return out


def possible(h: Array, field: Plane) -> bool:
    """Whether the picture can have been seen so: no horizon in it, no corner far behind another."""
    height, width = field.shape
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]])
    depth = corners @ h[2]
    if not (np.isfinite(h).all() and (depth > 0).all()):
        return False
    return bool(depth.max() <= MOST_DEPTH * depth.min())


def _windows(field: Plane) -> list[tuple[int, int, int]]:
    """(left, top, side) of three by three windows."""
    height, width = field.shape
    side = min(max(int(WINDOW * min(height, width)), 160), height, width)
    lefts = np.linspace(0, width - side, 3).astype(int)
    tops = np.linspace(0, height - side, 3).astype(int)
    return [(int(x), int(y), side) for y, x in product(tops, lefts)]


def _local(field: Plane, left: int, top: int, side: int) -> _Local:
    part = np.ascontiguousarray(field[top : top + side, left : left + side])
    power = lattice.spectrum(part)
    # the window is a share of the picture: look at the same periods
    grids = lattice.turned(power, min(field.shape), 6, longest=0.9 * side / min(field.shape))
    start = np.array([grid.parameters() for grid in grids])
    best = lattice.refine(power, start, rounds=6, steps=_COARSE)[0]
    centre = np.array([left + side / 2, top + side / 2])
    return _Local(centre, best.basis(), best.score, power)


def _guided(window: _Local, h: Array) -> _Local:
    """The window with the best grid near the one that ``h`` has there."""
    told = _jacobian(h, window.centre)
    start = np.array([lattice.Grid.of(told).parameters()])
    best = lattice.refine(window.power, start, rounds=3, steps=_COARSE)[0]
    return _Local(window.centre, best.basis(), best.score, window.power)


def _like(window: _Local, anchor: _Local) -> _Local:
    """The same lattice in the axes of the anchor: quarter turns and mirrors are one grid."""
    ways = [np.array([[a, 0.0], [0.0, b]]) for a, b in product((1, -1), repeat=2)]
    ways += [way[::-1] for way in ways]
    bases = [way @ window.basis for way in ways]
    basis = min(bases, key=lambda b: float(np.abs(b - anchor.basis).sum()))
    return _Local(window.centre, basis, window.score, window.power)


def _fit(windows: list[_Local], anchor: _Local) -> Array:
    """The homography whose derivative agrees with the windows, robustly."""
    origin = anchor.centre
    size = float(np.abs(anchor.basis).max())

    def build(p: Array) -> Array:
        h = np.eye(3)
        h[:2, :2] = p[:4].reshape(2, 2) * size
        h[2, :2] = p[4:] * size
        return h

    def gaps(p: Array) -> Array:
        h = build(p)
        return np.concatenate(
            [
                ((_jacobian(h, w.centre - origin) - w.basis) / size * w.score).ravel()
                for w in windows
            ]
        )

    start = np.concatenate([(anchor.basis / size).ravel(), [0.0, 0.0]])
    scale = 0.03 * max(w.score for w in windows)
    fitted = least_squares(gaps, start, loss="cauchy", f_scale=scale).x
    shift = np.eye(3)
    shift[:2, 2] = -origin
    return np.asarray(build(fitted) @ shift)


def _jacobian(h: Array, at: Array) -> Array:
    p = h @ np.array([at[0], at[1], 1.0])
    return np.asarray((h[:2, :2] - np.outer(p[:2] / p[2], h[2, :2])) / p[2])


def _in_step(field: Plane, h: Array) -> Array:
    """Correct ``h`` by how far each window's tile is shifted against the mean tile."""
    shape = (int(field.shape[0]), int(field.shape[1]))
    folder = Folder(shape, h)
    kx, ky = oriented(False, 0)
    canvas, there, back = folder.canvas(field)
    rows, _, columns, _ = canvas.shape
    middles = [np.array([left + side / 2, top + side / 2]) for left, top, side in _windows(field)]
    # a window's tiles are those whose middles lie in it
    inside = np.stack(
        [
            _tiles_inside(canvas.shape, back, middle, side).ravel()
            for middle, (_, _, side) in zip(middles, _windows(field), strict=True)
        ]
    )
    shares = [
        inside @ plane.transpose(0, 2, 1, 3).reshape(rows * columns, TILE * TILE)
        for plane in (canvas, there)
    ]
    mean = (shares[0] / (shares[1] + 1e-6)).reshape(-1, TILE, TILE)
    tiles = [spectrum[ky % TILE, kx % TILE] for spectrum in np.fft.fft2(mean)]
    centres = middles
    # Start from the middle window and let the others join, the nearest first.
    order = np.argsort([np.hypot(i % 3 - 1, i // 3 - 1) for i in range(len(tiles))], kind="stable")
    total = tiles[order[0]].copy()
    points, moves, weights = [], [], []
    for i in order:
        cross = np.zeros((TILE, TILE), dtype=complex)
        cross[ky % TILE, kx % TILE] = tiles[i] * np.conj(total) / (np.abs(total) + 1e-9)
        seen = np.fft.ifft2(cross).real
        row, column = np.unravel_index(int(seen.argmax()), seen.shape)
        move = np.array([_signed(column, seen, 1, row), _signed(row, seen, 0, column)])
        if i != order[0]:
            total = total + tiles[i] * np.exp(2j * np.pi * (kx * move[0] + ky * move[1]))
        points.append(centres[i])
        moves.append(move)
        weights.append(float(seen.max() / (seen.std() + 1e-12)))
    return _nudged(h, np.array(points), np.array(moves), np.array(weights))


def _tiles_inside(shape: tuple[int, ...], back: Array, middle: Array, side: int) -> Plane:
    """1 for the tiles whose middle lies in a window of the picture, ``float64 [rows, columns]``."""
    row, column = np.mgrid[0 : shape[0], 0 : shape[2]] + 0.5
    at = np.stack([column.ravel(), row.ravel(), np.ones(row.size)])
    x, y, w = back @ at
    far = np.maximum(np.abs(x / w - middle[0]), np.abs(y / w - middle[1])).reshape(row.shape)
    # never empty: the nearest tile counts even when its middle lies outside
    return (far <= max(side / 2, float(far.min()))).astype(np.float32)


def _signed(at: np.intp, seen: Array, axis: int, other: np.intp) -> float:
    """A peak's place in tiles, -0.5 to 0.5, between samples by a parabola."""
    line = seen[other] if axis == 1 else seen[:, other]
    i = int(at)
    a, b, c = line[i - 1], line[i], line[(i + 1) % TILE]
    fine = i + 0.5 * (a - c) / (a - 2 * b + c - 1e-12)
    return float((fine / TILE + 0.5) % 1 - 0.5)


def _nudged(h: Array, points: Array, moves: Array, weights: Array) -> Array:
    """The homography nearest to ``h`` that maps the windows' middles without the moves."""
    p = np.column_stack([points, np.ones(len(points))])
    told = p @ h.T
    target = told[:, :2] / told[:, 2:] - moves
    trusted = weights >= 0.5 * np.median(weights)
    if trusted.sum() < 5:
        return h
    centre, scale = points.mean(axis=0), points.std()
    fitted, _ = cv2.findHomography(
        ((points - centre) / scale)[trusted].astype(np.float64),
        target[trusted],
        cv2.RANSAC,
        0.05,
    )
    if fitted is None:
        return h
    back = np.diag([1 / scale, 1 / scale, 1.0])
    back[:2, 2] = -centre / scale
    out = np.asarray(fitted, dtype=np.float64) @ back
    return np.asarray(out / out[2, 2])
