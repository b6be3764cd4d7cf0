"""What is said in a clip or stands in its captions, past the classifiers of prompts.

That words were found harmless does not mean that anybody looked for the same harm in the picture:
so they have the categories of words in a picture (``text_hate`` and so on), and only what is more
likely than not is told under them. Everything is told under the category of its source, ``sound``
or ``subtitles``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from classifiers.base import PromptClassifier
from policies.decision import Signal

LIKELY = 0.5
"""Below it a score under a category of its own could only serve to call the picture's words
assessed."""

_TOLD_ONLY = frozenset({"text_name", "text_brand"})
"""Said or written everywhere: no harm by itself."""


def verdict(
    check: str,
    category: str,
    texts: Sequence[str],
    classifiers: Sequence[PromptClassifier],
    detail: dict[str, Any],
    weights: str | None = None,
) -> tuple[Signal, ...]:
    """Signals of ``texts``: one of ``category``, then those of harm that is likely.

    The scores were calibrated on prompts, not on speech or captions: here they are not. Where a
    classifier fails, or no one reads the language of a text, ``category`` is skipped, and
    likely harm is told all the same.
    """
    # The room of frames reads sound and captions in turn.
    from classifiers.frame.text.judged import UNREAD, judge

    worst: dict[str, float] = {}
    failed: str | None = None
    for judged in judge(texts, classifiers) if texts else ():
        failed = judged.failed or failed
        for name, score in judged.scores.items():
            worst[name] = max(score, worst.get(name, 0.0))
    likely = tuple(
        Signal.ran(check, name, score)
        for name, score in worst.items()
        if score >= LIKELY and name != UNREAD
    )
    if failed is not None:
        return (Signal.skipped(check, category, failed, detail=detail), *likely)
    if worst.get(UNREAD, 0.0) >= LIKELY or (texts and not classifiers):
        cause = {"cause": "no classifier reads its language", **detail}
        return (Signal.skipped(check, category, "not_assessed", detail=cause), *likely)
    score = max((s for n, s in worst.items() if n not in _TOLD_ONLY | {UNREAD}), default=0.0)
    return (Signal.ran(check, category, score, weights=weights, detail=detail), *likely)
