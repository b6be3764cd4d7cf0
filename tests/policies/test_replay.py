"""Whole columns give the answers that one decision after another gives."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import policies
from policies import Action, Context, Signal, Stage, evaluate
from policies.columns import plan
from policies.errors import ReplayInvalid
from policies.history import History, HistoryBuilder
from policies.replay import NO_RULE, actions, reference, replay, verdicts
from policies.taxonomy import CATEGORIES
from tests.policies.strategies import DEFAULT, EXAMPLES, HEAD, overlays, requests

Request = tuple[Stage, list[Signal], Context]


def recorded(requests_: list[Request], policy: policies.Policy = DEFAULT) -> History:
    builder = HistoryBuilder()
    for number, (stage, signals, context) in enumerate(requests_):
        action = evaluate(policy, stage, signals, context).action
        builder.add(f"dec_{number}", stage, signals, context, action)
    return builder.build()


@settings(max_examples=EXAMPLES, deadline=None)
@given(overlays(), st.lists(requests(), min_size=1, max_size=8))
def test_columns_equal_rows(layers: list[dict[str, object]], asked: list[Request]) -> None:
    try:
        policy, _ = policies.loads(yaml.safe_dump(HEAD | {"overlays": layers}))
    except policies.PolicyInvalid:
        assume(False)
    history = recorded(asked)
    fast, slow = actions(policy, history), reference(policy, history)
    direct: dict[Stage, list[policies.Decision]] = {}
    for stage, signals, context in asked:
        direct.setdefault(stage, []).append(evaluate(policy, stage, signals, context))
    for stage in history.blocks:
        assert fast[stage].tolist() == slow[stage].tolist()
        assert fast[stage].tolist() == [d.action.severity for d in direct[stage]]
        found = verdicts(policy, stage, history.blocks[stage], history.contexts, attribute=True)
        assert found.rule is not None
        named = [None if n == NO_RULE else found.rules[n].id for n in found.rule.tolist()]
        assert named == [decision.rule_id for decision in direct[stage]]


@pytest.mark.parametrize("name", policies.library())
def test_columns_equal_rows_over_the_library(name: str) -> None:
    policy = policies.load(name)
    rng = random.Random(7)
    asked: list[Request] = []
    for _ in range(400):
        context = Context(
            tenant=rng.choice(["a", "b"]),
            jurisdiction=rng.choice(["", "DE", "FR", "US-CA"]),
            age_mode=rng.choice(["adult", "teen"]),
            strikes=rng.randrange(5),
            capabilities=frozenset([rng.choice(["neural", "procedural"])]),
            has_reference=rng.random() < 0.3,
        )
        signals = []
        for category in CATEGORIES:
            kind = rng.random()
            if kind < 0.9:
                sure = rng.random() < 0.5
                score = rng.random() ** 4
                signals.append(Signal.ran("c", category, score, calibrated=sure))
            elif kind < 0.95:
                signals.append(Signal.skipped("c", category, "not_assessed"))
            else:
                signals.append(Signal.failed("c", category, "timeout"))
        if rng.random() < 0.6:
            signals = [s for s in signals if s.score is not None]
        asked.append((rng.choice(list(Stage)), signals, context))
    history = recorded(asked)
    fast, slow = actions(policy, history), reference(policy, history)
    for stage in Stage:
        np.testing.assert_array_equal(fast[stage], slow[stage])
    # a category without a score is missing, so a random request is seldom allowed
    assert len(np.unique(np.concatenate(list(fast.values())))) >= 2


def traffic(n: int) -> list[Request]:
    rng = random.Random(3)
    made: list[Request] = []
    for _ in range(n):
        signals = [Signal.ran("c", c, rng.random() ** 6) for c in CATEGORIES]
        tenant = rng.choice(["acme", "beta"])
        made.append((Stage.PROMPT, signals, Context(tenant=tenant)))
    return made


def test_a_report_says_what_changes_and_names_samples() -> None:
    text = yaml.safe_dump(HEAD | {"tighten": {"GORE-2": {"at_least": 0.1}}})
    new, _ = policies.loads(text)
    asked = traffic(300)
    history = recorded(asked)
    report = replay(new, history, samples=3)
    expected = [
        (f"dec_{i}", a, b)
        for i, (stage, signals, context) in enumerate(asked)
        if (a := evaluate(DEFAULT, stage, signals, context).action)
        is not (b := evaluate(new, stage, signals, context).action)
    ]
    assert report.decisions == 300
    assert report.changed == len(expected) > 5
    assert set(report.by("category")) == {"gore"}
    assert report.by("category")["gore"] == {"allow → review": len(expected)}
    assert {change.rule for change in report.changes} == {"GORE-2"}
    assert sum(change.count for change in report.changes) == len(expected)
    ids = {sample for change in report.changes for sample in change.samples}
    assert ids <= {id for id, _, _ in expected}
    assert all(len(change.samples) == min(3, change.count) for change in report.changes)
    assert {change.tenant for change in report.changes} == {"acme", "beta"}
    assert report.after["review"] - report.before["review"] == len(expected)


def test_a_relaxed_rule_is_named_when_nothing_matches_any_more() -> None:
    looser = policies.Policy(
        id="looser", version="1", floor=DEFAULT.floor, required=DEFAULT.required,
        rules=tuple(r for r in DEFAULT.rules if not r.id.startswith("VIO")),
    )  # fmt: skip
    report = replay(looser, recorded(traffic(300)), against=DEFAULT)
    assert report.changed
    assert {c.rule for c in report.changes if c.after is Action.ALLOW} <= {"VIO-1", "VIO-2"}


def test_the_same_policy_changes_nothing() -> None:
    history = recorded(traffic(200))
    assert replay(DEFAULT, history).changed == 0
    assert replay(DEFAULT, history, against=DEFAULT).changed == 0
    assert replay(DEFAULT, HistoryBuilder().build()).decisions == 0


def test_a_history_can_be_kept_in_a_file(tmp_path: Path) -> None:
    history = recorded(traffic(50))
    path = tmp_path / "history.npz"
    history.save(path)
    again = History.load(path)
    assert again.contexts == history.contexts
    assert len(again) == 50
    for stage, severities in actions(DEFAULT, again).items():
        np.testing.assert_array_equal(severities, actions(DEFAULT, history)[stage])


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken"])
def test_a_file_that_is_no_history(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.npz"
    path.write_bytes(content)
    with pytest.raises(ReplayInvalid):
        History.load(path)
    with pytest.raises(ReplayInvalid):
        History.load(tmp_path / "none.npz")


def test_records_that_cannot_be_read_are_counted() -> None:
    builder = HistoryBuilder()
    stage, signals, context = traffic(1)[0]
    decision = evaluate(DEFAULT, stage, signals, context).to_json()
    builder.add_record("a", decision, [s.to_json() for s in signals])
    builder.add_record("b", {"stage": "prompt"}, [])
    builder.add_record("c", decision | {"action": "rewrite"}, [])
    builder.add_record("d", decision, [{"check": "x"}])
    history = builder.build()
    assert (len(history), builder.unusable) == (1, 3)
    assert replay(DEFAULT, history).changed == 0


PLANNED = [
    "strikes > 1",
    "scores.gore > 0.5",
    'scores["gore"] >= scores.violence',
    "0.25 <= scores.gore && !(strikes > 1)",
    '"gore" in scores && scores.gore < 0.9 || has_reference',
    "has(scores.gore) || scores.gore > 0.1",
    "!has(scores.violence) && (strikes > 0 || scores.gore != 0.5)",
    "!(scores.gore > 0.5 && scores.violence > 0.5)",
    'capabilities.exists(c, c == "neural") && scores.gore > 0.2',
    "duration > 1.0 || scores.gore > 0.5",
    "1 / (strikes - 1) > 0 && scores.gore > 0.5",
    '(tenant == "a") == has_reference && scores.gore > 0.3',
]
LEFT_TO_CEL = [
    "scores.gore + 0.1 > 0.5",
    "scores.exists(c, scores[c] > 0.9)",
    "strikes > 1 ? scores.gore > 0.5 : scores.gore > 0.9",
    "(scores.gore > 0.5) == has_reference",
]


@pytest.mark.parametrize("when", PLANNED + LEFT_TO_CEL)
def test_conditions_over_columns_answer_as_cel_does(when: str) -> None:
    assert (plan(when) is None) is (when in LEFT_TO_CEL)
    rule = policies.Rule(
        id="R", category="hate", stage=("prompt",), at_least=0.3, action="block", reason="hate",
        when=when,
    )  # fmt: skip
    policy = policies.Policy(id="p", version="1", floor=(), rules=(rule,))
    rng = random.Random(5)
    asked: list[Request] = []
    for _ in range(150):
        context = Context(
            tenant=rng.choice("ab"), strikes=rng.randrange(3), has_reference=rng.random() < 0.5,
            duration=rng.choice([None, 0.5, 4.0]), capabilities=frozenset(["neural"]),
        )  # fmt: skip
        signals = [Signal.ran("c", "hate", rng.random())]
        for category in ("gore", "violence"):
            if rng.random() < 0.7:
                signals.append(Signal.ran("c", category, rng.choice([0.0, 0.25, 0.5, 0.9])))
        asked.append((Stage.PROMPT, signals, context))
    history = recorded(asked, policy)
    fast = actions(policy, history)[Stage.PROMPT]
    np.testing.assert_array_equal(fast, history.blocks[Stage.PROMPT].action)
    assert len(set(fast.tolist())) > 1
