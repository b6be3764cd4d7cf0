"""Home shows each role its own: what is theirs to do, to watch, or to let go."""

from __future__ import annotations

import html

import pytest

from guarded_gen.audit import Event
from guarded_gen.audit.alerts import Alert, record_alert
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from tests.guarded_gen.console.conftest import Site

YOURS, QUEUES, PEOPLE = 'id="mine"', 'id="lead"', "signed in now"
EFFECTS, LOG = 'id="author"', 'id="auditor"'


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ann", {YOURS}), ("lea", {YOURS, QUEUES, LOG}), ("aud", {LOG}), ("pia", {EFFECTS}),
        ("adm", {QUEUES, PEOPLE, EFFECTS, LOG}),
    ],
)  # fmt: skip
def test_home_by_role(site: Site, name: str, shown: set[str]) -> None:
    site.open_case()
    page = site.browser(name).get("/console").text
    assert {part for part in (YOURS, QUEUES, PEOPLE, EFFECTS, LOG) if part in page} == shown


def test_what_somebody_holds_stands_on_their_home(site: Site) -> None:
    case, ann = site.open_case(), site.browser("ann")
    assert case not in ann.get("/console").text
    ann.take(case)
    page = ann.get("/console").text
    assert case in page and "yours now" in page
    assert case not in site.browser("bob").get("/console").text


def test_an_author_sees_what_policies_do_and_would_do(site: Site) -> None:
    shadow = {"state": "shadow", "policy_id": "stricter", "policy_version": "2", "action": "block"}
    for action in ("review", "block"):
        site.services.log.append(
            Event(
                kind="prompt.decision",
                decision={
                    "action": action, "stage": "prompt", "rule_id": "VIO-2",
                    "reason": "condition_failed", "trace": [{"rule_id": "VIO-2", "category": "x"}],
                },
                body={"shadows": [shadow]},
            )
        )  # fmt: skip
    page = html.unescape(site.browser("pia").get("/console").text)
    assert "would have changed 1 of 2 decisions (1 × review → block)" in page
    assert "In 2 decisions a condition could not be evaluated" in page
    quiet = page.split("rules matched nothing")[1].split("</details>")[0]
    assert "rule=VIO-1" in quiet
    assert "rule=VIO-2" not in quiet


def test_an_auditor_sees_whether_the_log_is_sound(site: Site) -> None:
    aud = site.browser("aud")
    page = aud.get("/console").text
    assert "never: nobody outside vouches for this log" in page
    aud.press("/console/audit/verify")
    record_alert(site.services.log, Alert("fork", "witness-1", "two roots of one size"))
    page = aud.get("/console").text.split('id="auditor"')[1].split("</section>")[0]
    assert "<td>yes," in page
    assert "two roots of one size" in page


def test_home_counts_nothing_of_restricted_cases_for_the_others(site: Site) -> None:
    trace = [{"rule_id": "NCII-1", "category": "ncii", "action": "block"}]
    site.services.log.append(
        Event("prompt.decision", decision={"action": "block", "stage": "prompt", "trace": trace})
    )
    site.people["tess"] = add_person(site.services.log, "test", "tess", {Role.RESTRICTED})
    for name in ("ann", "lea", "aud", "pia", "adm", "tess"):
        page = site.browser(name).get("/console").text
        assert ('title="ncii"' in page) is (name == "tess"), name
