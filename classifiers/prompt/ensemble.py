"""From several scorers' logits to one probability of harm and one per category.

Scorers are put on one scale (z-scores against a fixed reference of held-out rows) and
averaged with fixed weights; a stack fitted on validation rows did worse on new sources,
because it trusts what happens to be in-distribution. ``unsafe`` is a weighted *mean* over heads,
never their maximum: the largest of sixteen draws is high by chance. It then passes a calibration
fitted on held-out sources, one for English, where all scorers speak, and one for the other
languages, which only the encoder reads. A harm category is the probability of harm times that of
the category *among* harmful texts, fitted on those alone: so the category that is meant stands near
``unsafe``, and one that merely rises with all harm does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from classifiers.calibration import Platt
from classifiers.errors import WeightsMismatch

Floats = NDArray[np.float32]
HARM = "unsafe"
ENGLISH = ("en", "und")
"""Languages that the English scorers read; a bare name or noun is of no certain language."""
SUBJECTS = ("likeness", "intellectual_property", "elections", "misinformation", "minors")
"""Heads about a subject: what is shown, not that it harms. They take no part in ``unsafe``."""
NEVER_DISCOUNTED = ("sexual_minors", "ncii", "minors")
LARGEST_DISCOUNT = 0.95
"""Most that the number of spans takes off a head, in log-odds: padding turns no block into allow.
The narrowest band between the two in the default policy (that of ``hate``) is wider …"""
WIDER = {
    HARM: 1.8, "violence": 1.9, "illicit": 1.7, "sexual": 1.5, "gore": 1.3, "misinformation": 1.8,
    "privacy": 1.8, "elections": 1.8, "code_abuse": 1.8,
}  # fmt: skip
"""… and these bands are wider still, or have no refusal at their upper end."""


class Scorer(Protocol):
    """Texts to logits, float32 [len(texts), width]; NaN where a head does not apply.

    ``heads`` names the columns; empty: those of the file that ties the scorers together.
    """

    name: str
    heads: tuple[str, ...]

    @property
    def width(self) -> int: ...

    def score(self, texts: Sequence[str]) -> Floats: ...


@runtime_checkable
class Tokens(Protocol):
    """A scorer that knows where its tokens lie in a text."""

    def tokens(self, text: str) -> list[tuple[int, int]]: ...


class ScorerScale(BaseModel):
    """How one scorer's logits become z-scores, per head; weight 0 leaves a head out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: tuple[str, ...]
    languages: tuple[str, ...] = ()
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    weight: tuple[float, ...]

    @model_validator(mode="after")
    def _positive(self) -> ScorerScale:
        if min(self.sd) <= 0:
            raise ValueError("sd must be positive")
        return self


