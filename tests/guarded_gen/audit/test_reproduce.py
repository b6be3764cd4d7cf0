"""Deciding again, with a real policy and real signals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

import policies
from guarded_gen.audit import AuditLog, Event
from guarded_gen.audit.reproduce import compare_signals, reproduce
from guarded_gen.errors import InvalidInput, NotFound
from policies import EVALUATION, Context, Signal, Stage, evaluate

POLICY = policies.load("default")


def record(log: AuditLog, score: float, **changed: object) -> str:
    categories = {c for need in POLICY.required.get(Stage.PROMPT, ()) for c in need.categories}
    signals = [
        Signal.ran("test", category, score if category == "violence" else 0.01, calibrated=True)
        for category in sorted(categories | {"violence"})
    ]
    context = Context(tenant="default", jurisdiction="DE", strikes=1)
    decision = evaluate(POLICY, Stage.PROMPT, signals, context)
    return log.append(
        Event(
            "prompt.decision",
            decision=decision.to_json() | changed,
            body={
                "signals": [signal.to_json() for signal in signals],
                "context": context.to_json(),
            },
        )
    )


@pytest.fixture
def keeping(any_log: AuditLog) -> AuditLog:
    any_log.policies.source = lambda d: POLICY.canonical if d == POLICY.digest else None
    return any_log


@pytest.mark.parametrize("score", [0.0, 0.123457, 0.5, 0.99, 1.0])
def test_a_decision_follows_again_byte_for_byte(keeping: AuditLog, score: float) -> None:
    id = record(keeping, score)
    with keeping.reading() as connection:
        found = reproduce(connection, keeping.entry(id))
    assert found.same, found.differences
    assert found.policy_digest == POLICY.digest
    assert found.again == found.recorded


def test_a_decision_that_does_not_follow_is_told(keeping: AuditLog) -> None:
    id = record(keeping, 0.99, action="allow", reason="no_rule_matched")
    with keeping.reading() as connection:
        found = reproduce(connection, keeping.entry(id))
    assert not found.same
    assert {"action", "reason"} <= set(found.differences)


def test_an_earlier_version_of_the_evaluation_is_named(keeping: AuditLog) -> None:
    id = record(keeping, 0.99, reason="as it was called then")
    with keeping.reading() as connection:
        found = reproduce(connection, keeping.entry(id))
    assert (found.same, found.differences, found.other_rules) == (False, ("reason",), True)
    assert found.to_json()["evaluation"] == {"recorded": None, "present": EVALUATION}
    id = record(keeping, 0.99)
    entry = replace(keeping.entry(id), body=keeping.entry(id).body | {"evaluation": EVALUATION})
    with keeping.reading() as connection:
        found = reproduce(connection, entry)
    assert (found.same, found.other_rules) == (True, False)


def test_an_altered_policy_text_is_refused(keeping: AuditLog) -> None:
    id = record(keeping, 0.5)
    with keeping.store.write() as session:
        session.execute(text("UPDATE audit_policy SET canonical = :c"), {"c": b"{}"})
    with keeping.reading() as connection, pytest.raises(NotFound, match="altered"):
        reproduce(connection, keeping.entry(id))


def test_what_cannot_be_decided_again_is_told(any_log: AuditLog) -> None:
    unkept = record(any_log, 0.5)
    nothing = any_log.append(Event("job.accepted"))
    with any_log.reading() as connection:
        with pytest.raises(NotFound):
            reproduce(connection, any_log.entry(unkept))
        with pytest.raises(InvalidInput):
            reproduce(connection, any_log.entry(nothing))


def test_signals_of_checks_run_again_are_compared(keeping: AuditLog) -> None:
    entry = keeping.entry(record(keeping, 0.5))
    same = [Signal.from_json(s) for s in entry.body["signals"]]
    assert compare_signals(entry, same) == []
    changed = [s for s in same if s.category != "violence"]
    [difference] = compare_signals(entry, changed)
    assert (difference.category, difference.again) == ("violence", None)
    other = [Signal.ran("test", "violence", 0.6, calibrated=True)]
    [difference] = compare_signals(entry, [*changed, *other])
    assert difference.again is not None and difference.again["score"] == 0.6
