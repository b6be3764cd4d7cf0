"""The examples of the library hold, and say so when a rule changes under them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

import policies
from policies import Signal, cases
from policies.cases import CaseStatus
from policies.loader import LIBRARY
from policies.taxonomy import HARM

NAMES = ["default", "eu", "news-and-education", "strict", "teen", "us-ca"]


def test_the_library_is_complete() -> None:
    assert policies.library() == tuple(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_the_library_pass(name: str) -> None:
    policy, warnings = policies.check(name)
    outcomes = cases.run(policy, cases.of_policy(policy))
    assert [o.to_json() for o in outcomes if o.status is not CaseStatus.PASSED] == []
    assert len(outcomes) > 100
    assert cases.without_example(policy) == []
    assert warnings == []


@pytest.mark.parametrize("name", NAMES)
def test_every_threshold_of_the_library_says_why(name: str) -> None:
    """Each rule and each change of one holds a comment."""
    lines = (LIBRARY / f"{name}.yaml").read_text().splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r" +(- id: |[A-Z]+-\d+:)", line)]
    silent = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        block = lines[start:end]
        threshold = any(re.search(r"at_least:|between:", line) for line in block)
        if threshold and not any("#" in line for line in (lines[start - 1], *block[:-1])):
            silent.append(lines[start])
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_rules_cover_every_stage(name: str) -> None:
    policy = policies.load(name)
    for stage in policies.Stage:
        assert any(stage in rule.stage for rule in policy.rules)
        assert policy.required[stage]


def test_every_moved_threshold_of_the_default_is_noticed_by_its_own_examples() -> None:
    """Move any threshold to the other end: the rule's own examples are among those that fail."""
    default = policies.load("default")
    for rule in default.rules:
        moved = []
        for low in (0.0, 1.0):
            score = {"between": (0.999, 1.0)} if rule.between and low else {"at_least": low}
            if rule.between and not low:
                score = {"between": (0.0, 1.0)}
            if rule.at_least == low:
                continue
            changed = rule.model_copy(update={"at_least": None, "between": None} | score)
            policy = default.model_copy(
                update={"rules": tuple(changed if r is rule else r for r in default.rules)}
            )
            policy.__dict__.pop("digest", None)
            policy.__dict__.pop("compiled", None)
            outcomes = cases.run(policy, cases.of_policy(policy))
            failed = {o.case.origin for o in outcomes if o.status is CaseStatus.FAILED}
            moved.append(rule.id in failed)
        assert any(moved), rule.id


def test_one_changed_threshold_fails_exactly_its_example(tmp_path: Path) -> None:
    text = (LIBRARY / "default.yaml").read_text()
    before = "category: gore\n    stage: [prompt, reference, output, upload]\n    at_least: 0.85"
    assert before in text
    path = tmp_path / "changed.yaml"
    path.write_text(text.replace(before, before.replace("0.85", "0.95")))
    policy = policies.load(path)
    outcomes = cases.run(policy, cases.of_policy(policy))
    failed = [o for o in outcomes if o.status is CaseStatus.FAILED]
    assert {o.case.origin for o in failed} == {"GORE-1"}
    assert failed[0].message == "expected block, got review by GORE-2"


CASES = """
cases:
  - name: a chef chops onions
    prompt: a chef chops onions
    expect: allow
  - name: clearly violent
    scores: {violence: 0.95}
    expect: block
    rule: VIO-1
  - name: the wrong rule is named
    scores: {violence: 0.95}
    expect: block
    rule: GORE-1
  - name: nothing was seen
    stage: output
    missing: [undecodable, black]
    expect: review
"""


def test_case_files_with_and_without_a_classifier(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(CASES)
    policy = policies.load("default")
    found = cases.of_file(path)
    outcomes = cases.run(policy, found)
    assert [o.status.value for o in outcomes] == ["not_run", "passed", "failed", "passed"]
    assert "not by GORE-1" in outcomes[2].message

    def judge(text: str, at: date | None) -> list[Signal]:
        assert text == "a chef chops onions"
        return [Signal.ran("fake", category, 0.0) for category in (*HARM, "disguise")]

    assert cases.run(policy, found, judge)[0].status is CaseStatus.PASSED


def test_junit(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(CASES)
    outcomes = cases.run(policies.load("default"), cases.of_file(path))
    suite = ElementTree.fromstring(cases.junit([("default", outcomes)]))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("4", "1", "1")
    assert [child.tag for case in suite for child in case] == ["skipped", "failure"]


def test_mistakes_in_a_case_file_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(
        "cases:\n  - {scores: {goree: 2}, expct: block}\n  - name: x\n    expect: blok\n"
    )
    with pytest.raises(policies.PolicyInvalid) as caught:
        cases.of_file(path)
    text = str(caught.value)
    for part in ('did you mean "gore"?', "did you mean `expect`?", 'did you mean "block"?'):
        assert part in text
    with pytest.raises(policies.PolicyNotFound):
        cases.of_file(tmp_path / "none.yaml")


def test_an_example_of_a_layer_runs_as_somebody_in_it() -> None:
    policy, _ = policies.loads(
        """
policy: acme
version: "1"
extends: default
overlays:
  - overlay: germany
    applies_to: {jurisdictions: [DE], age_mode: teen}
    tighten:
      GORE-2:
        at_least: 0.1
        examples:
          - {score: 0.2, expect: review}
          - {score: 0.2, expect: allow, context: {jurisdiction: FR}}
    rules:
      - id: DE-1
        category: hate
        stage: prompt
        at_least: 0.4
        action: review
        reason: hate
        tenants: [acme]
        examples:
          - {score: 0.45, expect: review}
"""
    )
    outcomes = cases.run(policy, cases.of_policy(policy))
    assert all(o.status is CaseStatus.PASSED for o in outcomes)
    [of_rule] = [o for o in outcomes if o.case.origin == "DE-1"]
    context = of_rule.case.context
    assert (context.tenant, context.jurisdiction, context.age_mode) == ("acme", "DE", "teen")
    assert any(o.case.origin == "GORE-2 in germany" for o in outcomes)