class EnsembleSpec(BaseModel):
    """The file that ties the scorers together; ``made_by`` says with which command.

    ``heads`` lists the categories that the ensemble answers for, in the order of the columns of
    the trained scorers; ``harm`` is the weight of each head in ``unsafe``. ``measured_languages``
    are those with a measured score: every other one is not to be scored. ``window`` is the most
    tokens of a text that are read; ``chance`` the discount for each e-fold of spans.
    ``thresholds`` are the operating points on ``unsafe`` at which the shipped figures were
    measured.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: str
    scorers: Mapping[str, ScorerScale]
    heads: tuple[str, ...]
    harm: Mapping[str, float]
    english: Mapping[str, Platt]
    other: Mapping[str, Platt]
    measured_languages: tuple[str, ...]
    window: int
    chance: float
    thresholds: Mapping[str, float] = {}

    @model_validator(mode="after")
    def _one_value_a_head(self) -> EnsembleSpec:
        if HARM not in self.heads or len(set(self.heads)) != len(self.heads):
            raise ValueError(f"heads need {HARM}, and each name once")
        for name, scale in self.scorers.items():
            if {len(scale.mean), len(scale.sd), len(scale.weight)} != {len(self.heads)}:
                raise ValueError(f"{name}: mean, sd and weight need one value for each head")
        return self

    @classmethod
    def read(cls, file: Path) -> EnsembleSpec:
        """Raises :class:`WeightsMismatch` when the file does not fit this program."""
        try:
            return cls.model_validate(json.loads(file.read_text("utf-8")))
        except (ValueError, ValidationError) as error:
            raise WeightsMismatch(
                f"{file.name} does not fit this version: {error}", "reinstall guarded-gen"
            ) from error


class Ensemble:
    """Scorers with one scale; pure after construction."""

    def __init__(self, spec: EnsembleSpec, scorers: Mapping[str, Scorer]) -> None:
        if missing := spec.scorers.keys() - scorers.keys():
            raise WeightsMismatch(f"scorers are missing: {', '.join(sorted(missing))}")
        for name in spec.scorers:
            scorer = scorers[name]
            if scorer.width != len(scorer.heads or spec.heads):
                raise WeightsMismatch(
                    f"{name} has {scorer.width} heads where {len(spec.heads)} are named",
                    "reinstall guarded-gen",
                )
        self.spec = spec
        self._scorers = [(scorers[name], scale) for name, scale in spec.scorers.items()]
        self._encoder = next((s for s, _ in self._scorers if isinstance(s, Tokens)), None)
        heads = spec.heads
        self._at = heads.index(HARM)
        self._most = np.array([WIDER.get(head, LARGEST_DISCOUNT) for head in heads])
        self._kept = np.array([head in NEVER_DISCOUNTED for head in heads])
        apart = (HARM, *SUBJECTS, *NEVER_DISCOUNTED)
        self._named = [n for n, head in enumerate(heads) if head not in apart]
        self._harm = np.array([spec.harm.get(head, 0.0) for head in spec.heads], np.float32)

    def score(self, texts: Sequence[str], languages: Sequence[str]) -> Floats:
        """Calibrated probabilities, float32 [len(texts), len(spec.heads)].

        ``languages`` are ISO 639-1 codes, one a text, all in :data:`ENGLISH` or among
        ``spec.measured_languages``. A text has the same scores whatever else is in the batch.
        """
        return self.probabilities(self.z(texts, languages), languages)

    def tokens(self, text: str) -> list[tuple[int, int]]:
        """Where each token of the encoder starts and ends in ``text``, in characters."""
        if self._encoder is None:
            return []
        return self._encoder.tokens(text)

    def z(self, texts: Sequence[str], languages: Sequence[str]) -> Floats:
        """Weighted mean of z-scores, float32 [len(texts), heads]."""
        return combine(
            [(self._logits(s, scale, texts, languages), scale) for s, scale in self._scorers]
        )

    def _logits(
        self, scorer: Scorer, scale: ScorerScale, texts: Sequence[str], languages: Sequence[str]
    ) -> Floats:
        """The scorer's logits where it reads the language, NaN elsewhere, float32 [N, heads]."""
        heads, known = self.spec.heads, scale.languages
        rows = [i for i, code in enumerate(languages) if not known or code in known]
        found = np.full((len(texts), len(heads)), np.nan, np.float32)
        if rows:
            logits = scorer.score([texts[i] for i in rows])
            own = scorer.heads or heads
            shared = [head for head in own if head in heads]
            columns = [heads.index(head) for head in shared]
            found[np.ix_(rows, columns)] = logits[:, [own.index(head) for head in shared]]
        return found

    def probabilities(self, z: Floats, languages: Sequence[str]) -> Floats:
        """Calibrated probabilities, float32 [N, len(spec.heads)], columns as ``spec.heads``."""
        english = np.array([code in ENGLISH for code in languages], bool)
        found = np.empty((len(z), len(self.spec.heads)), np.float32)
        harm = self.harm(z)
        for column, head in enumerate(self.spec.heads):
            value = harm if head == HARM else z[:, column]
            found[english, column] = self.spec.english[head](value[english])
            found[~english, column] = self.spec.other[head](value[~english])
        return self._consistent(found)

    def whole(self, rows: Floats) -> Floats:
        """One prompt's probabilities [heads] from those of its spans [spans, heads].

        The worst span of every head, less ``chance * ln(spans)`` in log-odds and at most
        :data:`LARGEST_DISCOUNT` or what :data:`WIDER` says: the largest of many draws is high by
        chance. Heads in :data:`NEVER_DISCOUNTED` keep their value, and ``unsafe`` is never less
        than the discounted harm of any one category.
        """
        worst: Floats = rows.max(axis=0)
        if len(rows) == 1:
            return worst
        p = np.clip(worst.astype(np.float64), 1e-7, 1 - 1e-7)
        less = np.minimum(self.spec.chance * float(np.log(len(rows))), self._most)
        lower = (1 / (1 + np.exp(-(np.log(p / (1 - p)) - less)))).astype(np.float32)
        lower[self._at] = lower[[self._at, *self._named]].max()
        return np.where(self._kept, worst, lower)

    def harm(self, z: Floats) -> Floats:
        """Weighted mean over heads, float32 [N], before calibration."""
        # summed head by head: a matrix product may add in another order for another batch
        total = np.zeros(len(z), np.float32)
        for n in np.flatnonzero(self._harm):
            total += self._harm[n] * z[:, n]
        return total / self._harm.sum()

    def _consistent(self, probability: Floats) -> Floats:
        """From shares of harm to probabilities, and what follows from what.

        No harm without ``unsafe``, no sexual abuse of minors without a minor and without sex.

        Likewise intimate imagery without consent is about somebody real, or somebody watched.
        """
        heads = self.spec.heads
        at = {head: n for n, head in enumerate(heads)}
        harmful = [at[head] for head in heads if head not in (HARM, *SUBJECTS)]
        probability[:, harmful] *= probability[:, at[HARM], None]
        if {"ncii", "likeness", "privacy"} <= at.keys():
            someone = probability[:, [at["likeness"], at["privacy"]]].max(axis=1)
            probability[:, at["ncii"]] = np.minimum(probability[:, at["ncii"]], someone)
        if {"minors", "sexual", "sexual_minors"} <= at.keys():
            both = probability[:, [at["minors"], at["sexual"]]].min(axis=1)
            capped = np.minimum(probability[:, at["sexual_minors"]], both)
            probability[:, at["sexual_minors"]] = capped
        return probability


def combine(scored: Sequence[tuple[Floats, ScorerScale]]) -> Floats:
    """Mean of z-scores over scorers, float32 [N, heads]; NaN logits do not take part."""
    total = np.zeros_like(scored[0][0])
    mass = np.zeros_like(total)
    for logits, scale in scored:
        z = (logits - np.array(scale.mean, np.float32)) / np.array(scale.sd, np.float32)
        weight = np.where(np.isfinite(z), np.array(scale.weight, np.float32), 0)
        total += weight * np.nan_to_num(z, nan=0.0, posinf=0.0, neginf=0.0)
        mass += weight
    return np.divide(total, mass, out=np.zeros_like(total), where=mass > 0)
