"""From a grid to a decision: fold the picture to one tile, align it, read it, weigh it.

Evidence. Let x be the line values of the folded tile, each divided by the local level of its
neighbours and clipped: they do not depend on the key. For a wrong key the signs s are fair coins,
independent of x, so Hoeffding's inequality gives, for one fixed alignment,
``P(sum(x s) >= a |x|) <= exp(-a²/2)`` over the synchronisation signs. The data signs are coins of
their own: for one fixed payload, and whatever weights the synchronisation signs suggested,
``P(sum(x s) >= z |x|) <= exp(-z²/2)``. The product and a union bound over every payload,
alignment, grid and key that was tried give the quoted p. Nothing is assumed of the video.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from provenance.watermark import polar
from provenance.watermark.carrier import CODE_LENGTH, VERSION, Carrier, bits_to_payload, ring
from provenance.watermark.lattice import Grid
from provenance.watermark.mask import Plane

TILE = 64
"""Samples per period: twice the finest line and some."""
HALVE_BELOW = 0.55
"""Tile samples per picture pixel below which the picture is halved first."""
MOST_TILES = 48
SHIFT_GRID = 64
FINE = np.arange(-0.75, 0.76, 0.25)
ORIENTATIONS = 8
MOST_UNEVEN = 8.0
"""How much louder or quieter one line may be than others of its radius."""
MAGNITUDE_LIMIT = 2.0
"""In local levels; clips what single lines may say."""

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the folded tile lies to the carrier: mirrored, quarter turns, shift in tiles."""

    mirrored: bool
    quarters: int
    shift_x: float
    shift_y: float


@dataclass(frozen=True, eq=False)
class Reading:
    """What one carrier says of one grid. ``payload`` is None when the code did not decode."""

    carrier: Carrier
    grid: Grid
    alignment: Alignment
    sync: float
    z: float
    payload: int | None


