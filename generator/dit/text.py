"""Captions as tokens: one token for each slot of the caption language.

The prompt is free English; the re-captioner (:mod:`generator.world.parse`) turns it into a
caption, whose words fill eleven slots. A slot knows its own words only, so a colour can never
bind to the wrong object.
"""

from __future__ import annotations

import torch
from torch import Tensor

from generator.world.caption import Caption
from generator.world.vocabulary import (
    CAMERAS,
    COLORS,
    LIGHTS,
    MOTIONS,
    PLACES,
    SHAPES,
    SIZES,
)

UNCONDITIONAL = 0
"""The index that stands for "said nothing" in a slot (classifier-free guidance)."""
ABSENT = 1
"""The index for "there is no second object"."""

_THING = (SIZES, tuple(COLORS), SHAPES, MOTIONS)
SLOTS: tuple[tuple[str, ...], ...] = (*_THING, *_THING, PLACES, LIGHTS, CAMERAS)
"""The words of each slot: size, color, shape, motion (twice), place, light, camera."""
COUNT = len(SLOTS)
SHAPE_SLOTS = (2, 6)
"""The slots of the two things' shapes."""
SCENE_SLOTS = (8, 9, 10)
"""The slots of place, light and camera."""
SIZES_OF_SLOTS = tuple(len(words) + 2 for words in SLOTS)


def encode(caption: Caption) -> Tensor:
    """``int64 [COUNT]``: for each slot 2 + the index of its word, or :data:`ABSENT`."""
    words: list[str | None] = []
    for index in range(2):
        if index < len(caption.things):
            thing = caption.things[index]
            words += [thing.size, thing.color, thing.shape, thing.motion]
        else:
            words += [None] * 4
    words += [caption.place, caption.light, caption.camera]
    return torch.tensor(
        [
            ABSENT if word is None else 2 + slot.index(word)
            for word, slot in zip(words, SLOTS, strict=True)
        ]
    )


def unsaid(words: Tensor) -> Tensor:
    """``words [..., COUNT]`` with nothing said about the things; the scene stays."""
    out = words.clone()
    out[..., : SCENE_SLOTS[0]] = UNCONDITIONAL
    return out
