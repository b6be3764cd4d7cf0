"""The visible label: text, an icon or both, as some laws and some users want it.

It keeps to one place for its whole time, so that a viewer can read it, and to none where a face
was found: the corner that was asked for, then the other corners, then any free place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from provenance.errors import ComplianceUnmet

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Pixels = NDArray[np.uint8]

PADDING = 0.4
"""Space around the text, in text heights."""
FONT = Path(__file__).with_name("fonts") / "label.ttf"
"""Noto Sans SC Bold (SIL Open Font License, see ``fonts/OFL.txt``), subset to Latin and the
characters of Chinese labels; from the package @fontsource/noto-sans-sc 5.3.0."""

Icon = Literal["generated", "modified", "deepfake"]
Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
CORNERS: tuple[Corner, ...] = ("bottom-right", "bottom-left", "top-right", "top-left")

GROUND = 0.55
"""Opacity of the dark ground under the text."""
SECONDS = 2.0
"""How long a label is shown unless told otherwise (GB 45438-2025)."""
SHARE = 0.05
"""Height of its capitals, of the short side, unless told otherwise (GB 45438-2025)."""
LEAST_SHARE = 0.04
"""Below, capitals are smaller than 14 pixels in a copy at 360p, and are not read there."""
WHOLE = "whole"
"""The label stays for the whole clip."""
_GRID = 9
"""Places a side that are tried where every corner shows a face."""


class LabelWish(BaseModel):
    """What somebody asks of the visible label; what is left out is as the settings say.

    ``size`` is the height of the capitals as a share of the short side, ``duration`` is in
    seconds or ``whole``, ``opacity`` that of the dark ground. ``variant`` chooses the icon and
    shows it, unless ``icon`` says otherwise. An empty ``text`` leaves the icon alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    show: bool = True
    text: str | None = Field(None, max_length=60)
    icon: bool | None = None
    variant: Icon | None = None
    corner: Corner | None = None
    size: float | None = Field(None, ge=LEAST_SHARE, le=0.25)
    opacity: float | None = Field(None, ge=0.3, le=1)
    duration: Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["whole"] | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; ``right`` and ``bottom`` are outside."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(slots=True)
class Labeller:
    """Draws one label on a stream of batches; called with each in order.

    ``last`` is the first frame without it, None where it stays. ``corner`` is empty where every
    corner shows a face and the label stands elsewhere.
    """

    overlay: NDArray[np.float32]
    mask: NDArray[np.float32]
    left: int
    top: int
    corner: str
    last: int | None
    seen: int = field(default=0)

    @property
    def box(self) -> Box:
        height, width = self.overlay.shape
        return Box(self.left, self.top, self.left + width, self.top + height)

    def __call__(self, pixels: Pixels) -> Pixels:
        """The next batch ``uint8 [T, H, W, 3]`` RGB with the label; the input is left alone."""
        left = len(pixels) if self.last is None else max(0, self.last - self.seen)
        self.seen += len(pixels)
        count = min(len(pixels), left)
        return self._drawn(pixels, count) if count else pixels

    def shows(self, frame: int) -> bool:
        """Whether the frame of this number carries the label."""
        return self.last is None or frame < self.last

    def on(self, frame: Pixels) -> Pixels:
        """One frame ``uint8 [H, W, 3]`` with the label, whatever its time."""
        drawn: Pixels = self._drawn(frame[None], 1)[0]
        return drawn

    def _drawn(self, pixels: Pixels, count: int) -> Pixels:
        labelled = pixels.copy()
        height, width = self.overlay.shape
        box = labelled[:count, self.top : self.top + height, self.left : self.left + width]
        mixed = box * (1 - self.mask[..., None]) + self.overlay[..., None] * self.mask[..., None]
        box[:] = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
        return labelled


@dataclass(frozen=True, slots=True)
class LabelStyle:
    """How long and how a label is shown.

    ``seconds``: from the start; None: on all of it. Capitals are at least ``share`` of the short
    side high; ``icon`` stands before them, or alone where the text is empty.
    """

    share: float
    seconds: float | None = None
    font: Path | None = None
    icon: Icon | None = None
    corner: Corner = "bottom-right"
    opacity: float = GROUND


