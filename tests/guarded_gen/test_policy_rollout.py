"""Policies of a rollout in the store, in the log, and beside a real decision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import policies
from guarded_gen.audit import Query
from guarded_gen.composition.services import Services
from guarded_gen.errors import InvalidInput, LogCorrupt, NotFound
from guarded_gen.gates.gate import GateResult, judge
from guarded_gen.production import events
from guarded_gen.production.request import ClipRequest
from guarded_gen.settings import load
from guarded_gen.store.tables.policies import PolicyRollout
from policies import Action, Context, Signal, Stage
from policies.errors import RolloutRefused
from policies.rollout import RolloutState
from policies.taxonomy import HARM

STRICT = policies.load("strict")


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = Services(load(home=tmp_path))
    yield made
    made.close()


def advance(services: Services, policy: policies.Policy, *steps: str) -> None:
    services.rollout.propose(services.log, policy, "ann", "try it")
    for state in steps:
        percent = 100.0 if state == "canary" else None
        services.rollout.move(
            services.log, policy.digest[:12], RolloutState(state), "ann", "on", percent
        )


def signals(**scores: float) -> list[Signal]:
    return [
        Signal.ran("prompt", c, scores.get(c, 0.0), calibrated=True) for c in (*HARM, "disguise")
    ]


def test_every_change_is_an_audit_entry_with_author_and_reason(services: Services) -> None:
    advance(services, STRICT, "shadow", "canary", "active")
    entries = list(services.log.entries(Query(kind="policy.rollout", oldest_first=True)))
    moves = [(e.actor, e.body["from"], e.body["to"], e.body["reason"]) for e in entries]
    assert moves == [
        ("ann", None, "draft", "try it"),
        ("ann", "draft", "shadow", "on"),
        ("ann", "shadow", "canary", "on"),
        ("ann", "canary", "active", "on"),
    ]
    assert all(e.body["digest"] == STRICT.digest for e in entries)
    assert services.policy.digest == STRICT.digest


def test_until_one_is_active_the_settings_decide(services: Services) -> None:
    default = policies.load("default")
    assert services.policy.digest == default.digest
    advance(services, STRICT, "shadow")
    assert services.policy.digest == default.digest


def test_a_shadow_decides_beside_the_real_policy_and_is_not_acted_on(services: Services) -> None:
    advance(services, STRICT, "shadow")
    request = ClipRequest(prompt="a red ball", subject="u")
    result = judge(
        services.choice(request), Stage.PROMPT, signals(intellectual_property=0.7), Context()
    )
    assert result.decision.action is Action.ALLOW
    [(state, shadow)] = result.shadows
    assert (state, shadow.action, shadow.rule_id) == (RolloutState.SHADOW, Action.BLOCK, "IP-1")
    assert GateResult.from_json(result.to_json()) == result
    entry_id = services.log.write(
        lambda tx: tx.append(events.decision(request, "clip_1", result, None))
    )
    entry = services.log.entry(entry_id)
    assert entry.action == "allow"
    [recorded] = entry.body["shadows"]
    assert (recorded["state"], recorded["action"]) == ("shadow", "block")
    assert recorded["policy_digest"] == STRICT.digest
    assert services.log.verify().ok


def test_activating_retires_the_one_before_in_the_same_step(services: Services) -> None:
    teen = policies.load("teen")
    advance(services, STRICT, "shadow", "canary", "active")
    advance(services, teen, "shadow", "canary", "active")
    states = {one.digest: one.state for one in services.rollout.standings()}
    assert states == {STRICT.digest: RolloutState.RETIRED, teen.digest: RolloutState.ACTIVE}
    last = list(services.log.entries(Query(kind="policy.rollout", limit=2)))
    assert {(e.body["digest"], e.body["to"]) for e in last} == {
        (STRICT.digest, "retired"),
        (teen.digest, "active"),
    }


def test_a_refused_step_leaves_no_trace(services: Services) -> None:
    advance(services, STRICT)
    before = len(list(services.log.entries(Query())))
    with pytest.raises(RolloutRefused):
        services.rollout.move(services.log, STRICT.digest, RolloutState.ACTIVE, "ann", "now")
    with pytest.raises(InvalidInput):
        services.rollout.move(services.log, STRICT.digest, RolloutState.SHADOW, "ann", " ")
    with pytest.raises(InvalidInput):
        services.rollout.propose(services.log, STRICT, "ann", "again")
    with pytest.raises(NotFound):
        services.rollout.move(services.log, "abcdef", RolloutState.SHADOW, "ann", "on")
    with pytest.raises(InvalidInput):
        services.rollout.move(services.log, "%", RolloutState.SHADOW, "ann", "on")
    assert len(list(services.log.entries(Query()))) == before
    assert services.rollout.standings()[0].state is RolloutState.DRAFT


def test_another_process_sees_the_change(services: Services, tmp_path: Path) -> None:
    other = Services(load(home=tmp_path))
    assert other.policy.id == "default"
    advance(services, STRICT, "shadow", "canary", "active")
    other.rollout._read_at = 0.0
    assert other.policy.digest == STRICT.digest
    other.close()


def test_an_altered_policy_in_the_database_decides_nothing(services: Services) -> None:
    advance(services, STRICT, "shadow")
    with services.store.write() as session:
        row = session.get(PolicyRollout, STRICT.digest)
        assert row is not None
        row.canonical = row.canonical.replace(b'"block"', b'"allow"')
    services.rollout._read_at = 0.0
    with pytest.raises(LogCorrupt):
        services.rollout.plan()


def test_the_text_of_an_effective_policy_is_found_by_its_digest(services: Services) -> None:
    teen = policies.load("teen")
    advance(services, teen, "shadow", "canary", "active")
    decision = policies.evaluate(
        services.policy, Stage.PROMPT, signals(), Context(age_mode=policies.AgeMode.TEEN)
    )
    assert decision.policy_digest != teen.digest
    text = services.rollout.text(decision.policy_digest)
    assert text is not None
    assert policies.Policy.from_canonical(text).digest == decision.policy_digest
    assert services.rollout.text("0" * 64) is None
