"""The visible label: text in a corner of the first seconds, as some laws want it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from provenance.errors import ComplianceUnmet

Pixels = NDArray[np.uint8]
Draw = Callable[[Pixels], Pixels]

PADDING = 0.4
"""Space around the text, in text heights."""
GROUND = 0.55
"""Opacity of the dark ground under the text."""


def labeller(
    text: str,
    width: int,
    height: int,
    fps: Fraction,
    *,
    seconds: float,
    share: float,
    font: Path | None = None,
) -> Draw:
    """A function that draws ``text`` on the first ``seconds`` of a stream of batches.

    Capitals are at least ``share`` of the short side high. Batches are ``uint8 [T, H, W, 3]``
    RGB and come in order. Raises :class:`ComplianceUnmet` when the font lacks a character or
    the label does not fit.
    """
    overlay, mask = _stamp(text, width, height, share, font)
    top = height - overlay.shape[0] - overlay.shape[0] // 3
    left = width - overlay.shape[1] - overlay.shape[0] // 3
    left, top = max(0, left), max(0, top)
    last = int(np.ceil(seconds * fps))
    seen = 0

    def draw(pixels: Pixels) -> Pixels:
        nonlocal seen
        count = min(len(pixels), max(0, last - seen))
        seen += len(pixels)
        if count == 0:
            return pixels
        labelled = pixels.copy()
        box = labelled[:count, top : top + overlay.shape[0], left : left + overlay.shape[1]]
        mixed = box * (1 - mask[..., None]) + overlay[..., None] * mask[..., None]
        box[:] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        return labelled

    return draw


def _stamp(
    text: str, width: int, height: int, share: float, font: Path | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grey values and opacity of the label, ``float32 [h, w]``."""
    wanted = int(np.ceil(share * min(width, height)))
    face = _face(font, wanted)
    _check_glyphs(face, text, font)
    left, top, right, bottom = face.getbbox(text)
    pad = max(2, round(PADDING * wanted))
    size = (int(right - left) + 2 * pad, int(bottom - top) + 2 * pad)
    if size[0] > width or size[1] > height:
        raise ComplianceUnmet("the visible label does not fit the frame", "choose a shorter text")
    ink = Image.new("L", size, 0)
    ImageDraw.Draw(ink).text((pad - left, pad - top), text, fill=255, font=face)
    letters = np.asarray(ink, dtype=np.float32) / np.float32(255)
    return letters * np.float32(255), np.maximum(letters, np.float32(GROUND))


def _face(font: Path | None, wanted: int) -> ImageFont.FreeTypeFont:
    """The font at the size at which its capitals are ``wanted`` pixels high."""
    size = wanted
    while True:
        face = ImageFont.truetype(str(font), size) if font else ImageFont.load_default(size)
        assert isinstance(face, ImageFont.FreeTypeFont)
        box = face.getbbox("AI")
        if box[3] - box[1] >= wanted:
            return face
        size += 1


def _check_glyphs(face: ImageFont.FreeTypeFont, text: str, font: Path | None) -> None:
    missing = bytes(face.getmask("\U0010fffe"))
    for character in set(text) - {" "}:
        if bytes(face.getmask(character)) == missing:
            raise ComplianceUnmet(
                f"the font has no {character!r}",
                "set compliance.label_font to a font that has it" if font is None else None,
            )
