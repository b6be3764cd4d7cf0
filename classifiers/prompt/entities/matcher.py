"""Find entities in a text: exact names with Aho-Corasick, then misspelt ones.

Exact matching is linear in the text (Aho and Corasick, 1975). Fuzzy matching looks only at
stretches that hold a word which is no English word, so a clean prompt costs nothing more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from classifiers.prompt.entities.lists import Entity
from classifiers.prompt.normalise import Vocabulary

FUZZY_RATIO = 88.0
"""Least similarity in percent of a misspelt name: one slip in eight letters."""
FUZZY_MIN_CHARS = 7
"""Shorter names are one slip away from too many other words."""
MAX_FUZZY_STRETCHES = 24
MAX_CHARS = 20_000
BESIDE = 80
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Mention:
    """``entity`` at ``start:end`` of the text; ``fuzzy`` when the spelling differs.

    ``before`` and ``after`` are what stands beside it, at most :data:`BESIDE` characters each.
    """

    entity: Entity
    start: int
    end: int
    fuzzy: bool = False
    before: str = ""
    after: str = ""


def fold(text: str) -> str:
    """Lower case, no accents, plain apostrophes and hyphens; the same length as ``text``."""
    folded = []
    for char in text:
        if char.isascii():
            folded.append(char.lower())
            continue
        if ord(char) >= 0x2E80:
            # a Hangul syllable taken apart begins with a consonant that thousands share
            folded.append(char)
            continue
        base = unicodedata.normalize("NFD", char)[0].lower()
        folded.append("'" if char in "’‘`´" else "-" if char in "‐‑–—" else base[:1] or char)
    return "".join(folded)


class Matcher:
    """Matches a list of entities; building takes a second for ten thousand names."""

    def __init__(self, entities: Sequence[Entity], words: Vocabulary) -> None:
        import ahocorasick

        self._words = words
        self._automaton = ahocorasick.Automaton()
        self._spellings: dict[str, Entity] = {}
        found: dict[str, list[tuple[Entity, bool]]] = {}
        for entity in entities:
            for alias in entity.aliases:
                capital = alias.startswith("~")
                key = fold(alias.lstrip("~").strip())
                for form in {key, key.replace("-", " "), key.replace("'", "")}:
                    found.setdefault(form, []).append((entity, capital))
                    if len(form) >= FUZZY_MIN_CHARS and form.isascii() and not capital:
                        self._spellings[form] = entity
        for form, owners in found.items():
            self._automaton.add_word(form, (form, owners))
        if found:
            self._automaton.make_automaton()
        self._empty = not found
        self._choices = list(self._spellings)
        self._by_letter: dict[str, list[str]] = {}
        for form in self._choices:
            self._by_letter.setdefault(form[0], []).append(form)

    def find(self, text: str) -> list[Mention]:
        """Mentions in order of place; the longest where several overlap."""
        text = text[:MAX_CHARS]
        if self._empty or not text:
            return []
        folded = fold(text)
        mentions = []
        for last, (form, owners) in self._automaton.iter(folded):
            start, end = last - len(form) + 1, last + 1
            if not stands_alone(folded, start, end):
                continue
            for entity, capital in owners:
                if not capital or text[start].isupper():
                    mentions.append(Mention(entity, start, end))
        mentions += self._fuzzy(folded, mentions)
        mentions.sort(key=lambda m: (m.start - m.end, m.start))
        kept: list[Mention] = []
        for mention in mentions:
            if not any(
                m.start < mention.end and mention.start < m.end and m.entity != mention.entity
                for m in kept
            ):
                kept.append(mention)
        return [
            replace(
                m,
                before=text[max(0, m.start - BESIDE) : m.start],
                after=text[m.end : m.end + BESIDE],
            )
            for m in sorted(kept, key=lambda m: m.start)
        ]

    def _fuzzy(self, folded: str, exact: list[Mention]) -> list[Mention]:
        words = [(m.group(), m.start(), m.end()) for m in _WORD.finditer(folded)]
        found: list[Mention] = []
        tried = 0
        for i, (_, start, _) in enumerate(words):
            for count in (1, 2, 3):
                stretch = words[i : i + count]
                if len(stretch) < count or all(self._words.known(w) for w, _, _ in stretch):
                    continue
                end = stretch[-1][2]
                if any(m.start < end and start < m.end for m in exact):
                    continue
                said = " ".join(w for w, _, _ in stretch)
                if len(said) < FUZZY_MIN_CHARS:
                    continue
                tried += 1
                if tried > MAX_FUZZY_STRETCHES:
                    return found
                best = self._nearest(said)
                if best is not None and best[0] == said[0]:
                    found.append(Mention(self._spellings[best], start, end, fuzzy=True))
        return found

    def _nearest(self, said: str) -> str | None:
        """The spelling nearest to ``said``; None when it cannot begin with the same letter.

        Most words resemble no name: those that begin alike are asked first, a twentieth of all.
        """
        alike = self._by_letter.get(said[0], ())
        if not alike or _best(said, alike) is None:
            return None
        return _best(said, self._choices)


def _best(said: str, choices: Sequence[str]) -> str | None:
    from rapidfuzz import fuzz, process

    best = process.extractOne(said, choices, scorer=fuzz.ratio, score_cutoff=FUZZY_RATIO)
    return None if best is None else str(best[0])


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a match is no part of a longer word; scripts without spaces always are."""
    if not text[start].isascii() and ord(text[start]) >= 0x2E80:
        return True
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if text[end : end + 2] == "'s":
        after = " "
    return not (before.isalnum() or after.isalnum())
