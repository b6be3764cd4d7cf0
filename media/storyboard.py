"""A picture of the seconds that matter: small frames with their times, blurred by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from media.clip import Pixels
from media.errors import MediaError
from media.limits import MediaLimits
from media.open import open_media

TILE_WIDTH = 240
"""Pixels. Four tiles a row make a picture that fits a screen."""

_COLUMNS = 4
_CAPTION = 34
_MARGIN = 8
_PAPER, _INK, _FAINT = (250, 250, 248), (30, 30, 30), (110, 110, 110)
_MAX_TEXT = 160
_DEFAULT = MediaLimits()
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Tile:
    """One frame of a storyboard: ``picture`` is ``uint8 [H, W, 3]``, ``time`` in seconds."""

    picture: Pixels
    time: float
    label: str


def frames_at(
    path: Path, times: Sequence[float], limits: MediaLimits = _DEFAULT, showing: str = "shown"
) -> list[tuple[float, Pixels]]:
    """The first frames at or after ``times`` (seconds), ``uint8 [H, W, 3]``, in time order.

    ``showing`` names one of the file's pictures (:attr:`media.open.Showing.name`). Decodes once
    from the start until the last of them; what comes after a break is left out.
    """
    wanted = sorted(set(times))
    found: list[tuple[float, Pixels]] = []
    try:
        media = open_media(path, limits)
        chosen = next((s for s in media.showings if s.name == showing), None)
        if chosen is None:
            return found
        for frames in media.frames(chosen):
            for k, time in enumerate(frames.times.tolist()):
                if wanted and time >= wanted[0] - 1e-6:
                    found.append((time, frames.pixels[k].copy()))
                    while wanted and wanted[0] <= time + 1e-6:
                        wanted.pop(0)
            if not wanted:
                break
    except MediaError:
        return found
    return found


def storyboard(tiles: Sequence[Tile], title: str = "", blur: bool = True) -> Image.Image:
    """Tiles in rows of four with time and label below each.

    ``blur`` leaves shapes and colours but no detail, so that the picture can be looked at
    without harm. Raises ``ValueError`` without tiles.
    """
    if not tiles:
        raise ValueError("a storyboard needs a frame")
    small = [_small(tile.picture, blur) for tile in tiles]
    height = max(image.height for image in small)
    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    head = 28 if title else 0
    cell = (TILE_WIDTH + _MARGIN, height + _CAPTION + _MARGIN)
    sheet = Image.new("RGB", (columns * cell[0] + _MARGIN, head + rows * cell[1] + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    large, fine = ImageFont.load_default(14), ImageFont.load_default(11)
    if title:
        draw.text((_MARGIN, 7), _fit(draw, title, large, sheet.width - 2 * _MARGIN), _INK, large)
    for k, (tile, image) in enumerate(zip(tiles, small, strict=True)):
        x = _MARGIN + k % columns * cell[0]
        y = head + _MARGIN + k // columns * cell[1]
        sheet.paste(image, (x + (TILE_WIDTH - image.width) // 2, y))
        draw.text((x, y + height + 3), clock(tile.time), _INK, large)
        label = _fit(draw, tile.label, fine, TILE_WIDTH)
        draw.text((x, y + height + 20), label, _FAINT, fine)
    return sheet


def clock(seconds: float) -> str:
    """``m:ss.mmm``, with hours where there are any."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest:06.3f}"


def _small(picture: Pixels, blur: bool) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(picture))
    scale = TILE_WIDTH / image.width
    # A tall picture must not make the sheet endless.
    scale = min(scale, 2 * TILE_WIDTH / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.BOX if blur else Image.Resampling.LANCZOS)
    if not blur:
        return image
    coarse = image.resize((max(1, size[0] // 12), max(1, size[1] // 12)), Image.Resampling.BOX)
    return coarse.resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(4))


def _fit(draw: ImageDraw.ImageDraw, text: str, font: _Font, width: int) -> str:
    text = text[:_MAX_TEXT]
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(text + "…", font) > width:
        text = text[:-1]
    return text + "…"
