"""Deciding again: a recorded decision must follow from its recorded signals and policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from guarded_gen.audit.canonical import canonical
from guarded_gen.audit.event import LogEntry
from guarded_gen.audit.policies import kept_policy
from guarded_gen.errors import InvalidInput
from policies import EVALUATION, Context, Decision, Policy, Signal, evaluate


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A decision as recorded and as evaluated again, both as canonical JSON."""

    entry: str
    policy_digest: str
    recorded: bytes
    again: bytes
    differences: tuple[str, ...]
    """The fields that differ, none when the two are byte-identical."""
    evaluation: int | None = EVALUATION
    """The version of the rules of evaluation that decided then; None where none was recorded."""

    @property
    def same(self) -> bool:
        return self.recorded == self.again

    @property
    def other_rules(self) -> bool:
        """Whether it was decided by other rules of evaluation: then a difference can be theirs."""
        return self.evaluation != EVALUATION

    def to_json(self) -> dict[str, Any]:
        return {
            "entry": self.entry,
            "policy_digest": self.policy_digest,
            "same": self.same,
            "differences": list(self.differences),
            "evaluation": {"recorded": self.evaluation, "present": EVALUATION},
        }


@dataclass(frozen=True, slots=True)
class SignalDifference:
    """One signal whose check, run again, says something else. None: it is missing there."""

    check: str
    category: str
    recorded: Mapping[str, Any] | None
    again: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def reproduce(connection: Connection, entry: LogEntry) -> Reproduction:
    """Evaluate a decision again from what the log recorded of it.

    Raises :class:`InvalidInput` for an entry without decision, signals or context, and
    ``NotFound`` when its policy was not kept.
    """
    decision, body = entry.decision, entry.body
    if decision is None or "policy_digest" not in decision:
        raise InvalidInput(f"{entry.id} records no decision of a policy")
    if "signals" not in body or "context" not in body:
        raise InvalidInput(f"{entry.id} records no signals to decide from")
    digest = decision["policy_digest"]
    try:
        policy = Policy.from_canonical(kept_policy(connection, digest))
        signals = [Signal.from_json(signal) for signal in body["signals"]]
        context = Context.from_json(body["context"])
        stage = Decision.from_json(decision).stage
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{entry.id} cannot be evaluated again: {error}") from error
    again = evaluate(policy, stage, signals, context).to_json()
    fields = sorted(decision.keys() | again.keys())
    return Reproduction(
        entry.id,
        digest,
        canonical(decision),
        canonical(again),
        tuple(f for f in fields if canonical([decision.get(f)]) != canonical([again.get(f)])),
        body.get("evaluation"),
    )


def compare_signals(entry: LogEntry, again: Sequence[Signal]) -> list[SignalDifference]:
    """How signals of checks that ran again differ from the recorded ones. A score differs when
    it does so by more than a millionth, the precision of the record."""
    recorded = {(s["check"], s["category"]): s for s in entry.body.get("signals", ())}
    now = {(s.check, s.category): s.to_json() for s in again}
    found = []
    for key in sorted(recorded.keys() | now.keys()):
        then, there = recorded.get(key), now.get(key)
        if then is None or there is None or not _alike(then, there):
            found.append(SignalDifference(key[0], key[1], then, there))
    return found


def _alike(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    if a["status"] != b["status"] or a.get("weights") != b.get("weights"):
        return False
    return abs(a.get("score", 0.0) - b.get("score", 0.0)) <= 1e-6
