"""Pages of end users and tenants, and what the platform lets people do from a case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from guarded_gen.jobs.webhooks import new_secret, post_signed
from guarded_gen.review import strikes
from guarded_gen.review.actions import CaseActions
from guarded_gen.review.cases import now_ms
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from guarded_gen.settings.outward import CaseAction
from guarded_gen.store.tables.review import ReviewCase
from tests.guarded_gen.console.conftest import Site
from tests.waiting import PATIENCE_S


def strike(site: Site, case: str, days_ago: float = 0, subject: str = "s") -> None:
    """Count the decision of a case against its user, as a gate would have done then."""
    with site.services.store.write() as session:
        decision = session.get_one(ReviewCase, case).decision
        then = now_ms() - int(days_ago * strikes.DAY_MS)
        pseudonym = site.services.log.keys.pseudonym("default", subject)
        strikes.note(session, decision, "default", pseudonym, pending=False, clock=lambda: then)


def test_a_user_has_a_page_with_strikes_that_decay_and_cases_that_belong_together(
    site: Site,
) -> None:
    first = site.open_case(subject="mallory", cluster="one")
    second = site.open_case(subject="mallory", category="hate", rule="HAT-1", reason="hate")
    twin = site.open_case(subject="somebody else", cluster="one")
    strike(site, first, 1, "mallory")
    strike(site, second, 400, "mallory")
    page = site.browser("ann").get(f"/console/cases/{first}/subject").text
    assert "<b>1</b> strike counts now" in page and "counts no more" in page
    assert second in page and twin in page and "the same words" in page
    opened = [e for e in site.entries() if e.kind == "subject.opened"]
    assert len(opened) == 1 and "mallory" not in str(opened[0].to_json())
    case = site.browser("ann").get(f"/console/cases/{second}").text
    assert f"/console/cases/{second}/subject" in case and "/console/tenants/default" in case


@pytest.mark.parametrize(("name", "role"), [("ann", None), ("aud", None), ("tess", "restricted")])
def test_restricted_cases_show_on_these_pages_to_the_trained_alone(
    site: Site, name: str, role: str | None
) -> None:
    if role and name not in site.people:
        site.roles[name] = {Role.RESTRICTED}
        site.people[name] = add_person(site.services.log, "test", name, {Role.RESTRICTED})
    user = f"user of {name}"
    plain = site.open_case(subject=user, cluster=f"c {name}")
    grave = site.open_case(
        subject=user, category="ncii", rule="NCII-1", reason="intimate_imagery", floor=True
    )
    others = site.open_case(
        subject="x", category="ncii", rule="NCII-1", reason="intimate_imagery", cluster=f"c {name}"
    )
    strike(site, grave, 1, user)
    browser = site.browser(name)
    page = browser.get(f"/console/cases/{plain}/subject").text
    trained = role is not None
    assert (grave in page, others in page) == (trained, trained)
    assert ("<b>1</b> strike counts now" in page) is trained
    assert (grave in browser.get("/console/tenants/default").text) is trained
    assert browser.get(f"/console/cases/{grave}/subject").status_code == (200 if trained else 404)


def test_a_tenant_has_a_page_and_strangers_see_nothing_of_it(site: Site) -> None:
    site.open_case(tenant="acme")
    if "ten" not in site.people:
        site.roles["ten"] = {Role.REVIEWER}
        site.people["ten"] = add_person(
            site.services.log, "test", "ten", {Role.REVIEWER}, {"default"}
        )
    page = site.browser("lea").get("/console/tenants/acme").text
    assert "<b>1</b> open" in page
    assert site.browser("ten").get("/console/tenants/acme").status_code == 404


@pytest.fixture
def platform() -> Iterator[Any]:
    """The platform's own system; answers 204, or what ``answers`` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            server.got.append((dict(self.headers), body))
            self.send_response(server.answers)
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    server: Any = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answers = [], 204
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join(PATIENCE_S)
    server.server_close()


def test_an_action_is_signed_logged_and_for_its_roles_alone(
    site: Site, platform: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = new_secret()
    action = CaseAction(
        title="Suspend the user", url=f"http://127.0.0.1:{platform.server_port}/suspend",
        secret=SecretStr(secret), needs_subject=True,
    )  # fmt: skip
    made = CaseActions(site.services.log, {"suspend": action}, post_signed)
    monkeypatch.setitem(site.console.__dict__, "actions", made)
    case, nameless = site.open_case(subject="mallory"), site.open_case(subject="")
    lea, ann = site.browser("lea"), site.browser("ann")
    assert "Suspend the user" in lea.get(f"/console/cases/{case}").text
    assert "Suspend the user" not in lea.get(f"/console/cases/{nameless}").text
    assert "Suspend the user" not in ann.get(f"/console/cases/{case}").text
    assert ann.press(f"/console/cases/{case}/action", action="suspend").status_code == 403
    assert lea.press(f"/console/cases/{case}/action", action="nuke").status_code == 404
    assert lea.press(f"/console/cases/{nameless}/action", action="suspend").status_code == 400
    assert platform.got == []
    assert lea.press(f"/console/cases/{case}/action", action="suspend").status_code == 303
    [(headers, body)] = platform.got
    lower = {name.lower(): value for name, value in headers.items()}
    assert Webhook(secret).verify(body.decode(), lower)["data"]["user"] == "mallory"
    assert json.loads(body)["type"] == "action.suspend"
    platform.answers = 503
    refused = lea.press(f"/console/cases/{case}/action", action="suspend")
    assert refused.status_code == 502 and "answered 503" in refused.text
    kinds = [kind for kind in site.kinds() if kind.startswith("action.")]
    assert sorted(kinds) == ["action.asked", "action.asked", "action.done", "action.failed"]


def test_a_secret_that_signs_nothing_is_refused_with_the_settings() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        CaseAction(title="x", url="https://a.example", secret=SecretStr("no secret!"))
