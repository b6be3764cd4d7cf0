"""From several scorers' logits to one probability per category.

Scorers are put on one scale (z-scores against a fixed reference of held-out rows) and
averaged with fixed weights; a stack fitted on validation rows did worse on new sources,
because it trusts what happens to be in-distribution. ``unsafe`` is the largest *excess* of any
head over its own benign quantile, so that a head with a broad benign spread does not drown
the others. Both then pass a calibration fitted on held-out sources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from classifiers.calibration import Platt
from classifiers.errors import WeightsMismatch
from classifiers.prompt.heads import HEADS, INDEX

Floats = NDArray[np.float32]
SUBJECTS = ("elections", "misinformation")
"""Heads about a subject. They count as harm by their own probability only, and …"""
SUBJECT_HARM = 0.75
"""… to this share: below what the default policy holds for any harm."""
CHANCE, MOST = 0.4, 0.8
"""Discount for each e-fold of spans of one text, in log-odds, and the most that it can be."""
UNDISCOUNTED = ("sexual_minors", "ncii", "minors")
"""Heads that no length discounts."""
_TOKEN = re.compile(r"\w|[^\w\s]")
"""Without an encoder each character counts as a token."""


class Scorer(Protocol):
    """Texts to logits, float32 [len(texts), heads]; NaN where a head does not apply."""

    name: str

    def score(self, texts: Sequence[str]) -> Floats: ...


@runtime_checkable
class Tokenises(Protocol):
    """A scorer that reads tokens, of which it has a most."""

    def tokens(self, text: str) -> list[tuple[int, int]]: ...


class ScorerScale(BaseModel):
    """How one scorer's logits become z-scores, per head; weight 0 leaves a head out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: tuple[str, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    weight: tuple[float, ...]

    @model_validator(mode="after")
    def _one_value_a_head(self) -> ScorerScale:
        if {len(self.mean), len(self.sd), len(self.weight)} != {len(HEADS)}:
            raise ValueError("mean, sd and weight need one value for each head")
        if min(self.sd) <= 0:
            raise ValueError("sd must be positive")
        return self


class EnsembleSpec(BaseModel):
    """The file that ties the scorers together; ``made_by`` says with which command.

    ``benign`` is each head's benign quantile in z, ``excess`` scales what is above it, and
    ``heads`` lists the categories that the ensemble answers for. ``thresholds`` are the
    operating points on ``unsafe`` at which the shipped figures were measured. ``window`` is the
    most tokens of one text, ``measured_languages`` those (ISO 639-1) that it may judge.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    made_by: str
    scorers: Mapping[str, ScorerScale]
    heads: tuple[str, ...]
    benign: tuple[float, ...]
    excess: tuple[float, ...]
    calibration: Mapping[str, Platt]
    thresholds: Mapping[str, float] = {}
    measured_languages: tuple[str, ...] = ("en",)
    window: int = 62

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
        self.spec = spec
        self._scorers = [(scorers[name], scale) for name, scale in spec.scorers.items()]
        self._used = np.array([INDEX[h] for h in spec.heads if h != "unsafe"])
        self._benign = np.array(spec.benign, np.float32)
        self._excess = np.array(spec.excess, np.float32)

    def z(self, texts: Sequence[str]) -> Floats:
        """Weighted mean of z-scores, float32 [len(texts), heads]."""
        return combine([(s.score(texts), scale) for s, scale in self._scorers])

    def score(self, texts: Sequence[str], languages: Sequence[str]) -> Floats:
        """Calibrated probabilities, float32 [N, len(spec.heads)], of spans in these languages."""
        if unknown := set(languages) - {*self.spec.measured_languages, "und"}:
            raise ValueError(f"not measured on {', '.join(sorted(unknown))}")
        return self.probabilities(self.z(texts))

    def whole(self, rows: Floats) -> Floats:
        """One text's probabilities from those of its spans: float32 [N, heads] to [heads].

        The largest of many draws is high by chance, so :data:`CHANCE` ln N is taken off its
        log-odds; never more than :data:`MOST`, so that harmless sentences cannot talk a refusal
        down to a pass, and nothing where one span is enough whatever stands around it.
        """
        worst = rows.max(axis=0).astype(np.float64)
        if len(rows) == 1:
            return worst.astype(np.float32)
        p = np.clip(worst, 1e-7, 1 - 1e-7)
        odds = np.log(p / (1 - p)) - min(CHANCE * np.log(len(rows)), MOST)
        kept = np.isin(self.spec.heads, UNDISCOUNTED)
        return np.where(kept, worst, 1 / (1 + np.exp(-odds))).astype(np.float32)

    def tokens(self, text: str) -> list[tuple[int, int]]:
        """Where each token of the encoder starts and ends in ``text``, in characters."""
        for scorer, _ in self._scorers:
            if isinstance(scorer, Tokenises):
                return scorer.tokens(text)
        return [m.span() for m in _TOKEN.finditer(text)]

    def probabilities(self, z: Floats) -> Floats:
        """Calibrated probabilities, float32 [N, len(spec.heads)], columns as ``spec.heads``."""
        columns = []
        for head in self.spec.heads:
            value = self.harm(z) if head == "unsafe" else z[:, INDEX[head]]
            columns.append(self.spec.calibration[head](value))
        found = np.stack(columns, axis=1).astype(np.float32)
        return self._consistent(found)

    def _consistent(self, probability: Floats) -> Floats:
        """Sexual depiction of minors needs a minor; adults in sexual scenes are not that.

        Likewise intimate imagery without consent is about somebody real, or somebody watched.
        """
        heads = self.spec.heads
        if {"ncii", "likeness", "privacy"} <= set(heads):
            someone = probability[:, [heads.index("likeness"), heads.index("privacy")]].max(axis=1)
            at = heads.index("ncii")
            probability[:, at] = np.minimum(probability[:, at], someone)
        if {"minors", "sexual_minors"} <= set(heads):
            minors, at = heads.index("minors"), heads.index("sexual_minors")
            probability[:, at] = np.minimum(probability[:, at], probability[:, minors])
        subjects = [heads.index(h) for h in SUBJECTS if h in heads]
        if subjects:
            at = heads.index("unsafe")
            shown = SUBJECT_HARM * probability[:, subjects].max(axis=1)
            probability[:, at] = np.maximum(probability[:, at], shown)
        return probability

    def harm(self, z: Floats) -> Floats:
        """The largest scaled excess over the benign quantile of any head, float32 [N]."""
        return largest_excess(z, self._benign, self._excess)


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


def largest_excess(z: Floats, benign: Floats, scale: Floats) -> Floats:
    """max over heads of ``(z - benign) * scale``, float32 [N]; scale 0 leaves a head out."""
    excess = np.where(scale > 0, (z - benign) * scale, -np.inf)
    return excess.max(axis=1).astype(np.float32)
