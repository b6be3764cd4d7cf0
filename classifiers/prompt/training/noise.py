"""Disguised copies of training rows, so that words which no reading restores still mean something.

Every copy mixes strengths and words at random; only the training texts are disguised, never
a held-out one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from classifiers.prompt.training.rows import Row

_LEET = {
    "a": "4@",
    "e": "3",
    "i": "1!",
    "o": "0",
    "s": "5$",
    "t": "7+",
    "l": "1|",
    "b": "8",
    "g": "9",
}
_VOWELS = "aeiou"


def _leet(word: str, rng: random.Random) -> str:
    strength = rng.choice((0.4, 0.7, 1.0))
    return "".join(
        rng.choice(_LEET[c]) if c in _LEET and rng.random() < strength else c for c in word
    )


def _starred(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + rng.choice("**#_-") + word[at + 1 :]


def _stretched(word: str, rng: random.Random) -> str:
    times = rng.choice((2, 2, 3, 4))
    return "".join(c * times if c in _VOWELS and rng.random() < 0.8 else c for c in word)


def _swapped(word: str, rng: random.Random) -> str:
    at = rng.randrange(0 if rng.random() < 0.2 else 1, len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _shuffled(word: str, rng: random.Random) -> str:
    inner = list(word[1:-1])
    rng.shuffle(inner)
    return word[0] + "".join(inner) + word[-1]


def _dropped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at + 1 :]


def _dotted(word: str, rng: random.Random) -> str:
    return rng.choice(".-_ ").join(word)


WORDS: Sequence[Callable[[str, random.Random], str]] = (
    _leet,
    _leet,
    _starred,
    _stretched,
    _swapped,
    _shuffled,
    _dropped,
    _dotted,
)


def disguised(text: str, rng: random.Random) -> str:
    """``text`` with a fifth to all of its longer words disguised in one way, or run together."""
    words = text.split()
    if rng.random() < 0.12:
        gap = rng.choice((1.0, 0.6))
        return "".join(w if rng.random() < gap else w + " " for w in words)
    way, share = rng.choice(WORDS), rng.choice((0.2, 0.4, 0.7, 1.0))
    return " ".join(
        way(w, rng) if len(w) > 3 and w.isalpha() and rng.random() < share else w for w in words
    )


def copies(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """Disguised copies of ``share`` of the rows, same source and label; others stay out."""
    rng = random.Random(f"noise:{seed}")
    found = []
    for row in rows:
        if rng.random() < share:
            text = disguised(row.text[:400], rng)
            if text != row.text:
                found.append(replace(row, text=text))
    return found
