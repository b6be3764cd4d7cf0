"""What a prompt says once its disguises are taken off."""

from __future__ import annotations

from classifiers.prompt.normalise.readings import (
    MAX_DEPTH,
    MAX_READINGS,
    Normaliser,
    Reading,
    Readings,
)
from classifiers.prompt.normalise.vocabulary import Vocabulary

__all__ = ["MAX_DEPTH", "MAX_READINGS", "Normaliser", "Reading", "Readings", "Vocabulary"]
