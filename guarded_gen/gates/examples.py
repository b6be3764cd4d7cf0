"""A policy's examples that are written as prompts, judged as the prompt gate would."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from classifiers.base import PromptClassifier
from classifiers.prompt import own_words
from guarded_gen.gates.gate import classify
from policies import Policy
from policies.cases import Judge
from policies.decision import Signal


def judge_of(classifiers: Callable[[], Sequence[PromptClassifier]]) -> Callable[[Policy], Judge]:
    """The prompt classifiers and a policy's own word lists as one function for each policy.

    ``classifiers`` is called when the first prompt is judged: loading them takes a second.
    """

    def judge(policy: Policy) -> Judge:
        def signals(text: str, at: date | None) -> Sequence[Signal]:
            day = at or datetime.now(UTC).date()
            return [
                *classify(classifiers(), [text])[0],
                *own_words.signals(policy.categories, text, day),
            ]

        return signals

    return judge
