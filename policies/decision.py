"""Signals in, decisions out: the values that every gate, rule and record speaks in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from policies.context import Context


class CheckStatus(StrEnum):
    """How a check ended. Only ``RAN`` carries a score; nothing else is ever a pass."""

    RAN = "ran"
    SKIPPED = "skipped"
    FAILED = "failed"


class Stage(StrEnum):
    """Where in a request's way a check stands."""

    PROMPT = "prompt"
    REFERENCE = "reference"
    OUTPUT = "output"
    UPLOAD = "upload"


class Action(StrEnum):
    """What a policy does, by rising severity."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"

    @property
    def severity(self) -> int:
        return _SEVERITY[self]


_SEVERITY = {Action.ALLOW: 0, Action.REVIEW: 1, Action.BLOCK: 2}

SCORE_DIGITS = 6
"""Scores are kept to a millionth, so that a decision made again from its record is the same."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a clip, in seconds from its start, with the worst score in it."""

    start: float
    end: float
    score: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "score", round(float(self.score), SCORE_DIGITS))


@dataclass(frozen=True, slots=True)
class Signal:
    """What one check says of one category.

    ``score`` is a probability-like number in [0, 1], rounded to a millionth, present exactly
    when ``status`` is ``RAN``. ``reason`` says why a check did not run (``not_assessed``,
    ``weights_missing``, ``unsupported_language``, ``timeout`` …) and is required then.
    ``weights`` is the SHA-256 (hex) of the weights that gave the score. ``detail`` holds JSON
    values only, never prompt text, a face vector or other personal data.

    Raises ``ValueError`` when score, status and reason contradict each other.
    """

    check: str
    category: str
    status: CheckStatus
    score: float | None = None
    reason: str | None = None
    calibrated: bool = False
    weights: str | None = None
    segments: tuple[Segment, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status is CheckStatus.RAN:
            if self.score is None or not math.isfinite(self.score) or not 0 <= self.score <= 1:
                raise ValueError(f"{self.check}: a check that ran needs a score in [0, 1]")
            object.__setattr__(self, "score", round(float(self.score), SCORE_DIGITS))
        elif self.score is not None or not self.reason:
            raise ValueError(f"{self.check}: a check that did not run has a reason and no score")

    @classmethod
    def ran(cls, check: str, category: str, score: float, **rest: Any) -> Signal:
        return cls(check, category, CheckStatus.RAN, score=float(score), **rest)

    @classmethod
    def skipped(cls, check: str, category: str, reason: str, **rest: Any) -> Signal:
        return cls(check, category, CheckStatus.SKIPPED, reason=reason, **rest)

    @classmethod
    def failed(cls, check: str, category: str, reason: str, **rest: Any) -> Signal:
        return cls(check, category, CheckStatus.FAILED, reason=reason, **rest)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; keys without a value are left out."""
        record: dict[str, Any] = {
            "check": self.check,
            "category": self.category,
            "status": self.status.value,
            "calibrated": self.calibrated,
        }
        if self.score is not None:
            record["score"] = self.score
        if self.reason is not None:
            record["reason"] = self.reason
        if self.weights is not None:
            record["weights"] = self.weights
        if self.segments:
            record["segments"] = [[s.start, s.end, s.score] for s in self.segments]
        if self.detail:
            record["detail"] = dict(self.detail)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Signal:
        """The inverse of :meth:`to_json`; raises ``KeyError`` or ``ValueError``."""
        return cls(
            check=record["check"],
            category=record["category"],
            status=CheckStatus(record["status"]),
            score=record.get("score"),
            reason=record.get("reason"),
            calibrated=record.get("calibrated", False),
            weights=record.get("weights"),
            segments=tuple(Segment(*s) for s in record.get("segments", ())),
            detail=record.get("detail", {}),
        )


class Match(NamedTuple):
    """One rule that matched: the score that met its threshold, and what the rule asks for.

    ``below`` is the upper end of a ``between`` rule, else None. ``check`` gave the score.
    ``capped`` is ``"uncalibrated"`` where the rule asks for more than ``action``, but the
    category may not block on an uncalibrated score.
    """

    rule_id: str
    category: str
    action: Action
    score: float
    at_least: float
    below: float | None = None
    check: str | None = None
    floor: bool = False
    capped: str | None = None

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "rule_id": self.rule_id,
            "category": self.category,
            "action": self.action.value,
            "score": self.score,
            "at_least": self.at_least,
        }
        for key in ("below", "check", "capped"):
            if (value := getattr(self, key)) is not None:
                record[key] = value
        if self.floor:
            record["floor"] = True
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Match:
        return cls(**{**record, "action": Action(record["action"])})


class Missing(NamedTuple):
    """A category that was not assessed: by which check (None: no check spoke), and why."""

    category: str
    reason: str
    check: str | None = None

    def to_json(self) -> dict[str, Any]:
        record = {"category": self.category, "reason": self.reason}
        return record if self.check is None else {**record, "check": self.check}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Missing:
        return cls(record["category"], record["reason"], record.get("check"))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy says of one stage, and everything that is needed to check it.

    ``rule_id`` is the rule that decided: the first of the most severe ones; None where no
    rule did. ``reason`` is that rule's code, or ``missing_signal``, ``condition_failed``,
    ``empty`` (no check spoke at all), ``stage_not_covered`` (the policy says nothing about
    this stage), ``no_rule_matched``. ``scores`` holds assessed categories only, the worst
    score of each. ``missing`` are the categories that the policy requires or a rule names and
    that have no score: why the action is at least the policy's default; the reason is
    ``no_check`` where no check exists. ``not_assessed`` was excused by name or is named by no
    rule, and is no pass either. ``floor`` says that a
    floor rule decided: nobody may override it. With ``context`` and the signals of its stage
    the decision can be made again.
    """

    stage: Stage
    action: Action
    rule_id: str | None
    reason: str
    policy_id: str
    policy_version: str
    policy_digest: str
    scores: Mapping[str, float] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    trace: tuple[Match, ...] = ()
    missing: tuple[Missing, ...] = ()
    not_assessed: tuple[Missing, ...] = ()
    floor: bool = False
    context: Context = field(default_factory=Context)

    @property
    def overridable(self) -> bool:
        """Whether a reviewer or an appeal may change the outcome."""
        return not self.floor

    def to_json(self) -> dict[str, Any]:
        """A JSON object; the inverse of :meth:`from_json`."""
        return {
            "stage": self.stage.value,
            "action": self.action.value,
            "rule_id": self.rule_id,
            "reason": self.reason,
            "policy_id": self.policy_id,
            "policy_version": self.policy_version,
            "policy_digest": self.policy_digest,
            "scores": dict(self.scores),
            "thresholds": dict(self.thresholds),
            "trace": [match.to_json() for match in self.trace],
            "missing": [missing.to_json() for missing in self.missing],
            "not_assessed": [missing.to_json() for missing in self.not_assessed],
            "floor": self.floor,
            "context": self.context.to_json(),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Decision:
        """The inverse of :meth:`to_json`; raises ``KeyError``, ``TypeError`` or ``ValueError``."""
        return cls(
            stage=Stage(record["stage"]),
            action=Action(record["action"]),
            rule_id=record["rule_id"],
            reason=record["reason"],
            policy_id=record["policy_id"],
            policy_version=record["policy_version"],
            policy_digest=record["policy_digest"],
            scores=dict(record["scores"]),
            thresholds=dict(record["thresholds"]),
            trace=tuple(Match.from_json(match) for match in record["trace"]),
            missing=tuple(Missing.from_json(missing) for missing in record["missing"]),
            not_assessed=tuple(Missing.from_json(item) for item in record["not_assessed"]),
            floor=record["floor"],
            context=Context.from_json(record["context"]),
        )
