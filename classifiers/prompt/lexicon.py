"""A graded word list: the plainest judge, and the one that an operator can read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt.heads import HEADS, INDEX

FILE = Path(__file__).resolve().parent / "lexicon.toml"
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_AGE = re.compile(
    r"\b(?:[1-9]|1[0-7])\s*(?:-|–)?\s*(?:y/?o|yrs?|years?)\b|\bage[ds]?\s*(?:of\s*)?(?:[1-9]|1[0-7])\b"
    r"|\b(?:five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)"
    r"\b|\b\w+th[- ]grade\w*|\b(?:girl|boy|someone|somebody|teen\w*)\s+(?:of|aged)\s+\d"
    r"|\b(?:young|little|tiny)(?:er|est)?\s+(?:ones?|looking|person|people)\b",
    re.I,
)
_CACHE = 20_000
HARMFUL = 2.0
"""Weight from which a word is mostly harmful by itself."""
_SUBJECTS = tuple(INDEX[h] for h in ("minors", "likeness", "elections", "intellectual_property"))
SATURATION = 4.0
"""Sum of weights from which more words change little."""
LONG_TEXT = 40
"""Words from which hits are thinned by length: a long text hits some by chance."""


class LexiconScorer:
    """Weighted hits per head, float32 [N, heads]; NaN for heads without a list.

    The ``unsafe`` head takes the largest of the harm heads; ``minors`` never counts there.
    """

    name = "lexicon"
    heads = HEADS
    width = len(HEADS)

    def __init__(self, file: Path = FILE) -> None:
        self._words: dict[str, list[tuple[int, float]]] = {}
        self._stems: dict[str, list[tuple[int, float]]] = {}
        table = tomllib.loads(file.read_text("utf-8"))
        self._heads = [INDEX[head] for head in table]
        for head, grades in table.items():
            for weight, words in grades.items():
                for word in words.split():
                    into = self._stems if word.endswith("*") else self._words
                    key = word.rstrip("*").replace("-", " ")
                    into.setdefault(key, []).append((INDEX[head], float(weight)))
        self._shortest = min(map(len, self._stems), default=3)
        self._found = lru_cache(_CACHE)(self._look_up)

    @property
    def words(self) -> tuple[str, ...]:
        """The single words of the lists, stems as they stand."""
        return tuple(w for w in (*self._words, *self._stems) if w.isalpha())

    @property
    def harmful(self) -> tuple[str, ...]:
        """Words and stems (``word*``) that mostly carry harm by themselves, subjects left out."""
        return tuple(
            word + end
            for table, end in ((self._words, ""), (self._stems, "*"))
            for word, grades in table.items()
            if word.isalpha() and any(w >= HARMFUL and h not in _SUBJECTS for h, w in grades)
        )

    def harmful_word(self, word: str) -> bool:
        """Whether a lower-case word mostly carries harm by itself; subjects do not."""
        return any(w >= HARMFUL and h not in _SUBJECTS for h, w in self._found(word))

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """About 20 µs a caption."""
        logits = np.full((len(texts), len(HEADS)), np.nan, np.float32)
        logits[:, self._heads] = 0.0
        logits[:, INDEX["unsafe"]] = 0.0
        for row, text in enumerate(texts):
            words = _WORD.findall(text.lower())
            hits = np.zeros(len(HEADS), np.float32)
            for i, word in enumerate(words):
                pair = f"{word} {words[i + 1]}" if i + 1 < len(words) else ""
                for head, weight in self._found(word) + (self._found(pair) if " " in pair else []):
                    hits[head] += weight
            hits *= min(1.0, LONG_TEXT / max(len(words), 1)) ** 0.5
            value = SATURATION * np.tanh(hits / SATURATION)
            logits[row, self._heads] = value[self._heads]
            harm = [h for h in self._heads if h != INDEX["minors"]]
            logits[row, INDEX["unsafe"]] = value[harm].max()
        return logits

    def speaks_of_minors(self, text: str) -> bool:
        """Whether any word or number of a text points at somebody under 18."""
        if _AGE.search(text):
            return True
        row = self.score([text])[0]
        return bool(row[INDEX["minors"]] > 0 or row[INDEX["sexual_minors"]] > 0)

    def _look_up(self, word: str) -> list[tuple[int, float]]:
        found = self._words.get(word)
        if found is not None:
            return found
        for end in range(len(word), self._shortest - 1, -1):
            found = self._stems.get(word[:end])
            if found is not None:
                return found
        return []
