"""A day of a team of six, each at a browser of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policies import loads

pytestmark = pytest.mark.browser

POLICY = """\
# The team's own, agreed on a Monday.
policy: team-of-six
version: "1"
extends: default
tighten:
  SEX-2:
    at_least: 0.3
    examples:
      - {score: 0.35, expect: review}
"""


def held(person, served) -> str:
    """The address of a case that nobody holds, taken by this person; no rule of the floor."""
    page = person.open("/console/queue?kind=review&state=open")
    rows = page.locator("table.list tbody tr").filter(
        has_not=page.locator(".tag.bad"), has=page.locator("td:last-child", has_text="–")
    )
    where = rows.locator("a").first.get_attribute("href").split("?")[0]
    person.open(where)
    page.get_by_role("button", name="Take this case").click()
    page.wait_for_selector("#decide")
    return where


def step(page, policy: str, to: str, reason: str, said: str) -> None:
    """Moves a policy in the rollout, by the row that its state has now."""
    row = page.locator("#rollout tbody tr").filter(has_text=policy)
    row.locator("[name=to]").select_option(to)
    row.locator("[name=reason]").fill(reason)
    row.get_by_role("button", name="Move").click()
    page.wait_for_url(f"**said={said}**")


def decide(page, action: str, reason: str, note: str) -> None:
    page.fill("#decide [name=note]", note)
    page.select_option("#decide [name=reason]", reason)
    page.click(f"#decide [value={action}]")
    page.wait_for_url("**said=decided**")


def leave(page, how: str, note: str, said: str) -> None:
    page.fill("#decide [name=note]", note)
    page.click(f"#decide [value={how}]")
    page.wait_for_url(f"**said={said}**")


def test_a_day_of_six(person, served, tmp_path: Path) -> None:
    done = served.cli("people", "add", "pia", "--role", "policy_author", "--json")
    served.tokens["pia"] = json.loads(done.stdout)["token"]
    ann, bob, lea, pia, aud, adm = map(person, ("ann", "bob", "lea", "pia", "aud", "adm"))

    # Ann decides one case with a note, and asks for a second opinion on another.
    decided = held(ann, served)
    decide(ann.page, "block", "technical", "The words are cut off.")
    page = ann.open(decided)
    page.locator("#thread").get_by_text("The words are cut off.").wait_for()
    verdict = page.locator("li").filter(has_text="ann:").get_by_role("link", name="entry")
    entry = verdict.first.get_attribute("href")
    doubtful = held(ann, served)
    leave(ann.page, "second", "Satire, I think.", "asked_second")

    # Bob reads her note and decides; what he cannot decide he hands to the lead.
    page = bob.open(doubtful)
    page.get_by_role("button", name="Take this case").click()
    page.wait_for_selector("#decide")
    page.locator("#thread").get_by_text("Satire, I think.").wait_for()
    decide(page, "block", "technical", "It is not.")
    hard = held(bob, served)
    leave(bob.page, "escalate", "Too hard for me.", "escalate")
    page = bob.open(hard)
    assert page.get_by_role("button", name="Take this case").count() == 0

    # Lea sees who does what, and settles it.
    work = lea.open("/console/queues").get_by_role("region", name="Who does what")
    for name in ("ann", "bob"):
        row = work.locator("tbody tr").filter(has=lea.page.get_by_role("rowheader", name=name))
        assert int(row.locator("td").nth(2).inner_text()) >= 1
    lea.open("/console/queue?state=escalated").locator(f"a[href^='{hard}']").click()
    lea.page.wait_for_url(f"**{hard}**")
    lea.page.get_by_role("button", name="Take this case").click()
    lea.page.wait_for_selector("#decide")
    lea.page.locator("#thread").get_by_text("Too hard for me.").wait_for()
    decide(lea.page, "block", "technical", "Settled.")

    # Pia tightens a rule; a canary decides about people, so she cannot publish it alone.
    digest = loads(POLICY)[0].digest
    page = pia.open("/console/policy")
    page.fill("[name=text]", POLICY)
    page.fill("#workbench [name=reason]", "less nudity")
    page.get_by_role("button", name="Take it in as a draft").click()
    page.wait_for_url("**said=proposed**")
    step(page, "team-of-six", "shadow", "watch it", "moved")
    step(page, "team-of-six", "canary", "looks right", "asked")
    page.get_by_role("link", name="Look at what changes, then answer").click()
    page.get_by_text("Another person must agree.").wait_for()
    assert page.get_by_role("button", name="Agree and publish").count() == 0
    page = lea.open("/console/policy")
    page.get_by_role("link", name="Look at what changes, then answer").click()
    page.locator("main").get_by_text(digest).first.wait_for()
    page.locator("main").get_by_text("SEX-2").first.wait_for()
    page.get_by_role("button", name="Agree and publish").click()
    page.wait_for_url("**said=published**")
    step(page, "team-of-six", "retired", "the day is over", "moved")

    # The auditor finds Ann's decision by kind and action, and checks its proof outside the console.
    page = aud.open("/console/audit")
    page.fill("[name=kind]", "case.decided")
    page.fill("[name=action]", "block")
    page.get_by_role("button", name="Search").click()
    page.locator(f"table.list a[href='{entry}']").click()
    page.get_by_role("heading", name="case.decided").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the proof").click()
    proof = tmp_path / "entry.tlog-proof"
    download.value.save_as(proof)
    checked = served.cli("audit", "check-proof", proof)
    assert checked.returncode == 0, checked.stderr

    # The admin ends Bob's session, and only his.
    page = adm.open("/console/sessions")
    while (
        rows := page.locator("tbody tr").filter(has=page.get_by_role("cell", name="bob"))
    ).count():
        left = rows.count()
        rows.first.get_by_role("button", name="End").click()
        page.wait_for_function(
            "(left) => [...document.querySelectorAll('tbody tr')]"
            ".filter((row) => row.cells[0].textContent === 'bob').length < left",
            arg=left,
        )
    assert "sign-in" in bob.open("/console/queue").url
    assert "sign-in" not in ann.open("/console/queue").url
