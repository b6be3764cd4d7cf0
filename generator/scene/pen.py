"""A pen over OpenCV: filled outlines with antialiased edges, in a figure's own coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]
Points = Sequence[tuple[float, float]] | NDArray[np.float64]
Canvas = NDArray[np.uint8]

_SHIFT = 5
_FINE = 1 << _SHIFT
"""OpenCV takes whole numbers; these are parts of a pixel."""


def mix(first: Color, second: Color, share: float) -> Color:
    """``first`` with ``share`` in [0, 1] of ``second`` in it."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return r, g, b


def darker(color: Color, share: float = 0.28) -> Color:
    return mix(color, (18, 16, 26), share)


def lighter(color: Color, share: float = 0.35) -> Color:
    return mix(color, (255, 255, 255), share)


def smooth(points: Points, parts: int = 6) -> NDArray[np.float64]:
    """The closed Catmull-Rom curve through ``points``: ``float [N*parts, 2]``."""
    p1 = np.asarray(points, np.float64)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = (np.arange(parts) / parts)[None, :, None]
    p0, p1, p2, p3 = (p[:, None, :] for p in (p0, p1, p2, p3))
    curve = p1 + 0.5 * t * (
        p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))
    )
    return curve.reshape(-1, 2)


@dataclass(slots=True)
class Pen:
    """Draws on ``canvas`` (``uint8 [H, W, 3]``) through an affine map.

    Local coordinates: x right, y up, one unit is ``scale`` pixels; (0, 0) lies at ``origin``
    in pixels. ``flip`` mirrors in x, ``angle`` turns anticlockwise (radians). ``tint`` is what
    the light leaves of red, green and blue.
    """

    canvas: Canvas
    origin: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    flip: bool = False
    angle: float = 0.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def turned(self, x: float, y: float, angle: float, scale: float = 1.0) -> Pen:
        """A pen whose origin is this pen's (x, y), turned by ``angle`` and scaled."""
        ox, oy = self._map(np.array([[x, y]]))[0]
        return Pen(
            self.canvas,
            (float(ox), float(oy)),
            self.scale * scale,
            self.flip,
            self.angle + angle,
            self.tint,
        )

    def _map(self, points: Points) -> NDArray[np.float64]:
        p = np.asarray(points, np.float64)
        c, s = math.cos(self.angle), math.sin(self.angle)
        x, y = c * p[:, 0] - s * p[:, 1], s * p[:, 0] + c * p[:, 1]
        sign = -1.0 if self.flip else 1.0
        return np.stack(
            [self.origin[0] + sign * self.scale * x, self.origin[1] - self.scale * y], 1
        )

    def fill(self, points: Points, color: Color, alpha: float = 1.0) -> None:
        """Fill the outline ``points`` (``[N, 2]``, local units); ``alpha`` below 1 lets through."""
        at = self._map(points)
        low, high = at.min(0) - 2, at.max(0) + 3
        height, width = self.canvas.shape[:2]
        if high[0] < 0 or high[1] < 0 or low[0] > width or low[1] > height:
            return
        r, g, b = (min(255.0, c * t) for c, t in zip(color, self.tint, strict=True))
        if alpha >= 1:
            whole = np.round((at - 0.5) * _FINE).astype(np.int32)
            cv2.fillPoly(self.canvas, [whole], (r, g, b), cv2.LINE_AA, _SHIFT)
            return
        x0, y0 = max(0, int(low[0])), max(0, int(low[1]))
        x1, y1 = min(width, int(high[0])), min(height, int(high[1]))
        if x0 >= x1 or y0 >= y1:
            return
        part = self.canvas[y0:y1, x0:x1]
        over = part.copy()
        whole = np.round((at - 0.5 - (x0, y0)) * _FINE).astype(np.int32)
        cv2.fillPoly(over, [whole], (r, g, b), cv2.LINE_AA, _SHIFT)
        cv2.addWeighted(over, alpha, part, 1 - alpha, 0, dst=over)
        part[:] = over

    def blob(self, points: Points, color: Color, alpha: float = 1.0) -> None:
        """A body with soft outlines through ``points``."""
        self.fill(smooth(points), color, alpha)

    def disc(
        self,
        x: float,
        y: float,
        rx: float,
        ry: float | None = None,
        *,
        color: Color,
        alpha: float = 1.0,
        angle: float = 0.0,
    ) -> None:
        """An ellipse with the half axes ``rx`` and ``ry``."""
        count = int(min(96, max(12, 2.2 * math.sqrt(max(rx, ry or rx) * self.scale) + 10)))
        turn = np.linspace(0, 2 * math.pi, count, endpoint=False)
        px, py = rx * np.cos(turn), (rx if ry is None else ry) * np.sin(turn)
        c, s = math.cos(angle), math.sin(angle)
        self.fill(np.stack([x + c * px - s * py, y + s * px + c * py], 1), color, alpha)

    def limb(
        self, joints: Points, widths: Sequence[float], color: Color, alpha: float = 1.0
    ) -> None:
        """A bent limb: round at its joints, ``widths`` are the radii there."""
        p = np.asarray(joints, np.float64)
        for a, b, wa, wb in zip(p, p[1:], widths, widths[1:], strict=False):
            ahead = math.atan2(b[1] - a[1], b[0] - a[0])
            back = ahead + np.linspace(math.pi / 2, 3 * math.pi / 2, 9)
            front = ahead + np.linspace(-math.pi / 2, math.pi / 2, 9)
            outline = np.concatenate(
                [
                    a + wa * np.stack([np.cos(back), np.sin(back)], 1),
                    b + wb * np.stack([np.cos(front), np.sin(front)], 1),
                ]
            )
            self.fill(outline, color, alpha)

    def box(
        self, left: float, low: float, right: float, high: float, color: Color, round: float = 0.0
    ) -> None:
        """A rectangle with corners of radius ``round``."""
        if not round:
            self.fill([(left, low), (right, low), (right, high), (left, high)], color)
            return
        corners = (
            (right - round, high - round, 0.0),
            (left + round, high - round, 0.5),
            (left + round, low + round, 1.0),
            (right - round, low + round, 1.5),
        )
        turn = np.linspace(0, math.pi / 2, 6)
        outline = [
            (x + round * math.cos(a + q * math.pi), y + round * math.sin(a + q * math.pi))
            for x, y, q in corners
            for a in turn
        ]
        self.fill(outline, color)


def two_bones(
    hip: tuple[float, float], foot: tuple[float, float], upper: float, lower: float, bend: float
) -> list[tuple[float, float]]:
    """Hip, knee and foot of a leg whose bones are ``upper`` and ``lower`` long.

    ``bend`` > 0: the knee lies ahead (a person's), < 0 behind. A foot out of reach is pulled in.
    """
    dx, dy = foot[0] - hip[0], foot[1] - hip[1]
    far = math.hypot(dx, dy)
    reach = min(far, 0.999 * (upper + lower))
    if far > reach:
        foot = (hip[0] + dx * reach / far, hip[1] + dy * reach / far)
    along = (upper**2 - lower**2 + reach**2) / (2 * reach)
    off = math.sqrt(max(0.0, upper**2 - along**2)) * (1 if bend > 0 else -1)
    ux, uy = (foot[0] - hip[0]) / reach, (foot[1] - hip[1]) / reach
    return [hip, (hip[0] + along * ux - off * uy, hip[1] + along * uy + off * ux), foot]
