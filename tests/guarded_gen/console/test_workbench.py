"""The workbench: a policy comes back as it was written, and is published as it was looked at."""

from __future__ import annotations

import html
import re

import policies
from policies.rollout import RolloutState

TEXT = """\
# House rules of Acme, agreed with the legal team.
policy: acme
version: "1"
extends: default   # everything of the library's, and:
categories:
  - id: betting
    title: Gambling
    definition: Bets for money, shown or praised.
    severity: 0.4
    words: [roulette table]
rules:
  - {id: BET-1, category: betting, stage: prompt, at_least: 0.5, action: block, reason: betting,
     examples: [{score: 0.9, expect: block}]}   # the board's wish

"""
WRONG = TEXT.replace("policy: acme", "policy: hasty").replace("expect: block}]", "expect: allow}]")


def area(page: str) -> str:
    """The text in the workbench as a browser has it."""
    inside = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S).group(1)
    return html.unescape(inside)


def proposed(site, author, text: str) -> str:
    digest = policies.loads(text)[0].digest
    answer = author.press("/console/policy/propose", text=text, reason="agreed with legal")
    assert answer.status_code == 303, answer.text
    return digest


def test_written_published_reopened_and_rolled_back(site) -> None:
    pia, adm = site.browser("pia"), site.browser("adm")
    digest = proposed(site, pia, TEXT)
    assert area(pia.get(f"/console/policy?open={digest}").text) == TEXT, "byte for byte"
    for step in ({"to": "shadow"}, {"to": "canary", "percent": "5"}):
        assert pia.press(
            f"/console/policy/rollout/{digest}", reason="try", **step
        ).status_code == 303  # fmt: skip
    [ask] = site.console.publishing.waiting()
    where = f"/console/policy/requests/{ask.id}"
    assert where in adm.get("/console/policy").text
    page = adm.get(where).text
    assert digest in page
    assert "BET-1: new" in page
    number = len(policies.cases.run(p := policies.loads(TEXT)[0], policies.cases.of_policy(p)))
    assert f"{number} of {number} pass" in page
    assert "would change" in page
    assert "Agree and publish" not in pia.get(where).text
    assert adm.press(where, answer="agree").status_code == 303
    pia.press(f"/console/policy/rollout/{digest}", reason="good", to="active")
    [ask] = site.console.publishing.waiting()
    adm.press(f"/console/policy/requests/{ask.id}", answer="agree")
    assert site.services.rollout.plan().active.digest == digest
    assert area(pia.get("/console/policy").text) == TEXT

    answer = adm.press("/console/policy/rollback", reason="too many refusals")
    assert answer.status_code == 303
    assert site.services.rollout.plan().active.digest != digest
    history = adm.get("/console/policy/history").text
    for words in ("too many refusals", "new → draft", "active → retired", "agreed with legal"):
        assert words in html.unescape(history)


def test_a_policy_whose_examples_fail_is_not_published(site) -> None:
    pia = site.browser("pia")
    digest = proposed(site, pia, WRONG)
    pia.press(f"/console/policy/rollout/{digest}", reason="try", to="shadow")
    answer = pia.press(f"/console/policy/rollout/{digest}", reason="now", to="canary", percent="5")
    assert answer.status_code >= 400
    assert "examples fail" in answer.text
    assert site.console.publishing.waiting() == []
    standing = next(s for s in site.services.rollout.standings() if s.digest == digest)
    assert standing.state is RolloutState.SHADOW
