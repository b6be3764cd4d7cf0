"""How signals become a decision."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import assume, given, settings

import policies
from policies import Action, Context, Decision, Missing, Signal, Stage, evaluate
from policies.engine import in_scope
from policies.overlay import effective
from policies.taxonomy import HARM
from tests.policies.strategies import EXAMPLES, HEAD, overlays, requests

WORLD = Context(backend="world", capabilities=frozenset({"procedural", "closed_vocabulary", "t2v"}))
EXCUSED = {
    "sexual", "sexual_minors", "ncii", "gore", "violence", "hate", "self_harm", "extremism",
    "enrolled_likeness", "hash_match", "text_hate", "text_extremism", "text_sexual",
    "text_violence", "text_harassment", "text_self_harm", "text_illicit", "text_deception",
    "text_privacy", "text_unread",
}  # fmt: skip
"""What the default policy names at the output and only a closed vocabulary excuses."""
NEURAL = Context(backend="dit", capabilities=frozenset({"neural", "t2v"}))


@pytest.fixture(scope="module")
def default() -> policies.Policy:
    return policies.load("default")


def harmless(**scores: float) -> list[Signal]:
    named = (*HARM, "disguise")
    return [Signal.ran("prompt", c, scores.get(c, 0.01), calibrated=True) for c in named]


def frames(**scores: float) -> list[Signal]:
    return [
        Signal.ran("frames", c, scores.get(c, 0.0))
        for c in ("undecodable", "black", "frozen", "flash", "flash_local", "stripes", "loudness")
    ]


def test_a_harmless_prompt_is_allowed_when_everything_ran(default: policies.Policy) -> None:
    decision = evaluate(default, Stage.PROMPT, harmless(), WORLD)
    assert decision.action is Action.ALLOW
    assert (decision.rule_id, decision.reason) == (None, "no_rule_matched")
    assert decision.policy_digest == default.digest
    assert decision.scores["sexual"] == 0.01
    assert decision.thresholds["SEX-1"] == 0.8


@pytest.mark.parametrize(
    ("scores", "rule"),
    [
        # more of violence than of gore, though the rule on gore stands first
        ({"unsafe": 0.96, "gore": 0.88, "violence": 0.95}, "VIO-1"),
        ({"unsafe": 0.96, "gore": 0.95, "violence": 0.91}, "GORE-1"),
        ({"gore": 0.62, "violence": 0.8, "unsafe": 0.8}, "VIO-2"),
        # the sum of all harm never takes the place of what is named
        ({"unsafe": 0.999, "violence": 0.91}, "VIO-1"),
        # what a floor or a condition says keeps its place
        ({"sexual_minors": 0.52, "sexual": 0.99}, "SM-1"),
        ({"minors": 0.6, "sexual": 0.99}, "SM-3"),
    ],
)
def test_among_equals_the_harm_that_stands_out_most_gives_the_reason(
    default: policies.Policy, scores: dict[str, float], rule: str
) -> None:
    decision = evaluate(default, Stage.PROMPT, harmless(**scores), WORLD)
    assert decision.rule_id == rule


def test_the_most_severe_rule_wins_and_the_trace_names_every_match(
    default: policies.Policy,
) -> None:
    decision = evaluate(default, Stage.PROMPT, harmless(sexual=0.93, violence=0.75), WORLD)
    assert (decision.action, decision.rule_id, decision.reason) == (
        Action.BLOCK,
        "SEX-1",
        "sexual_content",
    )
    assert [(m.rule_id, m.action.value, m.score, m.at_least) for m in decision.trace] == [
        ("SEX-1", "block", 0.93, 0.8),
        ("SEX-2", "review", 0.93, 0.45),
        ("VIO-2", "review", 0.75, 0.55),
    ]


def test_a_missing_required_signal_is_held(default: policies.Policy) -> None:
    signals = [s for s in harmless() if s.category != "hate"]
    decision = evaluate(default, Stage.PROMPT, signals, WORLD)
    assert (decision.action, decision.reason) == (Action.REVIEW, "missing_signal")
    assert decision.missing == (Missing("hate", "no_check"),)


def test_no_signal_at_all_is_held(default: policies.Policy) -> None:
    for stage in Stage:
        decision = evaluate(default, stage, [], WORLD)
        assert (decision.action, decision.reason) == (Action.REVIEW, "empty")


def test_a_failed_second_check_is_missing_although_the_first_ran(default: policies.Policy) -> None:
    signals = [*harmless(), Signal.failed("second", "hate", "timeout")]
    decision = evaluate(default, Stage.PROMPT, signals, WORLD)
    assert decision.action is Action.REVIEW
    assert decision.missing == (Missing("hate", "timeout", "second"),)


def test_a_skipped_second_check_is_no_gap(default: policies.Policy) -> None:
    signals = [*harmless(), Signal.skipped("second", "hate", "not_configured")]
    assert evaluate(default, Stage.PROMPT, signals, WORLD).action is Action.ALLOW


def test_a_closed_vocabulary_excuses_the_nudity_check_in_the_open(default: policies.Policy) -> None:
    absent = [*frames(), Signal.skipped("nsfw", "sexual", "weights_missing")]
    decision = evaluate(default, Stage.OUTPUT, absent, WORLD)
    assert decision.action is Action.ALLOW
    assert Missing("sexual", "closed_vocabulary", "nsfw") in decision.not_assessed
    assert "sexual" not in decision.scores
    for context in (
        NEURAL,
        Context(),
        Context(capabilities=frozenset({"closed_vocabulary"}), has_reference=True),
    ):
        decision = evaluate(default, Stage.OUTPUT, absent, context)
        assert (decision.action, decision.reason) == (Action.REVIEW, "missing_signal")
        assert decision.missing[0] == Missing("sexual", "weights_missing", "nsfw")
        assert {m.category for m in decision.missing} == EXCUSED


def test_what_no_check_scores_is_missing_although_no_signal_was_skipped(
    default: policies.Policy,
) -> None:
    """A scan without any model: the file's own checks ran, and that is all that anybody knows."""
    decision = evaluate(default, Stage.OUTPUT, frames(), Context(duration=2.0))
    assert (decision.action, decision.reason) == (Action.REVIEW, "missing_signal")
    assert {m.category for m in decision.missing} == EXCUSED
    assert {m.reason for m in decision.missing} == {"no_check"}
    upload = evaluate(default, Stage.UPLOAD, [Signal.ran("c", "sexual", 0.0)], Context())
    assert {"gore", "hate", "hash_match"} <= {m.category for m in upload.missing}
    assert upload.action is Action.REVIEW


