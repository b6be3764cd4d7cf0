"""A safer wording to offer: what offends is named and left out, nothing is invented.

The suggestion is judged like any prompt before it is offered, and the person who asked must
confirm it; a gate never swaps prompts by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from classifiers.prompt.explain import WordEffect, explain
from classifiers.prompt.judge import Judge

MAX_CUTS = 6
"""Words taken out at most; a prompt that needs more is about its harm."""
MAX_PROMPT_WORDS = 60
"""Longer prompts get no suggestion: it would take seconds to find."""
MIN_WORDS = 3
"""A suggestion with fewer words says nothing worth generating."""
_DANGLING = re.compile(
    r"\b(?:a|an|the|with|by|of|in|on|and|or|his|her|their|to|at|from)\s*(?=$|[,.;:!?])", re.I
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``text`` scores ``after`` where the prompt scored ``before``; ``removed`` says what left."""

    text: str
    removed: tuple[str, ...]
    before: float
    after: float


@runtime_checkable
class Explains(Protocol):
    """A classifier that can say which words moved its score, and propose a safer wording."""

    def explain(self, prompt: str, category: str = "unsafe") -> list[WordEffect]: ...

    def suggest(self, prompt: str, passes: Callable[[str], bool]) -> Suggestion | None: ...


def suggest(
    judge: Judge,
    text: str,
    safe_below: float,
    passes: Callable[[str], bool] = lambda text: True,
) -> Suggestion | None:
    """A wording that scores below ``safe_below`` and ``passes``, or None when there is none.

    ``passes`` is the whole gate: it is asked only for wordings that score low. Words go one by
    one, the one that moves the score most first. Costs up to :data:`MAX_CUTS` explanations:
    about half a second.
    """
    before, _ = _worst(judge, text)
    if before is None or len(text.split()) > MAX_PROMPT_WORDS:
        return None
    if before < safe_below and passes(text):
        return None
    current, removed = text, []
    for _ in range(MAX_CUTS):
        effects = explain(judge, current, _worst(judge, current)[1])
        if not effects or effects[0].effect <= 0:
            return None
        worst = effects[0]
        removed.append(worst.word.strip(".,;:!?\"'"))
        current = _tidy(current[: worst.start] + current[worst.end :])
        if len(current.split()) < MIN_WORDS:
            return None
        after, _ = _worst(judge, current)
        if after is not None and after < safe_below and passes(current):
            return Suggestion(current, tuple(removed), before, after)
    return None


def _worst(judge: Judge, text: str) -> tuple[float | None, str]:
    """What holds a text most, harm or a name on the lists, and its category."""
    (found,) = judge.judge([text])
    if found.heads is None:
        return None, "unsafe"
    harm = float(found.heads[judge.ensemble.spec.heads.index("unsafe")])
    return max(((harm, "unsafe"), *((degree, name) for name, degree in found.named.items())))


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    for _ in range(3):
        text = _DANGLING.sub("", text).strip()
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    return re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text).strip(" ,;:")
