"""What a reviewer may look at of a held clip: a storyboard, and a small silent copy."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from media.decode import decode
from media.encode import Encoder, EncodeSettings
from media.probe import probe

TILES = 8
TILE_SIDE = 240
PREVIEW_SIDE = 360


def storyboard(draft: Path, segments: Mapping[str, Sequence[Sequence[float]]]) -> bytes:
    """A JPEG of up to eight frames: of the flagged seconds if there are any, else evenly spread.

    One decoding pass; memory of one batch and the tiles.
    """
    info = probe(draft)
    seconds = info.seconds or 1.0
    stretches = [(s[0], s[1]) for parts in segments.values() for s in parts] or [(0.0, seconds)]
    wanted = np.concatenate([np.linspace(a, b, TILES + 2)[1:-1] for a, b in stretches])
    wanted = np.sort(wanted)[:: max(1, len(wanted) // TILES)][:TILES]
    tiles: list[Image.Image] = []
    for batch in decode(draft):
        for at in wanted[len(tiles) :]:
            if at > batch.times[-1] + 0.5 / float(info.fps):
                break
            nearest = int(np.abs(batch.times - at).argmin())
            tile = Image.fromarray(batch.pixels[nearest])
            tile.thumbnail((TILE_SIDE, TILE_SIDE))
            tiles.append(tile)
    columns = min(4, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = tiles[0].size
    sheet = Image.new("RGB", (columns * width, rows * height))
    for n, tile in enumerate(tiles):
        sheet.paste(tile, (n % columns * width, n // columns * height))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def preview(draft: Path) -> Path:
    """A copy beside the draft, at most 360 pixels on its longer side."""
    path = draft.with_name(f"{draft.stem}-preview.mp4")
    if path.is_file():
        return path
    info = probe(draft)
    scale = min(1.0, PREVIEW_SIDE / max(info.width, info.height))
    width, height = (max(16, int(side * scale) // 2 * 2) for side in (info.width, info.height))
    part = path.with_name(f"preview-{uuid.uuid4().hex}.mp4")
    with Encoder(part, width, height, Fraction(info.fps), EncodeSettings(crf=28)) as encoder:
        for batch in decode(draft):
            small = [
                np.asarray(Image.fromarray(frame).resize((width, height))) for frame in batch.pixels
            ]
            encoder.write(np.stack(small))
    part.replace(path)  # whole or not at all: two people may ask at once
    return path
