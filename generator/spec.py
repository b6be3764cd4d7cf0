"""What a generator is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Self

from generator.errors import UnsupportedSpec


class Mode(StrEnum):
    """The kinds of generation, in the field's usual abbreviations where there is one.

    ``references`` is how many files a mode is made from; ``sounding``: the result keeps their
    sound.
    """

    references: int
    sounding: bool

    def __new__(cls, name: str, references: int = 0, sounding: bool = False) -> Self:
        mode = str.__new__(cls, name)
        mode._value_ = name
        mode.references, mode.sounding = references, sounding
        return mode

    TEXT_TO_VIDEO = "t2v"
    IMAGE_TO_VIDEO = "i2v", 1
    EXTEND = "extend", 1, True
    EXTEND_BACK = "extend_back", 1, True
    EDIT = "edit", 1, True
    BLEND = "blend", 2, True
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class GenerationSpec:
    """One request to a generator.

    ``seconds`` counts the new material; exactly ``frames`` = round(seconds x fps) frames come
    out (1 for ``Mode.IMAGE``). ``width`` and ``height`` are in pixels and even. ``seed`` is in
    [0, 2^63). ``references`` are local image or video files, as many as the mode has.
    ``strength`` in (0, 1] says how much an edit may change.

    Raises :class:`UnsupportedSpec` when a value contradicts itself.
    """

    prompt: str
    seconds: float = 4.0
    width: int = 512
    height: int = 512
    fps: Fraction = Fraction(24)
    seed: int = 0
    mode: Mode = Mode.TEXT_TO_VIDEO
    references: tuple[Path, ...] = ()
    negative_prompt: str = ""
    steps: int | None = None
    guidance: float | None = None
    strength: float = 0.7
    options: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2 or self.width <= 0 or self.height <= 0:
            raise UnsupportedSpec(
                f"size {self.width}x{self.height} is not even and positive",
                "give an even width and height, for instance 512x512",
            )
        if self.fps <= 0:
            raise UnsupportedSpec("the frame rate must be above 0", "24 is usual")
        if self.mode is not Mode.IMAGE and not 0 < self.seconds < 36_000:
            raise UnsupportedSpec("the length must be above 0 seconds", "4 is usual")
        if not 0 <= self.seed < 2**63:
            raise UnsupportedSpec("the seed must be in [0, 2^63)", "leave it out for a random one")

    @property
    def frames(self) -> int:
        """How many new frames the generator must yield."""
        return 1 if self.mode is Mode.IMAGE else max(1, round(self.seconds * self.fps))
