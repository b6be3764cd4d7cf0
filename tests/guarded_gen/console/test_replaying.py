"""The workbench: a threshold over the past, and a text that reads back."""

from __future__ import annotations

from pathlib import Path

import pytest

import policies
from guarded_gen.composition.services import Services
from guarded_gen.console.language import language
from guarded_gen.console.pages.policy import check_text, text_of, written
from guarded_gen.console.replaying import Replays, at, differences
from guarded_gen.console.wording import Wording
from guarded_gen.errors import InvalidInput
from guarded_gen.gates.gate import judge
from guarded_gen.production import events
from guarded_gen.production.request import ClipRequest
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Role
from guarded_gen.settings import load
from policies import Context
from policies.decision import Signal, Stage

SCORES = (0.05, 0.15, 0.25, 0.35, 0.45)
TEXT = """\
policy: small
version: "1"
rules:
  - {id: V, category: violence, stage: prompt, at_least: 0.5, action: block, reason: violence}
floor: []
"""


def test_a_threshold_changes_as_many_decisions_as_the_engine_says(home: Path) -> None:
    services = Services(load())
    default = policies.load("default")
    rule = next(r for r in default.rules if r.category == "violence" and Stage.PROMPT in r.stage)
    others = [r.category for r in default.rules if Stage.PROMPT in r.stage]
    for tenant in ("acme", "other"):
        for score in SCORES:
            signals = [Signal.ran("t", c, 0.0) for c in dict.fromkeys(others) if c != "violence"]
            signals.append(Signal.ran("t", "violence", score))
            request = ClipRequest.checked(
                services.settings.limits, prompt="a duel", backend="world", tenant=tenant
            )
            gate = judge(default, Stage.PROMPT, signals, Context(tenant=tenant))
            services.log.append(events.decision(request, "clip_1", gate, None))
    who = Member("p", "p", frozenset({Role.POLICY_AUTHOR}), frozenset({"acme"}))
    replays = Replays(services.log)
    tried = replays.try_(who, default, rule.id, 0.2, 1)
    assert tried.report.decisions == len(SCORES), "another tenant's decisions are not read"
    before = sum(score >= rule.low for score in SCORES)
    assert tried.report.changed == sum(score >= 0.2 for score in SCORES) - before
    assert dict(tried.curve)[0.2] == tried.report.changed
    assert dict(tried.curve)[1.0] == before
    moved = at(default, rule, 0.2)
    assert moved.digest != default.digest
    assert [
        line.split(":")[0] for line in differences(moved, default, Wording(language("en")))
    ] == [rule.id]
    same = replays.try_(who, moved, rule.id, 0.2, 1, against=moved)
    assert same.report.changed == 0
    with pytest.raises(InvalidInput):
        replays.try_(who, default, "NONE-1", 0.2, 1)
    services.close()


def test_a_policy_of_the_rollout_can_be_opened_and_reads_back(home: Path) -> None:
    services = Services(load())
    policy = policies.load("teen")
    assert check_text(written(policy), services.rollout)["policy"].rules == policy.rules
    services.rollout.propose(services.log, policy, "p", "try")

    class Console:
        pass

    desk = Console()
    desk.services = services
    assert policy.id in text_of(desk, policy.digest)
    assert text_of(desk, "") == policies.loader.locate("default").read_text()
    services.close()


def test_a_text_from_a_browser_cannot_read_files_of_the_server(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    result = check_text(f"policy: x\nversion: '1'\nextends: {secret}\n", None)
    assert result["policy"] is None
    assert "hunter2" not in "".join(issue.render() for issue in result["issues"])
    assert [issue.code for issue in result["issues"]] == ["unknown_parent"]
