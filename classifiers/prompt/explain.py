"""Which words moved a score: each word left out in turn, all variants in one batch.

For reviewers only. The result repeats the prompt's words, so it is stored where the prompt
is stored, encrypted, and is never returned to the caller who asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from classifiers.prompt.judge import Judge

MAX_WORDS = 64
"""Words that are tried; of a longer text those of its worst window."""
KEPT = 12
LEAST = 0.01
"""What goes on record: the words that moved the score most, and by so much at least."""
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class WordEffect:
    """``word`` at ``start:end`` of the prompt; without it ``score`` would be ``effect`` lower."""

    word: str
    start: int
    end: int
    effect: float


def explain(judge: Judge, text: str, category: str = "unsafe") -> list[WordEffect]:
    """The words by falling effect on ``category``; empty where nothing was assessed.

    Costs one judgement a word: about 0.1 s for a caption. Raises ``ValueError`` for a category
    that the ensemble does not score.
    """
    heads = judge.ensemble.spec.heads
    if category not in heads:
        raise ValueError(f"{category} is not scored by the embedded model")
    words = list(_WORD.finditer(text))
    if len(words) > MAX_WORDS:
        start, part = _worst(judge, text, category)
        return [
            WordEffect(e.word, e.start + start, e.end + start, e.effect)
            for e in explain(judge, part, category)
        ]
    variants = [text[: w.start()] + text[w.end() :] for w in words]
    whole, *scores = _scores(judge, [text, *variants], category)
    if whole is None:
        return []
    effects = [
        WordEffect(w.group(), w.start(), w.end(), whole - without)
        for w, without in zip(words, scores, strict=True)
        if without is not None
    ]
    return sorted(effects, key=lambda e: -e.effect)


def record(effects: list[WordEffect]) -> list[dict[str, Any]]:
    """The JSON that is sealed beside the prompt: at most :data:`KEPT` words, worst first."""
    return [
        {"word": e.word[:80], "start": e.start, "end": e.end, "effect": round(e.effect, 3)}
        for e in effects[:KEPT]
        if e.effect >= LEAST
    ]


def _worst(judge: Judge, text: str, category: str) -> tuple[int, str]:
    """Where the stretch that scores highest starts, and the stretch."""
    (found,) = judge.judge([text])
    if not found.where:
        return 0, ""
    start, end = found.where[judge.ensemble.spec.heads.index(category)]
    return start, " ".join(text[start:end].split(" ")[:MAX_WORDS])


def _scores(judge: Judge, texts: list[str], category: str) -> list[float | None]:
    at = judge.ensemble.spec.heads.index(category)
    found: list[float | None] = []
    for judgement in judge.judge(texts):
        if judgement.heads is None:
            found.append(None)
        else:
            # rules on names read the name lists beside the models
            found.append(max(float(judgement.heads[at]), judgement.named.get(category, 0.0)))
    return found
