"""Where to put the mark so that the picture helps: informed choice of carrier and offset.

After a strong codec the picture itself is the loudest noise on the mark's lines, and it is known
before marking. The detector takes any carrier and any offset, so both are free: of all of them
we take the one in which the picture already leans towards the wanted signs. That is worth about
four deviations, for nothing (Costa 1983 says why such knowledge is worth having).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.watermark import carrier as carriers
from provenance.watermark import fold as folding
from provenance.watermark.keys import CarrierKey
from provenance.watermark.lattice import Grid
from provenance.watermark.mask import Plane


@dataclass(frozen=True, slots=True)
class Plan:
    """What the embedder decided: carrier index, offset in tiles, how far the picture leans.

    Recorded with the asset, it gives the detector's geometry its absolute position.
    """

    carrier: int
    offset_x: float
    offset_y: float
    lean: float = 0.0

    def to_json(self) -> dict[str, float]:
        return asdict(self)


def choose(
    key: CarrierKey,
    payload: int,
    payload_bits: int,
    period: float,
    fields: Sequence[Plane],
) -> Plan:
    """The plan for these mean residuals of the unmarked clip, each weighing the same.

    ``period`` is in pixels of the fields. ``lean`` is in deviations, summed over the fields.
    """
    bits = carriers.payload_to_bits(payload, payload_bits)
    kx, ky = folding.oriented(False, 0)
    height, width = fields[0].shape
    folder = folding.Folder((int(height), int(width)), Grid(period, 0.0).to_tiles())
    units = []
    for field in fields:
        tile, beside = folder.tile(field)
        at = (ky % folding.TILE, kx % folding.TILE)
        unit = folding.normalised(tile[at], folding.level(tile[at], beside[at]))
        units.append(unit / (np.sqrt((np.abs(unit) ** 2).sum() / 2) + 1e-12))
    host = np.sum(units, axis=0)
    best = Plan(0, 0.0, 0.0, -np.inf)
    for index in range(carriers.CARRIERS):
        signs = carriers.carrier(key, index, payload_bits).signs(bits)
        lean = leaning(host, signs, kx, ky)
        row, column = np.unravel_index(int(lean.argmax()), lean.shape)
        if lean[row, column] > best.lean:
            best = Plan(
                index,
                int(column) / folding.SHIFT_GRID,
                int(row) / folding.SHIFT_GRID,
                float(lean[row, column]),
            )
    return best


def leaning(
    host: NDArray[np.complex128],
    signs: NDArray[np.float64],
    kx: NDArray[np.intp],
    ky: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Correlation of the host's lines with the signs at every offset, ``[64, 64]`` (y, x)."""
    size = folding.SHIFT_GRID
    expected = (signs[:, 0] - 1j * signs[:, 1]) / np.sqrt(2)
    grid = np.zeros((size, size), dtype=complex)
    grid[ky % size, kx % size] = host * expected
    return np.asarray(np.fft.ifft2(grid).real * size**2)
