"""What goes wrong while people decide: nothing is lost, nothing happens twice, nobody gets in."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute

from guarded_gen.console.app import PAGES
from guarded_gen.console.session import COOKIE
from guarded_gen.review.people import set_roles
from guarded_gen.review.roles import Role
from guarded_gen.store.tables.review import Exposure, ReviewCase, ReviewVerdict, SignIn

BLOCK = {"action": "block", "reason": "violence"}


def state(site, case: str) -> str:
    with site.services.store.read() as session:
        return session.get(ReviewCase, case).state


def test_a_lease_that_ran_out_decides_nothing(site) -> None:
    case = site.open_case()
    ann, bob = site.browser("ann"), site.browser("bob")
    form = ann.take(case)
    with site.services.store.write() as session:
        session.get(ReviewCase, case).lease_until = 1
    answer = ann.press(f"/console/cases/{case}/decide", **form, **BLOCK)
    assert answer.status_code == 409
    assert "ran out" in answer.text
    assert "What to do" in answer.text
    assert bob.press(f"/console/cases/{case}/take").status_code == 303
    assert ann.press(f"/console/cases/{case}/decide", **form, **BLOCK).status_code == 409
    assert state(site, case) == "open"
    assert "case.decided" not in site.kinds()


def test_the_same_form_sent_twice_decides_once(site) -> None:
    """Also what a lost connection looks like: the answer never came, the form is sent again."""
    case = site.open_case()
    ann = site.browser("ann")
    form = ann.take(case)
    assert ann.press(f"/console/cases/{case}/decide", **form, **BLOCK).status_code == 303
    again = ann.press(f"/console/cases/{case}/decide", **form, **BLOCK)
    assert again.status_code == 409
    assert "already decided" in again.text
    assert site.kinds().count("case.decided") == 1


def test_a_case_decided_elsewhere_is_said_to_be(site) -> None:
    case = site.open_case()
    ann, bob = site.browser("ann"), site.browser("bob")
    old = ann.take(case)
    ann.press(f"/console/cases/{case}/leave", how="second")
    form = bob.take(case)
    assert bob.press(f"/console/cases/{case}/decide", **form, **BLOCK).status_code == 303
    answer = ann.press(f"/console/cases/{case}/decide", **old, action="allow")
    assert answer.status_code == 409
    assert ann.press(f"/console/cases/{case}/take").status_code == 409
    assert ann.press(f"/console/cases/{case}/undo").status_code == 409, "not hers to undo"
    assert state(site, case) == "deciding"


def test_no_form_works_without_its_token(site) -> None:
    case = site.open_case()
    lea = site.browser("lea")
    public = {"/console/sign-in", "/verify", "/removal", "/appeal/{decision}/{token}"}
    tried, others = 0, site.browser("bob").csrf
    for route in (route for module in PAGES for route in module.router.routes):
        if not isinstance(route, APIRoute) or "POST" not in route.methods or route.path in public:
            continue
        path = re.sub(r"\{(\w+)\}", case, route.path)
        for csrf in ("", "wrong", others):
            answer = lea.post(path, data={"csrf": csrf, "how": "skip", "to": "", "seconds": "1"})
            assert answer.status_code == 403, (path, answer.status_code)
            assert "forged_form" in answer.text
        tried += 1
    assert tried > 20
    assert state(site, case) == "open"


def test_a_cookie_planted_beforehand_is_worth_nothing(site) -> None:
    from starlette.testclient import TestClient

    planted = "x" * 43
    client = TestClient(site.app, follow_redirects=False)
    client.cookies.set(COOKIE, planted)
    name, token = "ann", site.people["ann"][1]
    answer = client.post("/console/sign-in", data={"name": name, "token": token})
    made = answer.cookies[COOKIE]
    assert made != planted
    flags = answer.headers["set-cookie"].lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags
    thief = TestClient(site.app, follow_redirects=False)
    thief.cookies.set(COOKIE, planted)
    assert thief.get("/console").headers["location"] == "/console/sign-in"
    with site.services.store.read() as session:
        assert made not in {row.id for row in session.query(SignIn)}, "only its hash is kept"


def test_signing_out_ends_the_session_for_whoever_has_the_cookie(site) -> None:
    ann = site.browser("ann")
    kept = ann.cookies[COOKIE]
    ann.press("/console/sign-out")
    ann.cookies.set(COOKIE, kept)
    assert ann.get("/console/queue").headers["location"] == "/console/sign-in"


def test_a_role_taken_away_is_gone_with_the_next_request(site) -> None:
    case = site.open_case()
    ann = site.browser("ann")
    form = ann.take(case)
    member = site.people["ann"][0]
    set_roles(site.services.log, "test", member.id, {Role.AUDITOR})
    assert ann.press(f"/console/cases/{case}/decide", **form, **BLOCK).status_code == 403
    assert "blockquote" not in ann.get(f"/console/cases/{case}").text, "no words any more"
    assert ann.get(f"/console/cases/{case}/storyboard.jpg").status_code == 403
    set_roles(site.services.log, "test", member.id, {Role.REVIEWER}, active=False)
    assert ann.get("/console/queue").headers["location"] == "/console/sign-in"
    assert "case.decided" not in site.kinds()


def test_hostile_text_stays_text_everywhere(site) -> None:
    evil = "</textarea><script>alert(1)</script>\u202e\u2066 {{7*7}} <img src=x onerror=alert(1)>"
    case = site.open_case(prompt=evil, tenant="<b>t</b>", subject="<i>s</i>")
    lea = site.browser("lea")
    lea.take(case)
    for path in (
        f"/console/cases/{case}", "/console/queue", "/console/audit",
        "/console/queue?category=<script>alert(1)</script>&said=<script>alert(1)</script>",
        '/console/audit?kind="><script>alert(1)</script>',
        '/console/queue?undo="><script>alert(1)</script>',
    ):  # fmt: skip
        answer = lea.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
        assert "<img src=x" not in answer.text, path
        assert "\u202e" not in answer.text, path
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
    assert "{{7*7}}" in lea.get(f"/console/cases/{case}").text
    text = site.browser("pia").press("/console/policy", text=evil).text
    assert "<script>alert" not in text


def test_nobody_gets_more_than_their_role(site) -> None:
    case = site.open_case()
    aud, ann, pia = site.browser("aud"), site.browser("ann"), site.browser("pia")
    assert aud.press(f"/console/cases/{case}/take").status_code == 403
    assert ann.get("/console/audit").status_code == 403
    assert ann.press("/console/policy", text="policy: x").status_code == 403
    assert pia.press("/console/queue/next").status_code == 403
    assert ann.press(f"/console/cases/{case}/assign", to="").status_code == 403
    assert ann.get("/console/people").status_code == 403
    assert ann.press(f"/console/cases/{case}/golden", expected="allow").status_code == 403


def test_what_is_nonsense_is_answered_in_words(site) -> None:
    case = site.open_case()
    ann = site.browser("ann")
    form = ann.take(case)
    for fields in (
        {"action": "burn", "reason": "violence"}, {"action": "block", "reason": ""},
        {"action": "block", "reason": "violence", "note": "x" * 5000},
    ):  # fmt: skip
        answer = ann.press(f"/console/cases/{case}/decide", **form, **fields)
        assert answer.status_code == 400
        assert "What to do" in answer.text
    broken = {**form, "version": "x"}
    assert ann.press(f"/console/cases/{case}/decide", **broken, **BLOCK).status_code == 400
    assert ann.get("/console/cases/case_none").status_code == 404
    assert ann.get("/console/queue?after=case_none").status_code == 404
    assert ann.press(f"/console/cases/{case}/revealed", seconds="much").status_code == 400
    assert state(site, case) == "open"


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "-1", "1e999", "much", "", "0x10"])
def test_numbers_that_are_none_are_typed_errors(site, value: str) -> None:
    """A number's text can be read by Python and still be no length of time, share or score."""
    case = site.open_case()
    ann, pia = site.browser("ann"), site.browser("pia")
    form = ann.take(case)
    answers = [
        ann.press(f"/console/cases/{case}/revealed", seconds=value),
        ann.press(f"/console/cases/{case}/decide", **{**form, "version": value}, **BLOCK),
        pia.press("/console/policy/rollout/" + "0" * 64, to="canary", percent=value, reason="x"),
        site.browser("lea").press(
            "/console/queues", name="q", title="q", rule="true", minutes=value or "x"
        ),
    ]
    for answer in answers:
        assert answer.status_code in (400, 404, 409), (answer.status_code, answer.url, value)
        assert "internal_error" not in answer.text
    ann.press(f"/console/cases/{case}/decide", **{**form, "seconds": value}, **BLOCK)
    assert state(site, case) in ("open", "deciding")
    with site.services.store.read() as session:
        for row in session.query(Exposure):
            assert 0 <= row.seconds < 1e6
        for row in session.query(ReviewVerdict):
            assert row.seconds is None or 0 <= row.seconds < 1e7
