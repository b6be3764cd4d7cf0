"""What happened to the frames on their way, told by the mark, and how to undo it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from provenance.watermark.carrier import REST_PERIOD
from provenance.watermark.part import Part

if TYPE_CHECKING:
    from provenance.watermark.fold import Reading
    from provenance.watermark.plan import Plan


@dataclass(frozen=True, slots=True)
class Geometry:
    """The map from a received frame to the pattern that was embedded.

    ``matrix`` is ``[3][3]``: received pixel (x, y, 1) to pattern coordinates in tiles, in the
    orientation in which the mark was embedded; whole tiles are undetermined, and so is the
    asset's own offset unless its plan is known (:meth:`placed`). ``period_factor`` is the asset's
    own stretch. ``width`` and ``height`` are those of the received frame. When the mark is in a
    ``part`` of it only, all of this is about the part turned upright.
    """

    width: int
    height: int
    matrix: tuple[tuple[float, float, float], ...]
    period_factor: float
    mirrored: bool
    rotation: float
    scale: float
    aspect: float
    part: Part | None = None

    def seen(self, luma: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """The picture that this geometry is about, in a received frame; None: of another size."""
        size = (luma.shape[1], luma.shape[0])
        if self.part is not None:
            return self.part.cut(luma) if size == self.part.frame else None
        return luma if size == (self.width, self.height) else None

    @classmethod
    def of(
        cls,
        reading: Reading,
        factor: float,
        work: tuple[int, int],
        size: tuple[int, int],
        to_tiles: NDArray[np.float64] | None = None,
    ) -> Geometry:
        """``to_tiles`` ``[3, 3]``: searched picture to folded tile; else the reading's grid."""
        m = reading.grid.to_tiles() if to_tiles is None else to_tiles
        return cls._from_matrix(m, reading, factor, work, size)

    def placed(self, plan: Plan) -> NDArray[np.float64]:
        """With the asset's plan: received pixel to original pixel over the original's period.

        ``float64 [3, 3]``; whole tiles stay undetermined.
        """
        own = np.eye(3)
        own[:2, 2] = (plan.offset_x, plan.offset_y)
        m = own @ np.array(self.matrix)
        return np.asarray(m / m[2, 2])

    @classmethod
    def _from_matrix(
        cls,
        m: NDArray[np.float64],
        reading: Reading,
        period_factor: float,
        work: tuple[int, int],
        size: tuple[int, int],
    ) -> Geometry:
        """``m``: searched picture (x, y, 1) to folded tile coordinates."""
        how = reading.alignment
        turn = np.eye(2)
        if how.mirrored:
            turn = np.diag([-1.0, 1.0])
        for _ in range(how.quarters):
            turn = np.array([[0.0, -1.0], [1.0, 0.0]]) @ turn
        # A line k of the carrier shows up at turn·k with phase 2π(turn·k · u - k·offset - ...):
        # pattern coordinates are turnᵀ(u - shift), where the asset's own offset is zero.
        back = np.eye(3)
        back[:2, :2] = turn.T
        shift = np.eye(3)
        shift[:2, 2] = (-how.shift_x, -how.shift_y)
        scale = np.diag([work[0] / size[0], work[1] / size[1], 1.0])
        whole = back @ shift @ m @ scale
        whole = whole / whole[2, 2]
        centre = np.array([size[0] / 2, size[1] / 2])
        local = _jacobian(whole, centre)
        px, py = np.linalg.norm(local[0]), np.linalg.norm(local[1])
        rotation = float(np.degrees(np.arctan2(local[1, 0], local[1, 1])))
        short = min(size)
        return cls(
            size[0],
            size[1],
            tuple((float(a), float(b), float(c)) for a, b, c in whole),
            period_factor,
            bool(np.linalg.det(local) < 0),
            rotation,
            float(1 / (np.sqrt(px * py) * period_factor * REST_PERIOD * short)),
            float(py / px),
        )

    def to_json(self) -> dict[str, object]:
        return {
            "mirrored": self.mirrored,
            "rotation_degrees": round(self.rotation, 2),
            "scale_to_short_side": round(self.scale, 4),
            "aspect": round(self.aspect, 4),
        } | (
            {}
            if self.part is None
            else {"part_of_frame": [[round(x, 1), round(y, 1)] for x, y in self.part.corners]}
        )


def _jacobian(m: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the projective map ``m`` at a point, ``float64 [2, 2]``."""
    p = m @ np.array([at[0], at[1], 1.0])
    return np.asarray((m[:2, :2] - np.outer(p[:2] / p[2], m[2, :2])) / p[2])
