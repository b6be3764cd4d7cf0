"""Second judges for the uncertain band: larger models that cost a second, or a service.

None ships with the product. An operator names one by local path, or by hub id with a
revision; what cannot be reached, times out or answers nonsense ends as ``failed``.
"""

from __future__ import annotations

from classifiers.prompt.judges.cascade import Band, CascadeClassifier
from classifiers.prompt.judges.generative import FAMILIES, GenerativeGuard, GuardFamily
from classifiers.prompt.judges.remote import RemoteModerations
from classifiers.prompt.judges.sequence import SequenceClassifierJudge

__all__ = [
    "FAMILIES",
    "Band",
    "CascadeClassifier",
    "GenerativeGuard",
    "GuardFamily",
    "RemoteModerations",
    "SequenceClassifierJudge",
]
