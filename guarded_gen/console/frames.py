"""What a reviewer may look at of a case: a storyboard, and a small silent copy."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from media.decode import decode
from media.encode import Encoder
from media.encoding import EncodeSettings
from media.probe import probe

TILES = 8
TILE_SIDE = 240
PREVIEW_SIDE = 360
SOFT_BLUR = 0.025
"""Radius of the blur of restricted media, in shares of a tile."""


def storyboard(
    files: Sequence[Path], segments: Mapping[str, Sequence[Sequence[float]]], soft: bool = False
) -> bytes:
    """A JPEG of up to eight frames of each file: of the flagged seconds if there are any, else
    evenly spread. Flagged seconds are those of a single file. ``soft`` makes it grey and blurred
    before it leaves the server, so that no page and no cache ever holds the sharp picture.

    One decoding pass a file; memory of one batch and the tiles.
    """
    tiles: list[Image.Image] = []
    for file in files:
        tiles += _tiles(file, segments if len(files) == 1 else {})
    columns = min(4, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = (max(tile.size[n] for tile in tiles) for n in (0, 1))
    sheet = Image.new("RGB", (columns * width, rows * height))
    for n, tile in enumerate(tiles):
        sheet.paste(tile, (n % columns * width, n // columns * height))
    if soft:
        blurred = sheet.convert("L").filter(ImageFilter.GaussianBlur(TILE_SIDE * SOFT_BLUR))
        sheet = blurred.convert("RGB")
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _tiles(file: Path, segments: Mapping[str, Sequence[Sequence[float]]]) -> list[Image.Image]:
    info = probe(file)
    seconds = info.seconds or 1.0
    stretches = [(s[0], s[1]) for parts in segments.values() for s in parts] or [(0.0, seconds)]
    wanted = np.concatenate([np.linspace(a, b, TILES + 2)[1:-1] for a, b in stretches])
    wanted = np.sort(wanted)[:: max(1, len(wanted) // TILES)][:TILES]
    tiles: list[Image.Image] = []
    last: Image.Image | None = None
    for batch in decode(file):
        for at in wanted[len(tiles) :]:
            if at > batch.times[-1] + 0.5 / float(info.fps):
                break
            nearest = int(np.abs(batch.times - at).argmin())
            tiles.append(_small(batch.pixels[nearest]))
        last = _small(batch.pixels[-1])
    if not tiles and last is not None:  # a still, or a clip shorter than the first wanted second
        tiles.append(last)
    return tiles


def _small(pixels: NDArray[np.uint8]) -> Image.Image:
    tile = Image.fromarray(pixels)
    tile.thumbnail((TILE_SIDE, TILE_SIDE))
    return tile


def preview(files: Sequence[Path]) -> Path:
    """One copy of all files beside the first, at most 360 pixels on its longer side; a still
    stands for a second."""
    first = files[0]
    path = first.with_name(f"{first.stem}-preview.mp4")
    if path.is_file():
        return path
    info = probe(first)
    scale = min(1.0, PREVIEW_SIDE / max(info.width, info.height))
    size = tuple(max(16, int(side * scale) // 2 * 2) for side in (info.width, info.height))
    fps = Fraction(info.fps)
    part = first.with_name(f"preview-{uuid.uuid4().hex}.mp4")
    with Encoder(part, size[0], size[1], fps, EncodeSettings(crf=28)) as encoder:
        for file in files:
            before, last = encoder.frames, None
            for batch in decode(file):
                small = [
                    np.asarray(ImageOps.pad(Image.fromarray(frame), (size[0], size[1])))
                    for frame in batch.pixels
                ]
                encoder.write(np.stack(small))
                last = small[-1]
            if last is not None and encoder.frames == before + 1:
                encoder.write(np.stack([last] * (max(2, round(fps)) - 1)))
    part.replace(path)  # whole or not at all: two people may ask at once
    return path
