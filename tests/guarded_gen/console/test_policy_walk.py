"""A policy as a team would write it, from the empty page to the rollback: teen mode, the Union, an
election period with dates, a list of brands, a category of its own."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import policies
from guarded_gen.audit import Query
from tests.guarded_gen.console.test_workbench import area

TODAY = datetime.now(UTC).date()
BEGIN, END = TODAY + timedelta(30), TODAY + timedelta(60)
TEXT = f"""\
# House rules of Vidéo-Atelier: one service for adults and teenagers, offered in the Union.
# Agreed with legal; ask before you change a date.
policy: video-atelier
version: "7"
description: General audience in the Union, with an election period, brands and gambling.
extends: eu        # the Union's rules, and with them those of `default`

categories:
  - id: gambling
    title: Gambling
    definition: Bets for money, shown or praised.
    severity: 0.6
    reasons: [gambling]
    words: [roulette wheel, slot machine, "Spielautomat"]
  - id: brands
    title: Protected brands
    definition: Names of brands that asked us not to be shown.
    severity: 0.3
    reasons: [brand]
    words: [Colossal Cola, "Nordwind Airways"]   # the list of the sales team
  - id: election_period
    title: Election period
    definition: The regional elections and the names on the ballot.
    severity: 0.8
    reasons: [election_period]
    words: [ballot box, polling station]
    from: {BEGIN}
    until: {END}

rules:
  - id: ATELIER-1
    category: gambling
    stage: prompt
    at_least: 0.5
    action: review
    reason: gambling
    examples:
      - {{prompt: "a roulette wheel turns slowly on a wooden table", expect: review}}
      - {{score: 0.2, expect: allow}}
  - id: ATELIER-2
    category: gambling
    stage: prompt
    at_least: 0.5
    action: block
    reason: gambling
    age_mode: teen          # what adults wait for is refused to teenagers
    examples:
      - {{score: 0.9, expect: block}}
  - id: ATELIER-3
    category: brands
    stage: prompt
    at_least: 0.5
    action: block
    reason: brand
    examples:
      - {{prompt: "a can of Colossal Cola on a beach", expect: block}}
  - id: ATELIER-4
    category: election_period
    stage: prompt
    at_least: 0.5
    action: block
    reason: election_period
    jurisdictions: [EU]
    examples:
      - {{prompt: "people queue at a polling station", at: {BEGIN}, expect: block,
         context: {{jurisdiction: DE}}}}
      - {{prompt: "people queue at a polling station", at: {END}, expect: allow,
         context: {{jurisdiction: DE}}}}

overlays:
  - overlay: atelier-teen
    applies_to: {{age_mode: teen}}
    default: block
    tighten:
      VIO-2:
        at_least: 0.2
        examples:
          - {{score: 0.25, expect: review, or_stricter: true}}

"""
BRAND = {"prompt": "a can of Colossal Cola on a beach", "seconds": 1}
PLAIN = {"prompt": "a red ball rolls over a meadow", "seconds": 1}


def said(page: str) -> str:
    return html.unescape(page)


def test_a_realistic_policy_from_the_page_to_the_rollback(site) -> None:
    pia, adm = site.browser("pia"), site.browser("adm")
    before = site.services.rollout.plan().active.digest

    def generate(body: dict, **more: object) -> int:
        return pia.post("/v1/videos", json={**body, **more}).status_code

    assert generate(BRAND) == 200, "the policy before knows no brands"

    # Written: mistakes are told in place, and nothing of the text is lost meanwhile.
    broken = TEXT.replace(
        "action: review\n    reason: gambling", "action: hold\n    reason: gambling"
    )
    page = said(pia.press("/console/policy", text=broken).text)
    assert area(page) == broken
    line = next(n for n, words in enumerate(broken.split("\n"), 1) if "action: hold" in words)
    assert f'id="line-{line}"' in page.replace(f'value="{line}"', "")
    assert f">line {line}<" in page

    # Tested: every example passes, those in words and with days included; a prompt is tried.
    page = said(pia.press("/console/policy", text=TEXT, prompt=str(BRAND["prompt"])).text)
    assert "No mistake" in page
    total, passed = re.search(r"Examples: (\d+) of (\d+) pass", page).groups()
    assert total == passed
    assert "The prompt would be: block" in page
    digest = policies.loads(TEXT)[0].digest
    assert digest in page

    # Replayed: what was decided before, with this rule.
    page = said(
        pia.press(
            "/console/policy/replay", text=TEXT, rule="VIO-2", threshold="0.5", days="1",
            against="active",
        ).text
    )  # fmt: skip
    assert re.search(r"\d+ of \d+ decisions would change", page)

    # Shadowed: recorded beside the active policy, which goes on deciding.
    answer = pia.press("/console/policy/propose", text=TEXT, reason="agreed with legal")
    assert answer.status_code == 303, said(answer.text)
    move = f"/console/policy/rollout/{digest}"
    assert pia.press(move, to="shadow", reason="look first").status_code == 303
    site.services.rollout._read_at = 0.0
    assert generate(BRAND) == 200
    entry = next(iter(site.services.log.entries(Query(kind="prompt.decision", limit=1))))
    [shadow] = entry.body["shadows"]
    assert (entry.action, shadow["action"], shadow["rule_id"]) == ("allow", "block", "ATELIER-3")
    assert "would have changed" in said(pia.get("/console").text)
    assert shadow["policy_digest"] == digest

    # Approved by another person, who sees what changes, the examples and a replay of that digest.
    for to, more in (("canary", {"percent": "100"}), ("active", {})):
        assert pia.press(move, to=to, reason="good", **more).status_code == 303
        [ask] = site.console.publishing.waiting()
        where = f"/console/policy/requests/{ask.id}"
        page = said(adm.get(where).text)
        assert all(words in page for words in (digest, "ATELIER-4: new", "would change"))
        assert f"{total} of {total} pass" in page
        assert pia.press(where, answer="agree").status_code == 403
        assert site.services.rollout.plan().active.digest == before
        assert adm.press(where, answer="agree").status_code == 303
        site.services.rollout._read_at = 0.0

    # Published: it decides.
    assert site.services.rollout.plan().active.digest == digest
    refused = pia.post("/v1/videos", json=BRAND)
    assert refused.status_code == 400
    assert "brand" in refused.text
    assert generate(PLAIN) == 200

    # Reopened byte for byte, from the active policy and from the rollout.
    assert area(pia.get("/console/policy").text) == TEXT
    assert area(pia.get(f"/console/policy?open={digest}").text) == TEXT

    # Rolled back in one step; who did what and when stands in the history.
    assert adm.press("/console/policy/rollback", reason="sales wants the can").status_code == 303
    site.services.rollout._read_at = 0.0
    assert site.services.rollout.plan().active.digest == before
    assert generate(BRAND) == 200
    history = said(adm.get("/console/policy/history").text)
    for words in ("agreed with legal", "draft → shadow", "active → retired", "sales wants the can"):
        assert words in history
    assert area(pia.get(f"/console/policy?open={digest}").text) == TEXT
