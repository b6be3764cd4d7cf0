"""The classes of evidence about a file's origin, and what each can come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Evidence(StrEnum):
    """The classes, by falling weight."""

    CREDENTIALS = "credentials"
    WATERMARK = "watermark"
    FINGERPRINT = "fingerprint"
    HASH_BANK = "hash_bank"
    CONTAINER = "container_metadata"
    DETECTOR = "detector"


class State(StrEnum):
    """What a class of evidence came to."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    CONTRADICTS = "contradicts"
    UNSETTLED = "unsettled"
    NOT_CHECKED = "not_checked"


class Origin(StrEnum):
    """The one-word answer; the sentences are the answer."""

    OURS = "ours"
    OURS_RECOVERED = "ours_recovered"
    CREDENTIALED = "credentialed"
    UNTRUSTED = "untrusted"
    ALTERED = "altered"
    FORGED_MARK = "forged_mark"
    SIMILAR = "similar"
    LIKELY_SYNTHETIC = "likely_synthetic"
    MALFORMED = "malformed"
    NOT_JUDGED = "not_judged"
    REMOTE = "remote"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One class of evidence: a sentence, what it proves, and what it does not."""

    kind: Evidence
    state: State
    sentence: str
    proves: str = ""
    does_not_prove: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DetectorScore:
    """A calibrated detector's probability, and its false-positive rate at this threshold."""

    probability: float
    threshold: float
    false_positive_rate: float
    name: str


def date(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%d %B %Y, %H:%M UTC")
