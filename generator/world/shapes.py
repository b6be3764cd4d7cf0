"""Signed distance fields of the shapes, negative inside.

Formulas after Inigo Quilez, "2D distance functions" (the exact distances of a regular
triangle, a five-pointed star and a heart), written anew for tensors.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TILTING = frozenset({"triangle", "star", "square"})


def tilts(shape: str) -> bool:
    """Whether a random tilt shows (a circle does not turn visibly)."""
    return shape in _TILTING


def distance(shape: str, x: Tensor, y: Tensor, r: Tensor | float) -> Tensor:
    """Signed distance to ``shape`` of radius ``r`` around the origin.

    ``x``, ``y``: float tensors that broadcast, in any unit, y down. Same unit comes back.
    Raises ``KeyError`` for a shape outside the vocabulary.
    """
    return _DISTANCES[shape](x, y, r)


def _circle(x: Tensor, y: Tensor, r: Tensor | float) -> Tensor:
    return torch.sqrt(x * x + y * y) - r


def _ring(x: Tensor, y: Tensor, r: Tensor | float) -> Tensor:
    return (torch.sqrt(x * x + y * y) - 0.74 * r).abs() - 0.26 * r


def _square(x: Tensor, y: Tensor, r: Tensor | float) -> Tensor:
    half, corner = 0.86 * r, 0.06 * r
    qx, qy = x.abs() - (half - corner), y.abs() - (half - corner)
    outside = torch.sqrt(qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2)
    return outside + torch.maximum(qx, qy).clamp(max=0) - corner


def _triangle(x: Tensor, y: Tensor, r: Tensor | float) -> Tensor:
    y = y - 0.18 * r
    edge = math.sqrt(0.75) * x.abs() - 0.5 * y - 0.56 * r
    return torch.maximum(edge, y - 0.56 * r)


def _star(x: Tensor, y: Tensor, r: Tensor | float) -> Tensor:
    c, s = math.cos(math.pi / 5), math.sin(math.pi / 5)
    x, y = x.abs(), -y
    d = 2 * (c * x - s * y).clamp(min=0)
    x, y = x - d * c, y + d * s
    d = 2 * (-c * x - s * y).clamp(min=0)
    x, y = (x + d * c).abs(), y + d * s
    y = y - 1.14 * r
    bx, by = 0.46 * s, 0.46 * c - 1
    h = ((x * bx + y * by) / (bx * bx + by * by)).clamp(min=0)
    h = torch.minimum(h, torch.as_tensor(1.14 * r))
    ex, ey = x - bx * h, y - by * h
    return torch.sqrt(ex * ex + ey * ey) * torch.sign(y * bx - x * by)


def _heart(x: Tensor, y: Tensor, r: Tensor | float) -> Tensor:
    k = 1.72 * r
    x, y = x.abs() / k, 0.54 - y / k
    lobe = torch.sqrt((x - 0.25) ** 2 + (y - 0.75) ** 2) - math.sqrt(2) / 4
    m = 0.5 * (x + y).clamp(min=0)
    tip = torch.minimum(x**2 + (y - 1) ** 2, (x - m) ** 2 + (y - m) ** 2)
    lower = torch.sqrt(tip) * torch.sign(x - y)
    return torch.where(x + y > 1, lobe, lower) * k


_DISTANCES = {
    "circle": _circle,
    "ring": _ring,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "heart": _heart,
}
