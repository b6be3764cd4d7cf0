"""Conditions: BOOL or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import Context, Policy, Rule, Signal, Stage, conditions, evaluate
from policies.conditions import Variables
from policies.decision import Action, Missing

CONTEXT = Context(
    tenant="acme", jurisdiction="US-CA", strikes=2, backend="dit", duration=4,
    capabilities=frozenset({"neural", "t2v"}),
)  # fmt: skip
SCORES = {"gore": 0.4, "violence": 0.9}

CASES: dict[str, bool | None] = {
    "strikes > 1": True,
    "strikes > 1 && has_reference": False,
    'scores.gore > 0.3 || scores["violence"] > 0.95': True,
    '"gore" in scores': True,
    '"hate" in scores': False,
    "has(scores.hate)": False,
    "scores.hate > 0.5": None,
    'scores["hate"] > 0.5': None,
    "scores.hate > 0.5 || strikes > 1": True,
    '"hate" in scores && scores.hate > 0.5': False,
    "1 / (strikes - 2) > 0": None,
    'tenant.matches("^ac")': True,
    'jurisdiction.startsWith("US") && age_mode == "adult"': True,
    '"neural" in capabilities && backend == "dit"': True,
    'capabilities.exists(c, c.startsWith("t2"))': True,
    "scores.exists(c, scores[c] > 0.8)": True,
    "scores.all(c, scores[c] > 0.8)": False,
    "size(scores) == 2": True,
    "duration > 3.5": True,
    "faces > 0": None,
    'stage == "prompt"': True,
    "strikes > 1 // a comment": True,
}


def answer(text: str) -> bool | None:
    condition = conditions.compile(text)
    made = conditions.activation(Stage.PROMPT, SCORES, CONTEXT, Variables.of([condition]))
    return condition.holds(made)


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_true_false_or_failed(text: str, expected: bool | None) -> None:
    assert answer(text) is expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(CASES)), unique=True, min_size=1, max_size=12))
def test_many_at_once_answer_as_one_by_one(texts: list[str]) -> None:
    used = [conditions.compile(text) for text in texts]
    made = conditions.activation(Stage.PROMPT, SCORES, CONTEXT, Variables.of(used))
    assert [c.holds(made) for c in used] == [CASES[text] for text in texts]
    batch = conditions.batch(tuple(texts))
    if batch is not None:
        expected = {} if None in (CASES[t] for t in texts) else {t: CASES[t] for t in texts}
        assert batch.answers(made) == expected


def policy(*whens: str, action: Action = Action.BLOCK) -> Policy:
    rules = tuple(
        Rule(
            id=f"R-{i}",
            category="violence",
            stage=(Stage.PROMPT,),
            at_least=0.5,
            action=action,
            reason="violence",
            when=when,
        )
        for i, when in enumerate(whens)
    )
    return Policy(id="p", version="1", rules=rules, floor=())


def test_a_failed_condition_is_a_failed_check() -> None:
    signals = [Signal.ran("c", "violence", 0.9)]
    decision = evaluate(policy("scores.hate > 0.5"), Stage.PROMPT, signals, CONTEXT)
    assert (decision.action, decision.reason) == (Action.REVIEW, "condition_failed")
    assert decision.missing == (Missing("violence", "condition_failed", "when:R-0"),)
    assert decision.trace == ()


def test_a_failed_condition_among_others_leaves_them_alone() -> None:
    signals = [Signal.ran("c", "violence", 0.9)]
    made = policy("strikes > 1", "scores.hate > 0.5", "strikes > 5", "has_reference")
    decision = evaluate(made, Stage.PROMPT, signals, CONTEXT)
    assert [m.rule_id for m in decision.trace] == ["R-0"]
    assert [m.check for m in decision.missing] == ["when:R-1"]
    assert (decision.action, decision.rule_id) == (Action.BLOCK, "R-0")


def test_a_condition_is_not_asked_below_the_threshold() -> None:
    signals = [Signal.ran("c", "violence", 0.1)]
    decision = evaluate(policy("scores.hate > 0.5"), Stage.PROMPT, signals, CONTEXT)
    assert (decision.action, decision.missing) == (Action.ALLOW, ())


def test_a_condition_may_ask_what_is_named() -> None:
    made = policy('"public_figure" in entities && !("historical_figure" in entities)')
    signals = [Signal.ran("c", "violence", 0.9)]
    named = Context(entities=frozenset({"public_figure", "donald-trump"}))
    assert Context.from_json(named.to_json()) == named
    assert evaluate(made, Stage.PROMPT, signals, named).rule_id == "R-0"
    assert evaluate(made, Stage.PROMPT, signals, Context()).rule_id is None
