"""One text in, everything that is known of it out: readings, language, names and scores."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt import windows
from classifiers.prompt.ensemble import Ensemble
from classifiers.prompt.entities import EntityClassifier, Match, Matcher, Mention
from classifiers.prompt.language import Language, LanguageDetector
from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.normalise import Normaliser, Readings

ENTITY_HARM = 0.85
"""How far a named person, character or event counts as harm: just below certain review."""
AGELESS = 0.25
"""Most that ``sexual_minors`` can be in a text without any sign of age."""
CHANCE = 0.4
"""Discount for each e-fold of stretches of one text; set on long harmless chats."""
CACHED = 8_192
"""Stretches whose probabilities are remembered, about 0.4 kB each."""
BY_ENTITIES = ("likeness", "intellectual_property", "elections", "misinformation")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found. ``heads`` is None when the language is not supported.

    ``heads`` are calibrated probabilities in the order of the ensemble's heads; ``matches`` the
    names found, ``named`` the highest degree of them by category; ``windows`` how many stretches
    were scored.
    """

    readings: Readings
    language: Language
    matches: tuple[Match, ...]
    named: dict[str, float]
    heads: NDArray[np.float32] | None
    windows: int


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
        self._normaliser = normaliser
        self._languages = languages
        self._matcher = matcher
        self._entities = EntityClassifier()
        self._lexicon = LexiconScorer()
        self._lock = threading.Lock()
        self._scored: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def judge(self, texts: Sequence[str]) -> list[Judgement]:
        """One judgement a text; all stretches of all texts go through the models together."""
        found: list[Judgement] = []
        stretches: list[str] = []
        owners: list[int] = []
        for number, text in enumerate(texts):
            readings = self._normaliser.read(text)
            language = self._languages.detect(readings.judged[0].text)
            mentions = self._mentions(readings)
            shown = readings.judged[0].text
            matches = self._entities.matches(shown, mentions)
            named = self._entities.score(shown, mentions)
            count = 0
            if language.supported:
                for reading in readings.judged:
                    for stretch in windows.split(reading.text):
                        stretches.append(stretch)
                        owners.append(number)
                        count += 1
            found.append(Judgement(readings, language, matches, named, None, count))
        if not stretches:
            return found
        scores = self.score(stretches, owners)
        return [
            Judgement(j.readings, j.language, j.matches, j.named, scores.get(number), j.windows)
            for number, j in enumerate(found)
        ]

    def score(
        self, stretches: Sequence[str], owners: Sequence[int]
    ) -> dict[int, NDArray[np.float32]]:
        """The worst calibrated probability of each head over each owner's stretches."""
        kept = self._within_budget(stretches, owners)
        unique = list(dict.fromkeys(stretches[i] for i in kept))
        place = {text: at for at, text in enumerate(unique)}
        probabilities = self._probabilities(unique)
        worst: dict[int, NDArray[np.float32]] = {}
        for i in kept:
            row = probabilities[place[stretches[i]]]
            before = worst.get(owners[i])
            worst[owners[i]] = row if before is None else np.maximum(before, row)
        many = Counter(owners[i] for i in kept)
        return {owner: _discounted(row, many[owner]) for owner, row in worst.items()}

    def _probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 [len(texts), heads]; the same words are scored once.

        No scorer tells cases apart, so the key is the lower-cased text: a prompt and its
        disguised copies share one entry.
        """
        keys = [text.strip().lower() for text in texts]
        with self._lock:
            known = {key: self._scored[key] for key in keys if key in self._scored}
            for key in known:
                self._scored.move_to_end(key)
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if fresh:
            listed = list(fresh.values())
            made = self._with_age(self.ensemble.probabilities(self.ensemble.z(listed)), listed)
            known |= dict(zip(fresh, made, strict=True))
            with self._lock:
                self._scored.update((key, known[key]) for key in fresh)
                while len(self._scored) > CACHED:
                    self._scored.popitem(last=False)
        return np.stack([known[key] for key in keys])

    def _with_age(
        self, probability: NDArray[np.float32], texts: Sequence[str]
    ) -> NDArray[np.float32]:
        """``sexual_minors`` only where a word or number says that somebody is young.

        The model alone lets it rise with any sexual content, and a block for that reason is an
        accusation. The sexual content itself keeps its score. What is left counts as harm.
        """
        heads = self.ensemble.spec.heads
        if "sexual_minors" in heads:
            at = heads.index("sexual_minors")
            for row, text in enumerate(texts):
                if probability[row, at] > AGELESS and not self._lexicon.speaks_of_minors(text):
                    probability[row, at] = AGELESS
            unsafe = heads.index("unsafe")
            probability[:, unsafe] = np.maximum(probability[:, unsafe], probability[:, at])
        return probability

    def _within_budget(self, stretches: Sequence[str], owners: Sequence[int]) -> list[int]:
        """All stretches, but of a very long text only those that cheap scorers rank highest."""
        by_owner: dict[int, list[int]] = {}
        for i, owner in enumerate(owners):
            by_owner.setdefault(owner, []).append(i)
        kept: list[int] = []
        for members in by_owner.values():
            if len(members) > windows.MAX_WINDOWS:
                harm = self.ensemble.cheap([stretches[i] for i in members])
                best = np.argsort(-harm, kind="stable")[: windows.MAX_WINDOWS]
                members = sorted(members[int(i)] for i in best)
            kept += members
        return kept

    def _mentions(self, readings: Readings) -> tuple[Mention, ...]:
        """Names in the plain text and in its clearer readings, each entity once."""
        seen: dict[str, Mention] = {}
        for reading in (readings.plain, *readings.others):
            for mention in self._matcher.find(reading.text):
                before = seen.get(mention.entity.id)
                if before is None or (before.fuzzy and not mention.fuzzy):
                    seen[mention.entity.id] = mention
        return tuple(seen.values())


def _discounted(probability: NDArray[np.float32], stretches: int) -> NDArray[np.float32]:
    """The largest of many draws is high by chance: take ``CHANCE * ln(n)`` off its log-odds."""
    if stretches == 1:
        return probability
    p = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    odds = np.log(p / (1 - p)) - CHANCE * np.log(stretches)
    return (1 / (1 + np.exp(-odds))).astype(np.float32)


def harm_of(judgement: Judgement, model: float) -> float:
    """The probability of any harm: what the model says, and what the names say."""
    return max(model, ENTITY_HARM * max(judgement.named.values(), default=0.0))