def test_what_is_excused_is_named_and_a_failed_condition_excuses_nothing() -> None:
    text = """
policy: excused
version: "1"
required:
  prompt:
    - {categories: [gore], when: 'duration > 5.0', otherwise: short_clip}
floor: [A, B, C]
rules:
  - {id: A, category: sexual_minors, stage: [prompt], at_least: 0.5, action: block, reason: aa}
  - {id: B, category: ncii, stage: [prompt], at_least: 0.5, action: block, reason: aa}
  - {id: C, category: hash_match, stage: [reference, output, upload], at_least: 0.5,
     action: block, reason: aa}
  - {id: D, category: gore, stage: [prompt], at_least: 0.5, action: block, reason: aa}
"""
    policy, _ = policies.loads(text)
    known = [Signal.ran("c", "sexual_minors", 0.0), Signal.ran("c", "ncii", 0.0)]
    short = evaluate(policy, Stage.PROMPT, known, Context(duration=2.0))
    assert (short.action, short.missing) == (Action.ALLOW, ())
    assert short.not_assessed == (Missing("gore", "short_clip"),)
    unknown = evaluate(policy, Stage.PROMPT, known, Context(duration=None))
    assert unknown.action is Action.REVIEW
    assert Missing("gore", "no_check") in unknown.missing


@settings(max_examples=EXAMPLES, deadline=None)
@given(overlays(), requests())
def test_every_category_that_a_rule_names_is_scored_or_told(
    layers: list[dict[str, object]], request: tuple[Stage, list[Signal], Context]
) -> None:
    stage, signals, context = request
    try:
        policy, _ = policies.loads(json.dumps({**HEAD, "overlays": layers}))
    except policies.PolicyInvalid:
        assume(False)
    decision = evaluate(policy, stage, signals, context)
    whole = effective(policy, context.tenant, context.jurisdiction, context.age_mode)
    named = {
        rule.category
        for rule in whole.rules
        if stage in rule.stage
        and in_scope(rule, context.tenant, context.jurisdiction, context.age_mode)
    }
    missing = {m.category for m in decision.missing}
    excused = {m.category for m in decision.not_assessed if m.reason == "closed_vocabulary"}
    assert named <= decision.scores.keys() | missing | excused
    assert stage is Stage.OUTPUT or not excused
    if named - decision.scores.keys() - excused:
        assert decision.action is not Action.ALLOW


def test_a_floor_decision_says_that_nobody_may_override_it(default: policies.Policy) -> None:
    decision = evaluate(default, Stage.PROMPT, harmless(sexual_minors=0.6), WORLD)
    assert (decision.action, decision.rule_id) == (Action.BLOCK, "SM-1")
    assert decision.floor and not decision.overridable
    assert evaluate(default, Stage.PROMPT, harmless(gore=0.9), WORLD).overridable


def test_decisions_survive_json_pickle_and_copy(default: policies.Policy) -> None:
    signals = [*harmless(sexual=0.7), Signal.failed("second", "hate", "timeout")]
    decision = evaluate(default, Stage.PROMPT, signals, WORLD)
    assert Decision.from_json(json.loads(json.dumps(decision.to_json()))) == decision
    assert pickle.loads(pickle.dumps(decision)) == decision
    assert copy.deepcopy(decision) == decision
    assert Context.from_json(json.loads(json.dumps(WORLD.to_json()))) == WORLD


def test_a_decision_from_recorded_signals_is_the_same(default: policies.Policy) -> None:
    signals = harmless(sexual=0.7999996)
    again = [Signal.from_json(json.loads(json.dumps(s.to_json()))) for s in signals]
    assert again == signals
    one = evaluate(default, Stage.PROMPT, signals, WORLD)
    assert evaluate(default, Stage.PROMPT, again, WORLD) == one
    assert one.rule_id == "SEX-1"


def test_the_canonical_text_gives_the_policy_back(default: policies.Policy) -> None:
    again = policies.Policy.from_canonical(default.canonical)
    assert again == default
    assert again.digest == default.digest
    assert len(default.digest) == 64
