"""A small grammar: templates with ``{slots}``, filled from lists, expanded with a seed.

A family is one idea in many wordings. Families marked ``held`` are never trained on: they
share no template and no word list with a training family of the same idea, and stand in for
new sources in validation.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from classifiers.prompt.heads import HEADS, INDEX
from classifiers.prompt.training.labels import KIN
from classifiers.prompt.training.rows import Row

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")
OWN_NEGATIVE_WEIGHT = 0.5
"""We wrote the row and meant one thing; other heads are negatives, less firmly."""


def lines(text: str) -> tuple[str, ...]:
    """The alternatives of a block: one a line, or several a line with ``|`` between."""
    return tuple(part.strip() for part in re.split(r"[|\n]", text) if part.strip())


@dataclass(frozen=True)
class Family:
    """``count`` rows of one idea. ``heads`` are its positive categories.

    ``judge_unsafe`` false leaves the ``unsafe`` head out: a likeness, a brand or a child is a
    matter for its own head, and mixed into one label it blurs the scores of visual harm.
    """

    name: str
    style: str
    unsafe: bool
    templates: Sequence[str]
    count: int
    heads: tuple[str, ...] = ()
    slots: Mapping[str, Sequence[str]] = field(default_factory=dict)
    held: bool = False
    judge_unsafe: bool = True

    def rows(self, seed: int) -> list[Row]:
        rng = random.Random(f"{seed}:{self.name}:{self.held}")
        texts: dict[str, None] = {}
        for _ in range(self.count * 4):
            if len(texts) >= self.count:
                break
            texts[expand(rng.choice(self.templates), self.slots, rng)] = None
        target = np.zeros(len(HEADS), np.float32)
        # harm without a named category (implied, spread over shots) speaks for `unsafe` alone
        unnamed = self.unsafe and not self.heads
        weight = np.full(len(HEADS), 0.0 if unnamed else OWN_NEGATIVE_WEIGHT, np.float32)
        related = set(self.heads).union(*(group for group in KIN if group & set(self.heads)))
        for head in related - set(self.heads):
            if self.unsafe:
                weight[INDEX[head]] = 0.0
        for head in self.heads:
            target[INDEX[head]] = weight[INDEX[head]] = 1.0
        target[INDEX["unsafe"]] = float(self.unsafe)
        weight[INDEX["unsafe"]] = float(self.judge_unsafe)
        source = f"{'held' if self.held else 'own'}:{self.name}"
        return [
            Row(text, self.unsafe, source, self.style, "|".join(self.heads), target, weight)
            for text in texts
        ]


def expand(template: str, slots: Mapping[str, Sequence[str]], rng: random.Random) -> str:
    """One text; slots may hold slots. Raises ``KeyError`` for a slot without a list."""
    text = template
    for _ in range(6):
        if not _SLOT.search(text):
            break
        text = _SLOT.sub(lambda found: rng.choice(slots[found.group(1)]), text)
    text = _ARTICLE.sub(r"\1n ", re.sub(r"\s+", " ", text)).strip()
    style = rng.random()
    if style < 0.3:
        text = text[:1].upper() + text[1:]
    if style < 0.2 and text[-1:] not in ".?!":
        text += "."
    if style > 0.97:
        text = text.upper() if len(text) < 60 else text
    return text
