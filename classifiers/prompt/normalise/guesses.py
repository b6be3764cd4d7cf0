"""What an unknown word may have been before it was disguised: the cheapest known word."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from itertools import product

from classifiers.prompt.normalise.vocabulary import Vocabulary

LEET = {
    "0": "o",
    "1": "il",
    "2": "z",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "gb",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "i",
    "|": "li",
    "+": "t",
    "(": "c",
    "<": "c",
    "€": "e",
    "£": "l",
    "¥": "y",
    "#": "h",
    "&": "a",
    "*": "",
    "%": "",
    "?": "",
    "^": "a",
}
"""What a digit or sign may stand for; the empty ones hide any letter."""
MAX_NODES = 3_000
"""Steps of the search for one word: two signs for any letter need about a thousand."""
MAX_SOLID = 800
"""Letters without a space that are split into words, about 10 ms."""
VOWEL_BONUS = 1.0
"""A sign hides a vowel more often than a consonant."""
HIDDEN_BONUS = 3.0
"""The same for words that somebody has a reason to hide, in nats."""
EDIT_COST, SWAP_COST, SHUFFLE_COST, REVERSE_COST, RUN_COST = 3.0, 1.0, 2.0, 2.5, 0.5
"""How much less likely, in nats, one way of disguise is than another."""
END_COST = 2.0
"""The same for a shuffled word whose last letter moved too."""
EDIT_MIN = 5
"""Letters from which one missing, added or wrong letter is undone."""
UNKNOWN_COST, UNKNOWN_LETTER = 16.0, 3.5
"""Cost of a stretch of letters in run-together text that is no word, and of each letter."""
LONGEST = 20
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_RUN = re.compile(r"(.)\1*")
_CACHE = 20_000
Scored = tuple[float, str]


class Guesses:
    """Look-ups over a vocabulary; pure and thread-safe but for caches.

    Each costs microseconds to a millisecond, and the same word is looked up once. ``hidden``
    are words that people put stars into.
    """

    def __init__(self, words: Vocabulary, hidden: Iterable[str] = ()) -> None:
        self.words = words
        self._hidden = frozenset(hidden)
        self.known = words.known
        self.unleet = lru_cache(_CACHE)(self._unleet)
        self.respell = lru_cache(_CACHE)(self._respell)
        self.segment = lru_cache(256)(self._segment)

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.words.forms)

    @cached_property
    def _scrambled(self) -> dict[str, list[str]]:
        """First letter and the sorted others, to words."""
        found: dict[str, list[str]] = {}
        for word in self.words.forms:
            if len(word) >= 4:
                found.setdefault(_key(word), []).append(word)
        return found

    def _cost(self, word: str) -> float:
        return self.words.forms.get(word, math.inf)

    def _unleet(self, word: str) -> str | None:
        """The likeliest known word that ``word`` spells with digits and signs."""
        options = [LEET.get(c, c) for c in word.lower()]
        best: Scored | None = None
        listed, forms = self._sorted, self.words.forms
        # depth first over the sorted words: a prefix that starts no word is left at once
        stack: list[tuple[str, float]] = [("", 0.0)]
        nodes = 0
        while stack and nodes < MAX_NODES:
            prefix, bonus = stack.pop()
            nodes += 1
            if len(prefix) == len(options):
                cost = forms.get(prefix)
                if "" in options and prefix in self._hidden:
                    bonus += HIDDEN_BONUS
                if cost is not None and (best is None or cost - bonus < best[0]):
                    best = (cost - bonus, prefix)
                continue
            here = options[len(prefix)]
            for letter in here or _LETTERS:
                longer = prefix + letter
                at = bisect_left(listed, longer)
                if at < len(listed) and listed[at].startswith(longer):
                    extra = VOWEL_BONUS if not here and letter in "aeiou" else 0.0
                    stack.append((longer, bonus + extra))
        return best[1] if best else None

    def letters(self, word: str) -> str:
        """``word`` with every digit and sign as the letter that it stands for most often."""
        return "".join((LEET.get(c) or c)[0] for c in word.lower())

    def _respell(self, word: str, edits: bool) -> str | None:
        """The cheapest known word that was stretched, swapped, shuffled, reversed or misspelt.

        ``edits`` allows one wrong, missing or added letter too, which guesses more boldly.
        """
        word = word.lower()
        found = [
            *((self._cost(w) + RUN_COST, w) for w in self._unrepeated(word)),
            *(
                (self._cost(w) + SHUFFLE_COST + (END_COST if w[-1] != word[-1] else 0.0), w)
                for w in self._scrambled.get(_key(word), ())
            ),
            *((self._cost(w) + SWAP_COST, w) for w in _swaps(word)),
        ]
        if len(word) > 2:
            found.append((self._cost(word[::-1]) + REVERSE_COST, word[::-1]))
        best = min(found, default=(math.inf, ""))
        if math.isinf(best[0]) and edits and len(word) >= EDIT_MIN and word.isascii():
            best = min(((self._cost(w) + EDIT_COST, w) for w in _edits(word)), default=best)
        return None if math.isinf(best[0]) or best[1] == word else best[1]

    def _unrepeated(self, word: str) -> Iterable[str]:
        runs = [m.group() for m in _RUN.finditer(word)]
        long = [i for i, run in enumerate(runs) if len(run) > 1]
        if not long or len(long) > 8:
            return
        for kept in product((1, 2), repeat=len(long)):
            parts = list(runs)
            for i, length in zip(long, kept, strict=True):
                parts[i] = runs[i][:length]
            yield "".join(parts)

    def _segment(self, letters: str) -> tuple[str, ...] | None:
        """Run-together letters as the likeliest words; stretches that are none stay whole."""
        letters = letters.lower()
        if not letters.isalpha() or not letters.isascii() or len(letters) > MAX_SOLID:
            return None
        forms = self.words.forms
        size = len(letters)
        best = [0.0] + [math.inf] * size
        back = [0] * (size + 1)
        for end in range(1, size + 1):
            for start in range(max(0, end - LONGEST), end):
                length = end - start
                cost = forms.get(letters[start:end])
                if cost is None or (length == 1 and letters[start] not in "ai"):
                    cost = UNKNOWN_COST + UNKNOWN_LETTER * length
                if best[start] + cost < best[end]:
                    best[end], back[end] = best[start] + cost, start
        words: list[str] = []
        while size:
            words.append(letters[back[size] : size])
            size = back[size]
        return tuple(reversed(words))


def _key(word: str) -> str:
    return word[:1] + "".join(sorted(word[1:]))


def _swaps(word: str) -> Sequence[str]:
    return [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)]


def _edits(word: str) -> Iterable[str]:
    """Every word one deleted, inserted or replaced letter away; the first letter stays."""
    for i in range(1, len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]
