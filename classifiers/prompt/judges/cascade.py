"""A second judge for the uncertain band only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field, model_validator

from classifiers.base import PromptClassifier
from classifiers.prompt.explain import WordEffect
from classifiers.prompt.rewrite import Explains, Suggestion
from policies.decision import CheckStatus, Signal


class Band(BaseModel):
    """Scores of ``unsafe`` between which the first judge is not trusted alone."""

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

    The second judge's ``unsafe`` takes the place of the first one's: also when it failed, so
    that a broken judge is a missing signal (held for review) and not a pass. Every other
    signal of both stays. A language that the first judge skips goes to the second whole, whose
    verdict then stands for every category it names.
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
            kept = [
                s for s in found[i]
                if s.category != "unsafe"
                and not (s.status is not CheckStatus.RAN and s.category in told)
            ]  # fmt: skip
            found[i] = (*kept, *answer)
        return found

    def _uncertain(self, signals: Sequence[Signal]) -> bool:
        unsafe = [s for s in signals if s.category == "unsafe"]
        if any(s.status is not CheckStatus.RAN for s in unsafe):
            return True
        return any(s.score is not None and self._band.low <= s.score < self._band.high
                   for s in unsafe)  # fmt: skip
