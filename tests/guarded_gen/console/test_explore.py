"""Explore: what a query finds, who sees how much of it, and what it becomes."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest

import policies
from guarded_gen.audit import Event
from guarded_gen.gates.gate import judge
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from guarded_gen.store.tables.review import ReviewCase
from policies import Context
from policies.decision import Signal, Stage
from policies.taxonomy import CATEGORIES

EXPLORE = "/console/explore"


@pytest.fixture
def decide(site):
    """A recorded decision of the active policy; gives its id."""

    def made(
        category: str,
        score: float,
        tenant: str = "default",
        everything_ran: bool = False,
        **context,
    ) -> str:
        checked = dict.fromkeys(CATEGORIES, 0.0) if everything_ran else {}
        signals = [Signal.ran("t", c, s) for c, s in {**checked, category: score}.items()]
        gate = judge(site.services.policy, Stage.PROMPT, signals, Context(tenant=tenant, **context))
        return site.services.log.append(
            Event(
                kind="prompt.decision", tenant=tenant, subject="s", actor="gate",
                decision=gate.decision.to_json(),
                body={"signals": [signal.to_json() for signal in gate.signals]},
            )
        )  # fmt: skip

    return made


def asked(browser, q: str, **fields: str):
    return browser.get(EXPLORE, params={"q": q, "days": "1", **fields})


def count(page: str) -> int:
    return int(re.search(r"<h2>([\d,]+) of [\d,]+ entries read", page)[1].replace(",", ""))


def test_a_query_counts_and_is_on_record(site, decide) -> None:
    decide("violence", 0.95, "count-a", jurisdiction="DE")
    decide("violence", 0.95, "count-b", jurisdiction="FR")
    decide("violence", 0.01, "count-a", jurisdiction="DE")
    aud = site.browser("aud")
    page = asked(aud, 'tenant.startsWith("count") && scores["violence"] > 0.9').text
    assert count(page) == 2
    for shown in ("count-a", "count-b", "DE", "FR", "Rule that decided", "<svg", "As a table"):
        assert shown in page
    page = asked(aud, 'tenant.startsWith("count") && jurisdiction == "DE"').text
    assert count(page) == 2
    assert "count-b" not in page
    on_record = [e for e in site.entries() if e.kind == "audit.explored"]
    assert [e.actor for e in on_record] == [site.people["aud"][0].id] * 2
    assert on_record[-1].body["query"] == 'tenant.startsWith("count") && scores["violence"] > 0.9'


def test_what_cannot_be_answered_is_said(site, decide) -> None:
    decide("violence", 0.5, "lacking")
    page = asked(site.browser("aud"), 'tenant == "lacking" && scores["gore"] > 0.1').text
    assert count(page) == 0
    assert "1 more could not be answered" in page


def test_the_bounds_are_said_where_they_end_the_reading(site, decide, monkeypatch) -> None:
    from guarded_gen.console.pages import explore
    from guarded_gen.governance.explore import Bounds

    for _ in range(4):
        decide("violence", 0.5)
    aud = site.browser("aud")
    monkeypatch.setattr(explore, "bounds_of", lambda console: Bounds(3, 60))
    page = asked(aud, "").text
    assert count(page) == 3
    assert "Reading ended after 3 entries" in page
    monkeypatch.setattr(explore, "bounds_of", lambda console: Bounds(1000, -1))
    assert "Reading ended after -1 seconds" in asked(aud, "").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("action = 'block'", "not understood"),
        ('acton == "block"', "did you mean `action`"),
        ("strikes + 1", "not true or false"),
        ("x" * 2_001, "characters, more than"),
        ("'; DROP TABLE audit_entry; --", "What to do"),
        ('tenant == "a\' OR 1=1 --"', ""),
    ],
)
def test_a_bad_query_is_told_how_to_mend(site, query: str, said: str) -> None:
    answer = asked(site.browser("aud"), query)
    assert answer.status_code == (400 if said else 200)
    assert said in html.unescape(answer.text)
    assert site.services.log.snapshot().size > 0


def test_bad_periods_are_typed_errors(site) -> None:
    aud = site.browser("aud")
    for days in ("", "2", "nan", "-1", "1e9"):
        answer = asked(aud, "", days=days)
        assert (answer.status_code, "invalid_input" in answer.text) == (400, True), days


def test_restricted_entries_are_for_those_with_the_permission(site, decide) -> None:
    if "tess" not in site.people:
        roles = {Role.RESTRICTED, Role.AUDITOR}
        site.roles["tess"] = roles
        site.people["tess"] = add_person(site.services.log, "test", "tess", roles)
    query = '"ncii" in categories || category == "ncii" || reason == "intimate_imagery"'
    hidden = decide("ncii", 0.99)
    site.open_case(category="ncii", rule="NCII-1", reason="intimate_imagery", floor=True)
    for name in ("aud", "lea", "adm", "pia"):
        page = asked(site.browser(name), query, everything="1").text
        assert count(page) == 0, name
        assert hidden not in page
        assert "Entries of restricted cases are left out" in page
    page = asked(site.browser("tess"), query, everything="1").text
    assert count(page) == 2
    assert hidden in page


def test_only_ones_own_tenants_are_counted(site, decide) -> None:
    decide("violence", 0.95, "acme")
    decide("violence", 0.95, "rival")
    if "ten" not in site.people:
        member = add_person(site.services.log, "test", "ten", {Role.AUDITOR}, {"acme"})
        site.roles["ten"], site.people["ten"] = {Role.AUDITOR}, member
    ten = site.browser("ten")
    page = asked(ten, 'tenant in ["acme", "rival"]').text
    assert "acme</bdi>" in page
    assert "rival</bdi>" not in page
    out = ten.press(f"{EXPLORE}/export", q="", days="1", format="jsonl").text
    assert {json.loads(line)["tenant"] for line in out.splitlines()} == {"acme"}


def test_who_may_do_what(site, decide) -> None:
    decide("violence", 0.95)
    for name, page, rule, export, assign in (
        ("ann", 403, 403, 403, 403), ("aud", 200, 403, 200, 403), ("lea", 200, 403, 200, 303),
        ("pia", 200, 200, 403, 403), ("adm", 200, 200, 200, 303),
    ):  # fmt: skip
        browser = site.browser(name)
        form = {"q": 'category == "violence"', "days": "1", "format": "csv", "to": ""}
        got = asked(browser, "").status_code
        pressed = [
            browser.press(f"{EXPLORE}/{path}", **form).status_code
            for path in ("rule", "export", "assign")
        ]
        assert (got, *pressed) == (page, rule, export, assign), name
    pia = site.browser("pia")
    assert "Subject, by pseudonym" not in asked(pia, "").text
    assert "The newest" not in asked(pia, "").text
    assert asked(pia, 'subject == "x"').status_code == 403


def test_an_export_holds_what_the_query_finds(site, decide) -> None:
    one = decide("violence", 0.95, "=evil")
    decide("violence", 0.02, "=evil")
    aud = site.browser("aud")
    query = 'tenant == "=evil" && scores["violence"] > 0.9'
    answer = aud.press(f"{EXPLORE}/export", q=query, days="1", format="csv")
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert (row["id"], row["tenant"]) == (one, "'=evil"), "a spreadsheet must not run it"
    answer = aud.press(f"{EXPLORE}/export", q=query, days="1", format="jsonl")
    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == [one]
    exports = [e.body for e in site.entries() if e.kind == "log.exported"]
    assert [(e["query"], e["entries"]) for e in exports] == [(query, 1)] * 2
    assert aud.press(f"{EXPLORE}/export", q="", days="1", format="exe").status_code == 400


def test_a_query_becomes_a_rule_and_the_rule_a_replay(site, decide) -> None:
    for place in ("DE", "DE", "DE", "FR"):
        decide("violence", 0.3, everything_ran=True, jurisdiction=place)
    pia = site.browser("pia")
    query = 'scores["violence"] >= 0.25 && jurisdiction == "DE" && action == "allow"'
    query += ' && stage == "prompt"'
    page = pia.press(f"{EXPLORE}/rule", q=query, days="1").text
    text = html.unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S)[1])
    policy, issues = policies.loads(text)
    assert not issues
    rule = policy.rules[-1]
    assert (rule.id, rule.category, rule.at_least) == ("LOG-1", "violence", 0.25)
    assert rule.when == 'jurisdiction == "DE"'
    assert [stage.value for stage in rule.stage] == ["prompt"]
    assert policy.rules[:-1] == site.services.policy.rules
    assert 'action == "allow"' in html.unescape(
        page.split('id="drafted"')[1].split("</section>")[0]
    )
    replayed = pia.press(
        "/console/policy/replay", text=text, rule="LOG-1", threshold="0.25", days="1",
        against="active",
    )  # fmt: skip
    assert re.search(r"<h2>3 of \d+ decisions would change", replayed.text)
    opened = pia.get(f"/console/policy?rule={policy.rules[0].id}").text
    assert (
        f'<option value="{policy.rules[0].id}" data-low="{policy.rules[0].low}" selected' in opened
    )


def test_a_rule_needs_a_category(site, decide) -> None:
    answer = site.browser("pia").press(f"{EXPLORE}/rule", q='tenant == "nobody"', days="1")
    assert answer.status_code == 400
    assert "a rule needs a category" in answer.text


def test_the_waiting_cases_are_assigned_together(site) -> None:
    mine = [site.open_case(tenant="together") for _ in range(3)]
    with site.services.store.read() as session:
        decisions = {session.get(ReviewCase, id).decision for id in mine}
    shown = [e for e in site.entries() if e.id in decisions]
    assert len(shown) == 3
    other = site.open_case()
    lea, ann = site.browser("lea"), site.people["ann"][0].id
    form = {"q": 'action == "review" && tenant == "default"', "days": "1"}
    assert lea.press(f"{EXPLORE}/assign", **form, to="nobody-there").status_code == 400
    assert lea.press(f"{EXPLORE}/assign", **form, to=ann).status_code == 303
    with site.services.store.read() as session:
        assert {session.get(ReviewCase, id).assignee for id in (*mine, other)} == {ann}
    assigned = [e.body["case"] for e in site.entries() if e.kind == "case.assigned"]
    assert {*mine, other} <= set(assigned)


def test_a_third_query_at_a_time_is_told_to_wait(site) -> None:
    aud = site.browser("aud")
    busy = site.console.exploring
    assert busy.acquire(blocking=False)
    assert busy.acquire(blocking=False)
    try:
        answer = asked(aud, "")
        assert (answer.status_code, "too_many_at_once" in answer.text) == (429, True)
    finally:
        busy.release()
        busy.release()
    assert asked(aud, "").status_code == 200


def test_an_entry_that_was_altered_is_not_counted(site, decide) -> None:
    """Reading is checking, also for a query."""
    from sqlalchemy import text

    id = decide("violence", 0.95, "forged")
    index = site.services.log.entry(id).index
    data = site.services.log.entry(id).data
    change = text("UPDATE audit_entry SET data = :data WHERE idx = :i")

    def put(value: bytes) -> None:
        with site.services.store.write() as session:
            session.execute(change, {"data": value, "i": index})

    put(data.replace(b"forged", b"framed"))
    try:
        answer = asked(site.browser("aud"), 'scores["violence"] > 0.9')
        assert "log_corrupt" in answer.text
    finally:
        put(data)
