"""Layers tighten and never relax; the floor stands under all of them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import policies
from policies import Action, AgeMode, Context, Signal, Stage, effective, evaluate
from policies.taxonomy import CATEGORIES
from tests.policies.strategies import DEFAULT, EXAMPLES, HEAD, RULES, changes, overlays, requests


def loaded(layers: list[dict[str, object]]) -> policies.Policy:
    policy, _ = policies.loads(yaml.safe_dump(HEAD | {"overlays": layers}))
    return policy


@settings(max_examples=EXAMPLES, deadline=None)
@given(overlays(), requests())
def test_no_overlay_makes_any_decision_milder(
    layers: list[dict[str, object]], request_: tuple[Stage, list[Signal], Context]
) -> None:
    try:
        policy = loaded(layers)
    except policies.PolicyInvalid as error:
        assert {issue.code for issue in error.issues} == {"unreachable"}
        assume(False)
    stage, signals, context = request_
    before = evaluate(DEFAULT, stage, signals, context)
    after = evaluate(policy, stage, signals, context)
    assert after.action.severity >= before.action.severity
    assert after.floor or not before.floor


@settings(max_examples=EXAMPLES, deadline=None)
@given(overlays(wild=True), requests())
def test_whatever_an_overlay_says_the_floor_stands(
    layers: list[dict[str, object]], request_: tuple[Stage, list[Signal], Context]
) -> None:
    """Even an overlay that got past the loader cannot relax: laying it over only tightens."""
    made = [policies.Overlay.model_validate(layer) for layer in layers]
    policy = policies.Policy(
        id="p", version="1", rules=DEFAULT.rules, floor=DEFAULT.floor,
        required=DEFAULT.required, overlays=tuple(made),
    )  # fmt: skip
    stage, signals, context = request_
    before = evaluate(DEFAULT, stage, signals, context)
    after = evaluate(policy, stage, signals, context)
    assert after.action.severity >= before.action.severity
    if before.floor:
        assert after.action is Action.BLOCK
        assert not after.overridable


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(changes(wild=True))
def test_the_loader_refuses_exactly_what_relaxes(change: dict[str, dict[str, object]]) -> None:
    relaxing = {
        rule_id
        for rule_id, wanted in change.items()
        if (wanted.get("at_least", 0) or 0) > (RULES[rule_id].at_least or 0)  # type: ignore[operator]
        or Action(wanted.get("action", "block")).severity < RULES[rule_id].action.severity
    }
    text = yaml.safe_dump(HEAD | {"tighten": change})
    try:
        policies.loads(text)
    except policies.PolicyInvalid as error:
        named = {issue.message.split("rule ")[1].split()[0].rstrip(":") for issue in error.issues}
        assert {issue.code for issue in error.issues} == {"relaxes"}
        assert named == relaxing
    else:
        assert not relaxing


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(overlays(), st.randoms())
def test_the_order_of_overlays_does_not_matter(
    layers: list[dict[str, object]], random: object
) -> None:
    try:
        policy = loaded(layers)
        shuffled = list(layers)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        other = loaded(shuffled)
    except policies.PolicyInvalid:
        assume(False)
    one = effective(policy, "a", "DE", AgeMode.TEEN)
    two = effective(other, "a", "DE", AgeMode.TEEN)
    assert {rule.id: rule for rule in one.rules} == {rule.id: rule for rule in two.rules}
    assert one.default is two.default


def test_the_effective_policy_has_a_digest_of_its_own() -> None:
    policy = loaded(
        [
            {
                "overlay": "teen",
                "applies_to": {"age_mode": "teen"},
                "tighten": {"SEX-2": {"at_least": 0.2}},
            }
        ]
    )
    adult, teen = (effective(policy, "t", "DE", age) for age in AgeMode)
    assert adult is policy
    assert teen.rule("SEX-2").at_least == 0.2
    assert teen.lineage == ("default@1", "teen")
    assert len({DEFAULT.digest, policy.digest, teen.digest}) == 3
    signals = [Signal.ran("c", c, 0.3 if c == "sexual" else 0.0) for c in CATEGORIES]
    context = Context(age_mode=AgeMode.TEEN)
    decision = evaluate(policy, Stage.PROMPT, signals, context)
    assert (decision.rule_id, decision.policy_digest) == ("SEX-2", teen.digest)
    again = policies.Policy.from_canonical(teen.canonical)
    assert evaluate(again, Stage.PROMPT, signals, context) == decision
    assert evaluate(policy, Stage.PROMPT, signals, Context()).action is Action.ALLOW


@pytest.mark.parametrize(
    ("pattern", "code", "covered"),
    [
        ("EU", "DE", True),
        ("EU", "NO", False),
        ("EEA", "NO", True),
        ("US", "US-CA", True),
        ("US-CA", "US", False),
        ("US-CA", "US-CA", True),
        ("DE", "", False),
        ("EU", "", False),
    ],
)
def test_places_inside_places(pattern: str, code: str, covered: bool) -> None:
    from policies.jurisdictions import covers

    assert covers(pattern, code) is covered


EXCUSE = {
    "upload": [{"categories": ["gore"], "when": "has_reference", "otherwise": "no_reference"}]
}
"""The default policy names gore at uploads by its rules alone."""


@pytest.mark.parametrize(
    "document",
    [
        HEAD | {"required": EXCUSE},
        HEAD
        | {"overlays": [{"overlay": "o", "applies_to": {"tenants": ["t"]}, "required": EXCUSE}]},
    ],
)
def test_no_layer_excuses_what_a_rule_below_it_names(document: dict[str, object]) -> None:
    with pytest.raises(policies.PolicyInvalid) as refused:
        policies.loads(yaml.safe_dump(document))
    assert {issue.code for issue in refused.value.issues} == {"relaxes"}


def test_an_excuse_that_got_past_the_loader_excuses_nothing() -> None:
    layer = policies.Overlay.model_validate(
        {"overlay": "o", "applies_to": {"tenants": ["t"]}, "required": EXCUSE}
    )
    policy = policies.Policy(
        id="p", version="1", rules=DEFAULT.rules, floor=DEFAULT.floor,
        required=DEFAULT.required, overlays=(layer,),
    )  # fmt: skip
    for made in (DEFAULT, policy):
        decision = evaluate(made, Stage.UPLOAD, [], Context(tenant="t"))
        assert decision.action is Action.REVIEW
        assert "gore" in {item.category for item in decision.missing}
