"""Prompts: what is asked for, judged before anything is generated.

Reads text and the packaged weights; the second judges alone may reach further.
"""

from __future__ import annotations

from classifiers.base import PromptClassifier
from classifiers.prompt.batching import BatchingClassifier
from classifiers.prompt.classifier import EmbeddedPromptClassifier
from classifiers.prompt.explain import WordEffect, explain
from classifiers.prompt.judges import (
    CascadeClassifier,
    GenerativeGuard,
    RemoteModerations,
    SequenceClassifierJudge,
)
from classifiers.prompt.rewrite import Explains, Suggestion, suggest
from classifiers.prompt.settings import JudgeSettings, PromptSettings
from classifiers.registry import WeightsRegistry

__all__ = [
    "BatchingClassifier",
    "CascadeClassifier",
    "EmbeddedPromptClassifier",
    "Explains",
    "JudgeSettings",
    "PromptSettings",
    "Suggestion",
    "WordEffect",
    "default",
    "explain",
    "suggest",
]


def default(registry: WeightsRegistry, settings: PromptSettings | None = None) -> PromptClassifier:
    """The embedded ensemble, batched; behind it the second judge that the settings name.

    Raises the judge's errors (``weights_missing`` …) when one is named that cannot be had.
    """
    settings = settings or PromptSettings()
    embedded = EmbeddedPromptClassifier(registry, entity_files=settings.entities)
    first = BatchingClassifier(embedded)
    second = _judge(settings.judge)
    return first if second is None else CascadeClassifier(first, second, settings.judge.band)


def _judge(settings: JudgeSettings) -> PromptClassifier | None:
    revision = settings.revision or None
    match settings.kind:
        case "none":
            return None
        case "sequence":
            return SequenceClassifierJudge(
                settings.model,
                revision,
                settings.labels,
                settings.timeout,
                device=settings.device,
            )
        case "moderations":
            key = settings.api_key.get_secret_value()
            return RemoteModerations(settings.url, settings.model, key, settings.timeout)
        case family:
            return GenerativeGuard(
                family,
                settings.model,
                revision,
                settings.policy,
                settings.timeout,
                settings.device,
            )
