"""The caption language: what a scene is in words, and back.

Grammar of a caption (canonical form)::

    caption  = objects "," place "," light "," camera
    objects  = object [ "and" object ]
    object   = "a" size color shape motion
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from generator.world.vocabulary import (
    CAMERAS,
    COLORS,
    LIGHTS,
    MOTIONS,
    PHRASES,
    PLACES,
    SHAPES,
    SIZES,
)


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a scene; each field is a word of :mod:`generator.world.vocabulary`.

    Raises ``ValueError`` for any other word.
    """

    color: str
    shape: str
    motion: str = "still"
    size: str = "medium"

    def __post_init__(self) -> None:
        _known("color", self.color, COLORS)
        _known("shape", self.shape, SHAPES)
        _known("motion", self.motion, MOTIONS)
        _known("size", self.size, SIZES)


@dataclass(frozen=True, slots=True)
class Caption:
    """A scene in words: one or two things, a place, the light and the camera.

    Raises ``ValueError`` for words outside the language, and for no or three things.
    """

    things: tuple[Thing, ...]
    place: str = "studio"
    light: str = "bright"
    camera: str = "static"

    def __post_init__(self) -> None:
        if not 1 <= len(self.things) <= 2:
            raise ValueError("a caption has one or two things")
        _known("place", self.place, PLACES)
        _known("light", self.light, LIGHTS)
        _known("camera", self.camera, CAMERAS)

    def __str__(self) -> str:
        return write(self)

    def at(self, place: str) -> Caption:
        """The same things somewhere else."""
        return replace(self, place=place)


def _known(kind: str, word: str, words: object) -> None:
    if word not in words:  # type: ignore[operator]
        raise ValueError(f"{word!r} is no {kind} of the caption language")


def write(caption: Caption, rng: random.Random | None = None) -> str:
    """The caption as English. Without ``rng`` the canonical form; with it, one of many."""

    def phrase(value: str) -> str:
        return rng.choice(PHRASES[value]) if rng else PHRASES[value][0]

    things = " and ".join(
        f"a {thing.size} {thing.color} {thing.shape} {phrase(thing.motion)}"
        for thing in caption.things
    )
    place, light, camera = (
        phrase(caption.place),
        phrase(caption.light),
        phrase(caption.camera),
    )
    if rng is None or rng.random() < 0.5:
        return f"{things}, {place}, {light}, {camera}"
    if rng.random() < 0.5:
        return f"{place}, {things}, {light}, {camera}"
    return f"a video of {things} {place}, {light}, {camera}"


def draw(rng: random.Random, two: float = 0.25, pan: float = 0.2) -> Caption:
    """A random caption. ``two``: share of two-object scenes; ``pan``: share of moving cameras.

    Two things never share a colour, so that words bind to what they describe.
    """
    count = 2 if rng.random() < two else 1
    colors = rng.sample(list(COLORS), count)
    things = tuple(
        Thing(color, rng.choice(SHAPES), rng.choice(MOTIONS), rng.choice(SIZES)) for color in colors
    )
    camera = rng.choice(CAMERAS[1:]) if rng.random() < pan else "static"
    light = "dim" if rng.random() < 0.3 else "bright"
    return Caption(things, rng.choice(PLACES), light, camera)
