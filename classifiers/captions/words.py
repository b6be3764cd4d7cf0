"""The words that a player lays over the picture, past the classifiers of prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from classifiers.base import CheckReport, PromptClassifier
from classifiers.captions.gate import SUBTITLES
from classifiers.words import verdict


@dataclass(frozen=True, slots=True)
class CaptionWords:
    """``subtitles``: the worst that the classifiers of prompts say of any half minute of lines."""

    classifiers: Callable[[], Sequence[PromptClassifier]]
    name: str = "captions"
    categories: tuple[str, ...] = (SUBTITLES,)
    weights: tuple[str, ...] = ()

    def read(self, texts: Sequence[str]) -> CheckReport:
        """Cost: that of the classifiers."""
        words = sum(len(text.split()) for text in texts)
        signals = verdict(self.name, SUBTITLES, texts, self.classifiers(), {"words": words})
        return CheckReport(signals, {"words": words, "windows": len(texts)})
