"""The steps of a rollout, and who is decided by what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policies
from policies.errors import RolloutRefused
from policies.rollout import Rollout, RolloutPlan, RolloutState, in_canary, step

ACTIVE, NEW, OTHER = (policies.load(name) for name in ("default", "strict", "teen"))


def test_forward_one_step_at_a_time() -> None:
    rollout = Rollout("d")
    for state, percent in (("shadow", None), ("canary", 5.0), ("canary", 50.0), ("active", None)):
        rollout = step(rollout, RolloutState(state), percent)
        assert (rollout.state, rollout.percent) == (state, percent or 0.0)


@pytest.mark.parametrize(
    ("state", "to", "percent"),
    [
        ("draft", "active", None),
        ("draft", "canary", 5.0),
        ("shadow", "active", None),
        ("retired", "active", None),
        ("shadow", "canary", None),
        ("shadow", "canary", 0.0),
        ("shadow", "canary", 101.0),
        ("canary", "active", 50.0),
    ],
)
def test_no_step_is_skipped(state: str, to: str, percent: float | None) -> None:
    with pytest.raises(RolloutRefused) as caught:
        step(Rollout("d", RolloutState(state)), RolloutState(to), percent)
    assert caught.value.remedy


def test_one_canary_and_three_shadows_at_most() -> None:
    canary = Rollout("c", RolloutState.CANARY, 5.0)
    with pytest.raises(RolloutRefused, match="canary already"):
        step(Rollout("d", RolloutState.SHADOW), RolloutState.CANARY, 5.0, [canary])
    shadows = [Rollout(str(i), RolloutState.SHADOW) for i in range(3)]
    with pytest.raises(RolloutRefused, match="3 shadows"):
        step(Rollout("d"), RolloutState.SHADOW, None, shadows)


@given(st.text(max_size=40), st.floats(0, 100), st.floats(0, 100))
def test_a_growing_canary_keeps_its_subjects(subject: str, one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert not in_canary("d", subject, low) or in_canary("d", subject, high)
    assert in_canary("d", subject, 100)
    assert not in_canary("d", subject, 0)


def test_the_share_is_what_was_asked_for_and_differs_by_policy() -> None:
    subjects = [f"user-{i}" for i in range(20_000)]
    one = {s for s in subjects if in_canary("one", s, 10)}
    two = {s for s in subjects if in_canary("two", s, 10)}
    assert 0.09 < len(one) / len(subjects) < 0.11
    assert 0.005 < len(one & two) / len(subjects) < 0.015


def test_the_canary_acts_for_its_subjects_and_looks_on_for_the_others() -> None:
    plan = RolloutPlan(ACTIVE, (NEW, 50.0), (OTHER,))
    chosen = [plan.choose(f"user-{i}") for i in range(200)]
    acting = {choice.acting.digest for choice in chosen}
    assert acting == {ACTIVE.digest, NEW.digest}
    for choice in chosen:
        observed = {(state, policy.digest) for state, policy in choice.observed}
        if choice.acting is NEW:
            assert observed == {
                (RolloutState.ACTIVE, ACTIVE.digest),
                (RolloutState.SHADOW, OTHER.digest),
            }
        else:
            assert observed == {
                (RolloutState.CANARY, NEW.digest),
                (RolloutState.SHADOW, OTHER.digest),
            }
    assert plan.choose("user-1") == plan.choose("user-1")
    assert RolloutPlan(ACTIVE).choose("x").observed == ()
