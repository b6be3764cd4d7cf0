"""The visible label: text in a corner of the first seconds, as some laws want it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from provenance.errors import ComplianceUnmet

Pixels = NDArray[np.uint8]
Draw = Callable[[Pixels], Pixels]

PADDING = 0.4
"""Space around the text, in text heights."""
FONT = Path(__file__).with_name("fonts") / "label.ttf"
"""Noto Sans SC Bold (SIL Open Font License, see ``fonts/OFL.txt``), subset to Latin and the
characters of Chinese labels; from the package @fontsource/noto-sans-sc 5.3.0."""

Icon = Literal["generated", "modified", "deepfake"]
Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]

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
    icon: Icon | None = None,
    corner: Corner = "bottom-right",
    opacity: float = GROUND,
) -> Draw:
    """A function that draws ``text`` on the first ``seconds`` of a stream of batches.

    Capitals are at least ``share`` of the short side high; ``icon`` stands before them.
    Batches are ``uint8 [T, H, W, 3]`` RGB and come in order. Raises :class:`ComplianceUnmet` when
    the font lacks a character or the label does not fit.
    """
    overlay, mask = _stamp(text, width, height, share, font, icon, opacity)
    gap = overlay.shape[0] // 3
    top = gap if corner.startswith("top") else height - overlay.shape[0] - gap
    left = gap if corner.endswith("left") else width - overlay.shape[1] - gap
    top = max(0, min(top, height - overlay.shape[0]))
    left = max(0, min(left, width - overlay.shape[1]))
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
    text: str,
    width: int,
    height: int,
    share: float,
    font: Path | None,
    icon: Icon | None,
    opacity: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grey values and opacity of the label, ``float32 [h, w]``."""
    wanted = int(np.ceil(share * min(width, height)))
    face = _face(font, wanted)
    _check_glyphs(face, text, font)
    left, top, right, bottom = face.getbbox(text)
    pad = max(2, round(PADDING * wanted))
    tall = int(bottom - top)
    before = tall + pad if icon else 0
    size = (int(right - left) + 2 * pad + before, tall + 2 * pad)
    if size[0] > width or size[1] > height:
        raise ComplianceUnmet("the visible label does not fit the frame", "choose a shorter text")
    ink = Image.new("L", size, 0)
    ImageDraw.Draw(ink).text((pad + before - left, pad - top), text, fill=255, font=face)
    if icon:
        ink.paste(_icon(icon, tall), (pad, pad))
    letters = np.asarray(ink, dtype=np.float32) / np.float32(255)
    return letters * np.float32(255), np.maximum(letters, np.float32(opacity))


def _icon(icon: Icon, side: int) -> Image.Image:
    """The icon, white on black, ``L`` of ``side`` pixels square: a ring whose inside is full
    (generated), half full (modified) or a pair of overlapping discs (deepfake). Our own drawing.
    """
    big = side * 4
    line = max(4, big // 12)
    image = Image.new("L", (big, big), 0)
    draw = ImageDraw.Draw(image)
    inner = (2.2 * line, 2.2 * line, big - 1 - 2.2 * line, big - 1 - 2.2 * line)
    draw.ellipse((0, 0, big - 1, big - 1), outline=255, width=line)
    if icon == "generated":
        draw.ellipse(inner, fill=255)
    elif icon == "modified":
        draw.pieslice(inner, 90, 270, fill=255)
    else:
        third = big / 3
        for x in (0.62, 1.38):
            draw.ellipse(
                (x * third + line * 0.4, third, (x + 1) * third - line * 0.4, 2 * third),
                outline=255,
                width=line,
            )
    return image.resize((side, side), Image.Resampling.LANCZOS)


def _face(font: Path | None, wanted: int) -> ImageFont.FreeTypeFont:
    """The font at the size at which its capitals are ``wanted`` pixels high."""
    size = wanted
    while True:
        face = ImageFont.truetype(str(font or FONT), size)
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