class Folder:
    """Folds pictures of one size to one tile.

    ``to_tiles`` is ``float64 [3, 3]``, affine or projective: picture (x, y, 1) to pattern
    coordinates in tiles.
    """

    def __init__(self, shape: tuple[int, int], to_tiles: NDArray[np.float64]) -> None:
        height, width = shape
        m = np.diag([TILE, TILE, 1.0]) @ to_tiles
        # Fewer output pixels than input pixels would alias: average pairs first.
        self._halve = float(np.sqrt(abs(np.linalg.det(m[:2, :2])))) < HALVE_BELOW
        if self._halve:
            m = m @ np.array([[2.0, 0, 0.5], [0, 2.0, 0.5], [0, 0, 1]])
            height, width = height // 2, width // 2
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ m.T
        corners = corners[:, :2] / corners[:, 2:]
        low = np.floor(corners.min(axis=0) / TILE)
        high = np.ceil(corners.max(axis=0) / TILE)
        tiles = np.clip((high - low).astype(int), 1, MOST_TILES)
        self._shape = (int(tiles[1]), TILE, int(tiles[0]), TILE)
        self._size = (int(tiles[0]) * TILE, int(tiles[1]) * TILE)
        self._map = np.array([[1, 0, -low[0] * TILE], [0, 1, -low[1] * TILE], [0, 0, 1]]) @ m
        self._affine = bool(np.allclose(self._map[2], (0, 0, 1)))
        self._half = (width, height)
        # How many pixels each sample of the tile comes from: no need of fractions at the border.
        there = self._flat(np.full((height, width), 255, dtype=np.uint8), cv2.INTER_NEAREST)
        self._there = (there.reshape(self._shape) != 0).astype(np.float32)
        self._count = self._there.sum(axis=(0, 2), dtype=np.float64) + 1e-6

    def canvas(self, field: Plane) -> tuple[Plane, Plane, NDArray[np.float64]]:
        """All tiles side by side, ``[rows, TILE, columns, TILE]``, and how to get back.

        The second says where there is a picture (1, else 0), the third is ``float64 [3, 3]``:
        canvas (in tiles) to picture (x, y, 1).
        """
        flat = self._flat(self._small(field)).reshape(self._shape)
        back = np.linalg.inv(np.diag([1 / TILE, 1 / TILE, 1.0]) @ self._map)
        whole = np.diag([2.0, 2.0, 1.0]) if self._halve else np.eye(3)
        return np.asarray(flat, dtype=np.float32), self._there, whole @ back

    def _flat(
        self, field: Plane | NDArray[np.uint8], how: int = cv2.INTER_LINEAR
    ) -> NDArray[np.generic]:
        if self._affine:
            flat = cv2.warpAffine(field, self._map[:2], self._size, flags=how)
        else:
            flat = cv2.warpPerspective(field, self._map, self._size, flags=how)
        return np.asarray(flat)

    def _small(self, field: Plane) -> Plane:
        if not self._halve:
            return field
        width, height = self._half
        return np.asarray(
            cv2.resize(field[: 2 * height, : 2 * width], self._half, interpolation=cv2.INTER_AREA),
            dtype=np.float32,
        )

    def tile(self, field: Plane) -> tuple[Complex, NDArray[np.float64]]:
        """The spectrum of the mean tile, ``complex128 [TILE, TILE]``, and the power beside it.

        The second, ``float64 [TILE, TILE]``, is the mean power half way to the neighbouring
        lines, where the mark has none: how loud the picture is there.
        """
        flat = self._flat(self._small(field))
        rows, _, columns, _ = self._shape
        # an even number of tiles each way, so that two by two make one of twice the period
        pairs = np.zeros((-(-rows // 2), 2 * TILE, -(-columns // 2), 2 * TILE), dtype=np.float32)
        pairs.reshape(2 * TILE * len(pairs), -1)[: flat.shape[0], : flat.shape[1]] = flat
        double = pairs.sum(axis=(0, 2), dtype=np.float64)
        single = double.reshape(2, TILE, 2, TILE).sum(axis=(0, 2))
        power = np.abs(scipy.fft.fft2(double)) ** 2
        beside = ndimage.uniform_filter(power, 3, mode="wrap") * 9 - power
        return np.asarray(np.fft.fft2(single / self._count)), beside[::2, ::2] / 8


def oriented(mirrored: bool, quarters: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the carrier's lines lie in a tile that was mirrored, then turned."""
    kx, ky = ring().kx, ring().ky
    if mirrored:
        kx = -kx
    for _ in range(quarters):
        kx, ky = -ky, kx
    return kx, ky


def level(values: Complex, beside: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """The noise to expect on each line, as power, ``float64 [n]``.

    The local power of the lines along the radius; where the picture is louder or quieter
    ``beside`` them than at the same radius elsewhere (its own directions and patterns), more or
    less by as much.
    """
    smooth = _along_radius(np.abs(values) ** 2)
    if beside is not None:
        share = beside / (_along_radius(beside) + 1e-12)
        smooth = smooth * np.clip(share, 1 / MOST_UNEVEN, MOST_UNEVEN)
    return np.asarray(smooth + 1e-3 * float(smooth.mean()) + 1e-12)


def _along_radius(power: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.argsort(ring().radius, kind="stable")
    capped = np.minimum(power, 6 * np.median(power))[order]
    smooth = np.empty(len(order))
    smooth[order] = ndimage.uniform_filter1d(capped, 41, mode="nearest")
    return smooth


def normalised(values: Complex, power: NDArray[np.float64]) -> Complex:
    size = np.abs(values) / np.sqrt(power)
    return np.asarray(np.clip(size, 0, MAGNITUDE_LIMIT) * np.exp(1j * np.angle(values)))


@dataclass(frozen=True, eq=False)
class Folded:
    """A folded tile, ready for any carrier: its normalised lines in the eight orientations."""

    grid: Grid
    unit: list[Complex]

    @classmethod
    def of(cls, field: Plane, grid: Grid, folder: Folder | None = None) -> Folded:
        """``folder`` is made from the grid unless given."""
        tile, beside = (folder or Folder(_shape(field), grid.to_tiles())).tile(field)
        # A turned comb is the same lines in another order: their level is found once.
        kx, ky = oriented(False, 0)
        at, opposite = (ky % TILE, kx % TILE), (-ky % TILE, -kx % TILE)
        flat = np.zeros(tile.shape, dtype=complex)
        flat[at] = normalised(tile[at], level(tile[at], beside[at]))
        flat[opposite] = np.conj(flat[at])
        unit = []
        for i in range(ORIENTATIONS):
            kx, ky = oriented(i >= 4, i % 4)
            unit.append(flat[ky % TILE, kx % TILE])
        return cls(grid, unit)


def _shape(field: Plane) -> tuple[int, int]:
    return int(field.shape[0]), int(field.shape[1])


def align(folded: Folded, carrier: Carrier) -> tuple[float, Alignment]:
    """The best orientation and shift for this carrier's synchronisation lines.

    Returns (score in deviations, alignment). All 8 × 64 × 64 are tried, then
    quarter steps around the best.
    """
    signs = carrier.sync_signs.reshape(-1, 2)
    expected = (signs[:, 0] - 1j * signs[:, 1]) / np.sqrt(2)
    stack = np.zeros((ORIENTATIONS, SHIFT_GRID, SHIFT_GRID), dtype=np.complex64)
    scale = np.empty(ORIENTATIONS)
    for i in range(ORIENTATIONS):
        kx, ky = oriented(i >= 4, i % 4)
        unit = folded.unit[i][carrier.sync]
        at = (i, ky[carrier.sync] % SHIFT_GRID, kx[carrier.sync] % SHIFT_GRID)
        stack[at] = unit * expected
        scale[i] = np.sqrt((np.abs(unit) ** 2).sum() / 2) + 1e-12
    score = scipy.fft.ifft2(stack).real * np.float32(SHIFT_GRID**2) / scale[:, None, None]
    where = np.unravel_index(int(score.argmax()), score.shape)
    way, row, column = (int(v) for v in where)
    kx, ky = oriented(way >= 4, way % 4)
    kx, ky = kx[carrier.sync], ky[carrier.sync]
    unit = folded.unit[way][carrier.sync] * expected
    dy, dx = np.meshgrid(row + FINE, column + FINE, indexing="ij")
    turns = np.exp(2j * np.pi * (dy.reshape(-1, 1) * ky + dx.reshape(-1, 1) * kx) / SHIFT_GRID)
    fine = (turns * unit).real.sum(axis=1) / scale[way]
    k = int(fine.argmax())
    alignment = Alignment(
        way >= 4,
        way % 4,
        float(dx.flat[k]) / SHIFT_GRID,
        float(dy.flat[k]) / SHIFT_GRID,
    )
    return float(fine[k]), alignment


def combine(groups: list[Folded], carrier: Carrier, alignment: Alignment) -> Complex:
    """The groups' lines, turned to the alignment and added up: ``complex128 [n]``.

    Each group weighs as much as its synchronisation lines agree (maximal-ratio combining), so a
    group in which a codec lost the mark stays out.
    """
    way = 4 * alignment.mirrored + alignment.quarters
    kx, ky = oriented(alignment.mirrored, alignment.quarters)
    turn = np.exp(2j * np.pi * (kx * alignment.shift_x + ky * alignment.shift_y))
    signs = carrier.sync_signs.reshape(-1, 2)
    total = np.zeros(len(kx), dtype=complex)
    for folded in groups:
        unit = folded.unit[way] * turn
        agree = correlation(unit[carrier.sync], signs)
        total += max(agree - 0.5, 0.0 if len(groups) > 1 else 1.0) * unit
    return total


def read(
    folded: Folded,
    carrier: Carrier,
    alignment: Alignment,
    sync: float,
    paths: int,
    groups: list[Folded] | None = None,
) -> Reading:
    """Soft-decode the data lines; gain and noise come from the synchronisation lines.

    ``sync`` is the score of ``folded`` itself, before any weighting by the key.
    """
    aligned = combine(groups or [folded], carrier, alignment)
    power = level(aligned)
    signs = carrier.sync_signs.reshape(-1, 2)
    expected = (signs[:, 0] - 1j * signs[:, 1]) / np.sqrt(2)
    agree = (aligned[carrier.sync] * expected).real
    radius = ring().radius
    slope, base = np.polyfit(radius[carrier.sync], agree, 1, w=1 / np.sqrt(power[carrier.sync]))
    floor = 0.15 * abs(float(agree.mean())) + 1e-9
    gain = np.maximum(base + slope * radius, floor)
    noise = np.maximum(power - gain**2, 0.25 * power) / 2
    gain = gain / np.sqrt(2)
    data = carrier.data
    y = np.column_stack([aligned[data].real, aligned[data].imag]).ravel()
    g = np.repeat(gain[data], 2)
    v = np.repeat(noise[data], 2)
    limit = g + 1.2 * np.sqrt(v)
    unscramble = 1.0 - 2.0 * carrier.scramble.astype(np.float64)
    soft = 2 * np.clip(y, -limit, limit) * g / v * unscramble
    llr = np.zeros(CODE_LENGTH)
    np.add.at(llr, carrier.place, soft)
    bits = polar.decode(llr, carrier.payload_bits, VERSION, paths)
    z = 0.0
    if bits is not None:
        unit = normalised(aligned, power)
        z = correlation(unit[data], carrier.signs(bits)[data])
    return Reading(
        carrier,
        folded.grid,
        alignment,
        sync,
        z,
        None if bits is None else bits_to_payload(bits),
    )


def correlation(unit: Complex, signs: NDArray[np.float64]) -> float:
    """z of Hoeffding's bound: ``sum(x s) / |x|`` over both signs of every line."""
    x = np.column_stack([unit.real, unit.imag])
    return float((x * signs).sum() / (np.sqrt((x**2).sum()) + 1e-12))
