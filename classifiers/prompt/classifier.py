"""The embedded prompt classifier: prompts in, one signal per category out."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from classifiers.errors import ClassifierError
from classifiers.prompt import windows
from classifiers.prompt.encoder import EncoderScorer
from classifiers.prompt.ensemble import Ensemble, EnsembleSpec, Scorer
from classifiers.prompt.entities import Match, Matcher, load
from classifiers.prompt.explain import WordEffect, explain
from classifiers.prompt.heads import HEADS
from classifiers.prompt.judge import BY_ENTITIES, Judge, Judgement
from classifiers.prompt.language import LanguageDetector
from classifiers.prompt.lexicon import LexiconScorer
from classifiers.prompt.ngram import NgramScorer
from classifiers.prompt.normalise import Normaliser, Vocabulary
from classifiers.prompt.profanity import ProfanityScorer
from classifiers.prompt.rewrite import Suggestion, suggest
from classifiers.registry import WeightsRegistry
from policies.decision import Signal

logger = logging.getLogger(__name__)

SPEC = "prompt_ensemble"
WORDS = "prompt_words"
ENTITIES = "prompt_entities"
MAX_MATCHES = 20
"""Matches of one category that become signals."""
MAX_UNREAD = 20
"""Unread parts that are listed, by their places in the prompt."""
TECHNICAL = ("disguise", "language")
CACHED = 4_096
"""Prompts whose signals are remembered, about 4 kB each."""
THREADS = min(2, os.cpu_count() or 1)
"""Cores for one call of the encoder; more gain nothing on texts this short."""

Signals = tuple[Signal, ...]

BUILDERS: Mapping[str, Callable[[Mapping[str, Path]], Scorer]] = {
    "encoder": lambda f: EncoderScorer(
        f["prompt_encoder"],
        f["prompt_embeddings"],
        f["prompt_heads"],
        f["prompt_tokenizer"],
        THREADS,
    ),
    "ngram": lambda f: NgramScorer(f["prompt_ngram"]),
    "profanity": lambda f: ProfanityScorer(f["prompt_profanity"]),
    "lexicon": lambda _: LexiconScorer(),
}
"""How to make each scorer from its verified files."""


class EmbeddedPromptClassifier:
    """Judges prompts on the CPU with the weights that ship in the package.

    Two checks speak: ``prompt`` (the models: every harm category, ``disguise`` and
    ``language``) and ``prompt_entities`` (the lists: likeness, intellectual property,
    elections, misinformation). Weights are verified before every call (one ``stat`` a file)
    and loaded on the first. A missing or wrong file ends as ``failed`` signals with the reason
    ``weights_missing``, ``weights_mismatch`` or ``unsafe_weights_format`` for every category;
    a language that the models do not read as ``skipped: unsupported_language``; a text past
    :data:`classifiers.prompt.windows.MAX_CHARS` as ``failed: text_too_long``. Nothing raises
    and nothing that was not judged passes. Thread-safe.

    Identical prompts are judged once: signals are kept under the digest of all weights and of
    the prompt. They do not depend on any policy, which is evaluated anew every time.
    """

    name = "prompt"

    def __init__(
        self,
        registry: WeightsRegistry,
        spec: str = SPEC,
        entity_files: Iterable[Path] = (),
    ) -> None:
        self._registry = registry
        self._spec_name = spec
        self._entity_files = tuple(entity_files)
        self._lock = threading.Lock()
        self._loaded: tuple[str, Judge] | None = None
        self._parsed: tuple[str, EnsembleSpec] | None = None
        self._cache: OrderedDict[tuple[str, bytes], Signals] = OrderedDict()

    @property
    def categories(self) -> tuple[str, ...]:
        """Every category that this classifier gives a signal for: the weights name them."""
        try:
            return (*self._spec().heads, *TECHNICAL)
        except ClassifierError:
            return (*HEADS, *TECHNICAL)

    @property
    def weights(self) -> tuple[str, ...]:
        """SHA-256 of every file that this classifier needs, as pinned."""
        try:
            spec = self._spec()
        except ClassifierError:
            return (self._registry.pin(self._spec_name).sha256,)
        return tuple(self._registry.pin(name).sha256 for name in self._names(spec))

    @property
    def threshold(self) -> float:
        """The operating point on ``unsafe`` at which the shipped figures were measured."""
        return self._spec().thresholds.get("flag", 0.5)

    def classify(self, prompts: Sequence[str]) -> list[Signals]:
        """One tuple of signals for each prompt; about 5 ms each on one core."""
        if not prompts:
            return []
        try:
            digest, judge = self.ready()
        except ClassifierError as error:
            return [self._failed(error.code)] * len(prompts)
        keys = [(digest, _key(text)) for text in prompts]
        known = self._remembered(keys)
        fresh = {key: text for key, text in zip(keys, prompts, strict=True) if key not in known}
        known |= self._judged(judge, digest, fresh)
        return [known[key] for key in keys]

    def ready(self) -> tuple[str, Judge]:
        """``(digest of all weights, judge)``; raises the registry's errors."""
        spec = self._spec()
        files = {name: self._registry.path(name) for name in self._names(spec)}
        sums = "".join(self._registry.pin(name).sha256 for name in sorted(files))
        digest = hashlib.sha256(sums.encode()).hexdigest()
        with self._lock:
            if self._loaded is None or self._loaded[0] != digest:
                self._loaded = (digest, self._build(spec, files))
            return self._loaded

    def explain(self, prompt: str, category: str = "unsafe") -> list[WordEffect]:
        """The words that moved a category, as :func:`classifiers.prompt.explain.explain`.

        Raises the registry's errors; a text that is too long to judge has no explanation.
        """
        if len(prompt) > windows.MAX_CHARS:
            return []
        judge = self.ready()[1]
        return explain(judge, prompt, category) if category in judge.ensemble.spec.heads else []

    def suggest(self, prompt: str, passes: Callable[[str], bool]) -> Suggestion | None:
        """A safer wording that ``passes`` the gate, or None; raises the registry's errors."""
        return suggest(self.ready()[1], prompt, self.threshold, passes)

    def _spec(self) -> EnsembleSpec:
        """The ensemble's file, verified on every call and parsed once."""
        file, digest = (
            self._registry.path(self._spec_name),
            self._registry.pin(self._spec_name).sha256,
        )
        with self._lock:
            if self._parsed is None or self._parsed[0] != digest:
                self._parsed = (digest, EnsembleSpec.read(file))
            return self._parsed[1]

    def _names(self, spec: EnsembleSpec) -> list[str]:
        needed = {name for scale in spec.scorers.values() for name in scale.weights}
        return [self._spec_name, *sorted(needed | {WORDS})]

    def _build(self, spec: EnsembleSpec, files: Mapping[str, Path]) -> Judge:
        words = Vocabulary.from_tokenizer(files[WORDS], LexiconScorer().words)
        return Judge(
            Ensemble(spec, {name: BUILDERS[name](files) for name in spec.scorers}),
            Normaliser(words, LexiconScorer().words),
            LanguageDetector(words, spec.measured_languages),
            Matcher(load(self._entity_files), words),
        )

    def _remembered(self, keys: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], Signals]:
        found = {}
        with self._lock:
            for key in keys:
                if key in self._cache:
                    self._cache.move_to_end(key)
                    found[key] = self._cache[key]
        return found

    def _judged(
        self, judge: Judge, digest: str, fresh: Mapping[tuple[str, bytes], str]
    ) -> dict[tuple[str, bytes], Signals]:
        found: dict[tuple[str, bytes], Signals] = {}
        short = {}
        for key, text in fresh.items():
            if len(text) > windows.MAX_CHARS:
                found[key] = self._failed("text_too_long")
            else:
                short[key] = text
        try:
            judgements = judge.judge(list(short.values()))
        except Exception as error:
            # whatever breaks inside a model, the gate must hear "failed", not an exception
            logger.exception("the prompt classifier failed")
            absent = isinstance(error, ModuleNotFoundError)
            reason = f"not_assessed: {error}" if absent else f"error: {type(error).__name__}"
            return found | dict.fromkeys(short, self._failed(reason))
        made = {
            key: self._signals(judgement, judge.ensemble.spec.heads, digest)
            for key, judgement in zip(short, judgements, strict=True)
        }
        with self._lock:
            self._cache.update(made)
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return found | made

    def _signals(self, found: Judgement, heads: tuple[str, ...], digest: str) -> Signals:
        language: dict[str, Any] = {"language": found.language.code}
        if found.unread:
            language["unread"] = [[u.start, u.end, u.code] for u in found.unread[:MAX_UNREAD]]
        technical = (
            Signal.ran(
                self.name,
                "disguise",
                found.readings.disguise,
                weights=digest,
                detail={"steps": sorted({s for r in found.readings.judged for s in r.steps})},
            ),
            Signal.ran(
                self.name,
                "language",
                0.0 if found.language.supported else 1.0,
                weights=digest,
                detail=language,
            ),
        )
        named = tuple(
            signal for category in BY_ENTITIES for signal in _named(found.matches, category)
        )
        if found.heads is None:
            skipped = tuple(
                Signal.skipped(self.name, head, "unsupported_language", detail=language)
                for head in heads
            )
            return (*skipped, *technical, *named)
        score = dict(zip(heads, map(float, found.heads), strict=True))
        where = dict(zip(heads, found.where, strict=True))
        judged = tuple(
            Signal.ran(
                self.name,
                head,
                score[head],
                calibrated=True,
                weights=digest,
                detail={"span": list(where[head])},
            )
            for head in heads
        )
        return (*judged, *technical, *named)

    def _failed(self, reason: str) -> Signals:
        return tuple(Signal.failed(self.name, c, reason) for c in self.categories)


def _named(matches: Sequence[Match], category: str) -> list[Signal]:
    """One signal a match, the strongest first; a single 0 where nothing was named."""
    found = [m for m in matches if m.category == category][:MAX_MATCHES]
    return [
        Signal.ran(
            ENTITIES,
            category,
            match.score,
            detail={
                "entities": [
                    {
                        "id": match.entity.id,
                        "class": match.entity.kind.value,
                        "role": match.entity.role,
                    }
                ]
            },
        )
        for match in found
    ] or [Signal.ran(ENTITIES, category, 0.0)]


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
