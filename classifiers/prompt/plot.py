"""The reliability plot: forecasts against what was seen, as a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = (720, 760)
_LEFT, _TOP, _SIDE = 90, 60, 560
_INK, _GRID, _LINE, _BAR = "#1b1f24", "#dfe3e8", "#0b62d6", "#c9d8ef"


def reliability_plot(
    bins: Sequence[Mapping[str, Any]], error: float | None, title: str, file: Path
) -> None:
    """Draw bins with ``forecast``, ``observed`` and ``count``; the diagonal is perfection.

    Raises ``OSError`` when ``file`` cannot be written.
    """
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(18), ImageFont.load_default(14)
    most = max((b["count"] for b in bins), default=1)
    for item in bins:
        height = 0.22 * item["count"] / most
        draw.rectangle((*_at(item["low"], height), *_at(item["high"], 0)), fill=_BAR)
    for tenth in range(0, 11, 2):
        x, y = _at(tenth / 10, 0)
        draw.line((x, _TOP, x, _TOP + _SIDE), fill=_GRID)
        draw.text((x, y + 8), f"{tenth / 10:.1f}", fill=_INK, font=small, anchor="ma")
        x, y = _at(0, tenth / 10)
        draw.line((x, y, x + _SIDE, y), fill=_GRID)
        draw.text((x - 8, y), f"{tenth / 10:.1f}", fill=_INK, font=small, anchor="rm")
    draw.rectangle((_LEFT, _TOP, _LEFT + _SIDE, _TOP + _SIDE), outline=_INK)
    draw.line((*_at(0, 0), *_at(1, 1)), fill="#8a929c", width=2)
    points = [_at(b["forecast"], b["observed"]) for b in bins]
    if len(points) > 1:
        draw.line(points, fill=_LINE, width=3)
    for (x, y), item in zip(points, bins, strict=True):
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=_LINE)
        draw.text((x + 8, y + 4), str(item["count"]), fill=_INK, font=small)
    told = f"{title}   calibration error {error:.3f}" if error is not None else title
    draw.text((_LEFT, 22), told, fill=_INK, font=font)
    draw.text(
        (_LEFT + _SIDE // 2, _TOP + _SIDE + 40),
        "forecast probability of harm",
        fill=_INK,
        font=font,
        anchor="ma",
    )
    draw.text((14, _TOP + 20), "harmful", fill=_INK, font=small)
    draw.text(
        (_LEFT, _TOP + _SIDE + 72),
        "blue area: rows per bin; numbers: rows",
        fill="#5b6570",
        font=small,
    )
    image.save(file, format="PNG")


def _at(x: float, y: float) -> tuple[int, int]:
    return round(_LEFT + x * _SIDE), round(_TOP + (1 - y) * _SIDE)
