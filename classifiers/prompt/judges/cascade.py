"""A second judge for the uncertain band only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, model_validator

from classifiers.base import PromptClassifier
from classifiers.prompt.explain import WordEffect
from classifiers.prompt.rewrite import Explains, Suggestion
from policies.decision import CheckStatus, Signal
from policies.taxonomy import TECHNICAL

KEPT = ("sexual_minors", "ncii", "minors", "likeness", "intellectual_property", "elections")
"""Categories of the first judge that no second one clears: floors, and what names decide."""


class Band(BaseModel):
    """Scores between which the first judge is not trusted alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float = Field(0.25, ge=0, le=1, description="below it the first judge decides")
    high: float = Field(0.9, ge=0, le=1, description="from it on the first judge decides")

    @model_validator(mode="after")
    def _ordered(self) -> Band:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class CascadeClassifier:
    """Asks ``second`` where ``first`` is uncertain, or could not judge at all.

    Uncertain is a prompt whose highest score of ``unsafe`` and the harm categories lies in the
    band. The second judge's ``unsafe`` takes the place of the first one's: also when it failed,
    so that a broken judge is a missing signal (held for review) and not a pass. Where it ran
    and lies below the band, it clears the prompt: the first judge's harm categories, which
    alone hold most such prompts, count at most as much, and keep their own score in the detail
    ``first``. It never clears :data:`KEPT`, nor what the name lists say. A language that the
    first judge skips goes to the second whole, whose verdict then stands for every category it
    names.
    """

    def __init__(self, first: PromptClassifier, second: PromptClassifier, band: Band) -> None:
        self._first, self._second, self._band = first, second, band
        self.name = first.name

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._first.categories, *self._second.categories)))

    @property
    def weights(self) -> tuple[str, ...]:
        return (*self._first.weights, *self._second.weights)

    def explain(self, prompt: str, category: str = "unsafe") -> list[WordEffect]:
        """As the classifier inside; nothing where it cannot explain."""
        if isinstance(self._first, Explains):
            return self._first.explain(prompt, category)
        return []

    def suggest(self, prompt: str, passes: Callable[[str], bool]) -> Suggestion | None:
        """As the classifier inside; None where it cannot."""
        if isinstance(self._first, Explains):
            return self._first.suggest(prompt, passes)
        return None

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        found = self._first.classify(prompts)
        asked = [i for i, signals in enumerate(found) if self._uncertain(signals)]
        if not asked:
            return found
        answers = self._second.classify([prompts[i] for i in asked])
        for i, answer in zip(asked, answers, strict=True):
            told = {s.category for s in answer if s.status is CheckStatus.RAN}
            cleared = self._cleared(answer)
            kept = [
                self._lowered(s, cleared)
                for s in found[i]
                if s.category != "unsafe"
                and not (s.status is not CheckStatus.RAN and s.category in told)
            ]
            found[i] = (*kept, *answer)
        return found

    def _cleared(self, answer: Sequence[Signal]) -> float | None:
        """The second judge's ``unsafe`` where all of it ran and lies below the band."""
        told = [s.score for s in answer if s.category == "unsafe"]
        if not told or None in told:
            return None
        worst = max(score for score in told if score is not None)
        return worst if worst < self._band.low else None

    def _lowered(self, signal: Signal, cleared: float | None) -> Signal:
        if cleared is None or not self._harm(signal):
            return signal
        if signal.score is None or signal.score <= cleared:
            return signal
        return replace(signal, score=cleared, detail={**signal.detail, "first": signal.score})

    def _harm(self, signal: Signal) -> bool:
        return (
            signal.check == self._first.name
            and signal.category not in TECHNICAL
            and signal.category not in KEPT
        )

    def _uncertain(self, signals: Sequence[Signal]) -> bool:
        unsafe = [s for s in signals if s.category == "unsafe"]
        if any(s.status is not CheckStatus.RAN for s in unsafe):
            return True
        highest = max(
            (s.score for s in signals if s.score is not None and (s in unsafe or self._harm(s))),
            default=0.0,
        )
        return self._band.low <= highest < self._band.high
