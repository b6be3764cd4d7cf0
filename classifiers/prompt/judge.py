"""One text in, everything that is known of it out: readings, language, names and scores."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt import windows
from classifiers.prompt.ensemble import SUBJECTS, Ensemble
from classifiers.prompt.entities import EntityClassifier, Match, Matcher, Mention
from classifiers.prompt.language import Language, LanguageDetector
from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.normalise import Normaliser, Readings
from classifiers.prompt.reader import Reader, Unread
from classifiers.prompt.signs import Signs
from classifiers.prompt.windows import Piece

DOUBT = 0.1
"""Probability of harm from which a window's spans are read alone as well: below it no span of 381
held-out prompts decided about one …"""
SUBJECT_DOUBT = 0.25
"""… and the same for the heads about subjects. An age alone raises no doubt."""
CACHED = 8_192
"""Stretches whose probabilities are remembered, about 0.4 kB each."""
Rows = NDArray[np.float32]
BY_ENTITIES = ("likeness", "intellectual_property", "elections", "misinformation")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found. ``heads`` is None when a part is in a language that no model reads.

    ``heads`` are calibrated probabilities in the order of the ensemble's heads, and ``where``
    the stretch of the prompt that each of them comes from; ``matches`` the names found,
    ``named`` the highest degree of them by category; ``unread`` the parts in other languages;
    ``stretches`` how many were scored.
    """

    readings: Readings
    language: Language
    matches: tuple[Match, ...]
    named: dict[str, float]
    heads: NDArray[np.float32] | None
    where: tuple[tuple[int, int], ...]
    unread: tuple[Unread, ...]
    stretches: int


class Judge:
    """Puts the parts together. Pure but for caches; thread-safe."""

    def __init__(
        self,
        ensemble: Ensemble,
        normaliser: Normaliser,
        languages: LanguageDetector,
        matcher: Matcher,
    ) -> None:
        self.ensemble = ensemble
        self.reader = Reader(normaliser, languages)
        self._matcher = matcher
        self._entities = EntityClassifier()
        self._signs = Signs(ensemble.spec.heads, LexiconScorer())
        self._doubt = np.array([_doubt(head) for head in ensemble.spec.heads], np.float32)
        self._lock = threading.Lock()
        self._scored: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()

    def judge(self, texts: Sequence[str]) -> list[Judgement]:
        """One judgement a text; all stretches of all texts go through the models together."""
        read = [self.reader.read(text) for text in texts]
        parts = self._parts(
            [
                () if one.unread else one.pieces or (Piece("", "en", 0, len(text)),)
                for one, text in zip(read, texts, strict=True)
            ]
        )
        found = []
        for one, (part, rows) in zip(read, parts, strict=True):
            shown = one.readings.judged[0].text
            mentions = self._mentions(one.readings)
            named = self._entities.score(shown, mentions)
            heads = None
            if part:
                heads = self._signs.required(self._whole(part, rows), part, rows, named)
            where = tuple((part[i].start, part[i].end) for i in rows.argmax(axis=0)) if part else ()
            found.append(
                Judgement(
                    one.readings,
                    one.language,
                    self._entities.matches(shown, mentions),
                    named,
                    heads,
                    where,
                    one.unread,
                    len(part),
                )
            )
        return found

    def _whole(self, parts: Sequence[Piece], rows: Rows) -> Rows:
        """One prompt's probabilities: the largest over its languages of each one's spans.

        A span is discounted for the others of its own language only: one foreign sentence in a long
        scene was no draw among many.
        """
        codes = np.array([part.code for part in parts])
        return np.maximum.reduce([self.ensemble.whole(rows[codes == c]) for c in np.unique(codes)])

    def _parts(self, pieces: Sequence[Sequence[Piece]]) -> list[tuple[list[Piece], Rows]]:
        """What is read of each text, and its probabilities, float32 [stretches, heads].

        All windows are read; their spans alone only where a window is not surely harmless: the
        same words are read twice where it may matter, and once elsewhere.
        """
        cuts = [windows.cut(one, self.ensemble.tokens, self.ensemble.spec.window) for one in pieces]
        scored = self._probabilities([(p.text, p.code) for cut in cuts for p in cut.first])
        made: list[tuple[list[Piece], list[Piece], Rows]] = []
        for cut in cuts:
            rows, scored = scored[: len(cut.first)], scored[len(cut.first) :]
            doubtful = [bool((row >= self._doubt).any()) for row in rows]
            alone = {
                (p.text, p.code): p
                for parts, doubt in zip(cut.inside, doubtful, strict=True)
                if doubt
                for p in parts
            }
            made.append((list(cut.first), list(alone.values()), rows))
        again = self._probabilities([(p.text, p.code) for _, alone, _ in made for p in alone])
        found = []
        for first, alone_, rows in made:
            more, again = again[: len(alone_)], again[len(alone_) :]
            found.append(([*first, *alone_], np.concatenate([rows, more])))
        return found

    def _probabilities(self, parts: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 [N, heads], of (text, language); each scored once."""
        with self._lock:
            known = {key: self._scored[key] for key in parts if key in self._scored}
            for key in known:
                self._scored.move_to_end(key)
        fresh = list(dict.fromkeys(key for key in parts if key not in known))
        if fresh:
            listed = [text for text, _ in fresh]
            made = self.ensemble.score(listed, [code for _, code in fresh])
            known |= dict(zip(fresh, made, strict=True))
            with self._lock:
                self._scored.update((key, known[key]) for key in fresh)
                while len(self._scored) > CACHED:
                    self._scored.popitem(last=False)
        if not parts:
            return np.empty((0, len(self.ensemble.spec.heads)), np.float32)
        return np.stack([known[key] for key in parts])

    def _mentions(self, readings: Readings) -> tuple[Mention, ...]:
        """Names in the plain text and in its clearer readings, each entity once."""
        seen: dict[str, Mention] = {}
        for reading in (readings.plain, *readings.others):
            for mention in self._matcher.find(reading.text):
                before = seen.get(mention.entity.id)
                if before is None or (before.fuzzy and not mention.fuzzy):
                    seen[mention.entity.id] = mention
        return tuple(seen.values())


def _doubt(head: str) -> float:
    if head == "minors":
        return np.inf
    return SUBJECT_DOUBT if head in SUBJECTS else DOUBT