def labeller(
    text: str,
    width: int,
    height: int,
    fps: Fraction,
    style: LabelStyle,
    avoid: Sequence[Box] = (),
) -> Labeller:
    """What draws ``text`` in this style on a stream of batches.

    Raises :class:`ComplianceUnmet` when there is nothing to draw,
    the font lacks a character, the label does not fit, or no place is free of ``avoid``.
    """
    overlay, mask = _stamp(text, width, height, style)
    tall, wide = overlay.shape
    gap = min(tall // 3, (height - tall) // 2, (width - wide) // 2)
    for name, left, top in _places(style.corner, width, height, wide, tall, max(0, gap)):
        if not any(Box(left, top, left + wide, top + tall).meets(one) for one in avoid):
            last = None if style.seconds is None else int(np.ceil(style.seconds * fps))
            return Labeller(overlay, mask, left, top, name, last)
    raise ComplianceUnmet(
        "the visible label would cover a face wherever it stands",
        "ask for a smaller label, or for a clip whose faces leave room for it",
    )


def _places(
    first: Corner, width: int, height: int, wide: int, tall: int, gap: int
) -> Iterator[tuple[str, int, int]]:
    """Corner (empty for none), left and top of every place, the most wanted first."""
    right, bottom = width - wide - gap, height - tall - gap
    for corner in dict.fromkeys((first, *CORNERS)):
        yield (
            corner,
            gap if corner.endswith("left") else right,
            gap if corner.startswith("top") else bottom,
        )
    steps = range(_GRID)
    for row in sorted(steps, key=lambda r: min(r, _GRID - 1 - r)):
        for column in sorted(steps, key=lambda c: min(c, _GRID - 1 - c)):
            yield (
                "",
                gap + round((right - gap) * column / (_GRID - 1)),
                gap + round((bottom - gap) * row / (_GRID - 1)),
            )


def _stamp(
    text: str,
    width: int,
    height: int,
    style: LabelStyle,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Grey values and opacity of the label, ``float32 [h, w]``."""
    from PIL import Image, ImageDraw

    icon, font = style.icon, style.font
    if not text and icon is None:
        raise ComplianceUnmet("the visible label is empty", "give it a text or an icon")
    wanted = int(np.ceil(style.share * min(width, height)))
    face = _face(font, wanted)
    _check_glyphs(face, text, font)
    # an icon alone is as high as a line of text would be
    left, top, right, bottom = face.getbbox(text or "AI")
    if not text:
        left, right = 0, 0
    pad = max(2, round(PADDING * wanted))
    tall = int(bottom - top)
    before = tall + (pad if text else 0) if icon else 0
    size = (int(right - left) + 2 * pad + before, tall + 2 * pad)
    if size[0] > width or size[1] > height:
        raise ComplianceUnmet("the visible label does not fit the frame", "choose a shorter text")
    ink = Image.new("L", size, 0)
    if text:
        ImageDraw.Draw(ink).text((pad + before - left, pad - top), text, fill=255, font=face)
    if icon:
        ink.paste(_icon(icon, tall), (pad, pad))
    letters = np.asarray(ink, dtype=np.float32) / np.float32(255)
    return letters * np.float32(255), np.maximum(letters, np.float32(style.opacity))


def _icon(icon: Icon, side: int) -> Image.Image:
    """The icon, white on black, ``L`` of ``side`` pixels square: a ring whose inside is full
    (generated), half full (modified) or a pair of overlapping discs (deepfake). Our own drawing.
    """
    from PIL import Image, ImageDraw

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
    from PIL import ImageFont

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


def told(
    label: Labeller,
    text: str,
    icon: Icon | None,
    fps: Fraction,
    frame: tuple[int, int],
    share: float,
    faces: int | None,
) -> dict[str, Any]:
    """What a manifest says of a label that was drawn on frames of this width and height.

    ``box`` names its left, top, right and bottom as shares of the frame. ``faces`` is how many were
    found and kept clear of; None: nobody looked for any.
    """
    width, height = frame
    record: dict[str, Any] = {
        "text": text,
        "seconds": WHOLE if label.last is None else round(float(label.last / fps), 3),
        "share": share,
        "corner": label.corner or "elsewhere",
        # Not a list: c2pa-rs shows a list of numbers as bytes.
        "box": {
            "left": round(label.box.left / width, 4),
            "top": round(label.box.top / height, 4),
            "right": round(label.box.right / width, 4),
            "bottom": round(label.box.bottom / height, 4),
        },
        "facesAvoided": "nobody looked for faces" if faces is None else faces,
    }
    if icon:
        record["icon"] = icon
    return record
