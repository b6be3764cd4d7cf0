"""Which words are known, and how common they are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Container, Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

WORDS = Path(__file__).resolve().parent / "words.txt"
"""Made by ``classifiers.prompt.training.list_words``."""
_TOKEN = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
SUFFIXES = ("'s", "s", "es", "ed", "d", "ing", "er", "ers", "ly", "y", "ness", "n't")
INFLECTED = 20_000
"""Words, by frequency, whose regular forms are listed too."""
FORM_COST = 4.0
"""How much rarer, in nats, a regular form is taken to be than its word."""
_CACHE = 20_000

_SHORT_WORDS = (
    "a i an as at be by do go he if in is it me my no of oh ok on or so to up us we am pm tv uk hi "
    "ah ha eh yo ex ad vs"
)
_SHORT = frozenset(_SHORT_WORDS.split())
_BONES = (
    "the of and with that this these those his her their its from into onto while when then they "
    "them she you your who which what where through until after before between about behind "
    "against without by were has have been being how"
)
ENGLISH = frozenset(_BONES.split())
"""Words that hardly any English sentence lacks and that few other languages have."""


class Vocabulary:
    """A set of lower-case words, each with the cost (negative log probability) of meeting it.

    ``words`` come by falling frequency, as do ``domain``, the words of prompts. Costs follow
    Zipf's law over the better of the two ranks.
    """

    def __init__(self, words: Iterable[str], domain: Iterable[str] = ()) -> None:
        self._cost: dict[str, float] = {}
        domain = tuple(domain)
        for scale, listed in ((1.0, words), (2.0, domain)):
            plain = dict.fromkeys(w for w in listed if w.isalpha() and w.isascii())
            for rank, word in enumerate(plain):
                cost = 2.3 + math.log(scale * rank + 2.7)
                self._cost[word] = min(cost, self._cost.get(word, math.inf))
        self.known = lru_cache(_CACHE)(self._known)
        self._domain = frozenset(domain)
        self.of_prompts = lru_cache(_CACHE)(self._of_prompts)

    @classmethod
    def from_tokenizer(cls, file: Path, extra: Iterable[str] = ()) -> Vocabulary:
        """Whole words of a WordPiece ``tokenizer.json`` by frequency, then those of our list."""
        table = json.loads(file.read_text("utf-8"))["model"]["vocab"]
        ranked = sorted(table, key=table.__getitem__)
        # single letters and most two-letter pieces are no words of their own
        words = [w for w in ranked if len(w) > 2 or w in _SHORT]
        return cls([*words, *extra], WORDS.read_text("utf-8").split())

    def __contains__(self, word: str) -> bool:
        return self.known(word)

    @cached_property
    def forms(self) -> Mapping[str, float]:
        """Every word and the regular forms of the common ones, with their costs.

        Made on first use (0.1 s, 10 MB): an honest prompt never needs it.
        """
        found = dict(self._cost)
        common = sorted(self._cost, key=self._cost.__getitem__)[:INFLECTED]
        for word in common:
            if len(word) < 3:
                continue
            cost = self._cost[word] + FORM_COST
            for form in _forms(word):
                if form not in found:
                    found[form] = cost
        return found

    def _known(self, word: str) -> bool:
        return _is_form(word.lower(), self._cost)

    def _of_prompts(self, word: str) -> bool:
        """Whether a lower-case word, or what it is a form of, is frequent in English prompts."""
        return _is_form(word, self._domain)

    def readability(self, text: str) -> float:
        """Share of letters that stand in known words, [0, 1]; 1 for a text without letters."""
        total = known = 0
        for word in _TOKEN.findall(text):
            total += len(word)
            if self.known(word):
                known += len(word)
        return known / total if total else 1.0


def _is_form(word: str, words: Container[str]) -> bool:
    """Whether ``word`` is one of ``words`` or a regular form of one."""
    if word in words:
        return True
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            stem = word[: -len(suffix)]
            if stem in words or stem + "e" in words:
                return True
            if len(stem) > 3 and stem[-1] == stem[-2] and stem[:-1] in words:
                return True
            if stem[-1] == "i" and stem[:-1] + "y" in words:
                return True
    return False


def skeleton(text: str) -> float:
    """Share of words that are English function words, [0, 1]: a sign that a text is English."""
    words = _TOKEN.findall(text.lower())
    return sum(w in ENGLISH for w in words) / len(words) if words else 0.0


_BEFORE = r"in|of|on|with|at|from|into|over|under|by|for|to|near|behind"
_ARTICLE = r"the|a|an|his|her|their"
_FORWARD = re.compile(rf"\b(?:{_BEFORE}) (?:{_ARTICLE})\b", re.I)
_BACKWARD = re.compile(rf"\b(?:{_ARTICLE}) (?:{_BEFORE})\b", re.I)
_OPENS = re.compile(rf"\W*(?:{_ARTICLE})\b", re.I)
_ENDS = re.compile(rf"\b(?:{_ARTICLE}|{_BEFORE})\W*$", re.I)


def word_order(text: str) -> int:
    """Above 0 where prepositions come before articles, as in English; below 0 where after."""
    pairs = len(_FORWARD.findall(text)) - len(_BACKWARD.findall(text))
    return pairs + bool(_OPENS.match(text)) - bool(_ENDS.search(text))


def _forms(word: str) -> tuple[str, ...]:
    stem = word[:-1] if word.endswith("e") else word
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies", f"{word[:-1]}ied", f"{word}ing"
    double = stem + stem[-1] if len(stem) <= 5 and stem[-1] in "bdgmnprt" else stem
    plural = f"{word}es" if word.endswith(("s", "x", "ch", "sh")) else f"{word}s"
    return plural, f"{stem}ed", f"{stem}ing", f"{stem}er", f"{double}ed", f"{double}ing"
