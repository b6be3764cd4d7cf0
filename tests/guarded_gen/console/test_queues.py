"""Named queues: routing by rules in CEL, whom they are for, how long a case may wait, alerts."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from pydantic import SecretStr
from standardwebhooks import Webhook

from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.jobs.webhooks import new_secret, signed_headers
from guarded_gen.review import routing
from guarded_gen.review.alerts import Overdue
from guarded_gen.review.cases import CaseQueue, Filters, now_ms
from guarded_gen.review.people import member
from guarded_gen.settings.outward import AlertSettings
from guarded_gen.store.tables.review import Person, ReviewCase
from tests.guarded_gen.console.conftest import Site

MINUTE = 60_000


@pytest.fixture
def queues(site: Site) -> Iterator[Site]:
    """Two queues: hate for everybody within five minutes, acme's cases for bob alone."""
    lea, bob = (site.people[name][0] for name in ("lea", "bob"))
    log = site.services.log
    routing.save(log, lea, "hate", "Hate", 'category == "hate" && severity > 0.1', 5, set())
    routing.save(log, lea, "acme", "Acme", 'tenant == "acme"', 0, {bob.id})
    yield site
    for name in ("hate", "acme"):
        routing.remove(log, lea, name)


def case_of(site: Site, id: str) -> ReviewCase:
    with site.services.store.read() as session:
        return session.get_one(ReviewCase, id)


def test_the_first_rule_that_holds_takes_a_new_case(queues: Site) -> None:
    both = queues.open_case(category="hate", tenant="acme")
    acme = queues.open_case(tenant="acme")
    none = queues.open_case()
    hate = case_of(queues, both)
    assert hate.queue == "hate" and hate.due_at == hate.opened_at + 5 * MINUTE
    assert (case_of(queues, acme).queue, case_of(queues, acme).due_at) == ("acme", None)
    assert case_of(queues, none).queue is None
    page = queues.browser("lea").get("/console/queue?queue=hate").text
    assert both in page and acme not in page and "due in 4 min" in page


def test_a_closed_queue_is_for_its_members_and_for_whoever_assigns(queues: Site) -> None:
    id = queues.open_case(tenant="acme", cluster="words")
    queue = queues.console.queue
    for name, knows in (("ann", False), ("bob", True), ("lea", True), ("aud", True)):
        who = queues.people[name][0]
        listed = [case.id for case in queue.page(who, Filters(queue="acme"))]
        assert (id in listed) is knows, name
        assert (queues.browser(name).get(f"/console/cases/{id}").status_code == 200) is knows
    ann = queues.browser("ann")
    assert "Acme" not in ann.get("/console/queue").text
    with pytest.raises(NotFound):
        queue.take(queues.people["ann"][0], id)
    assert queue.next(queues.people["ann"][0], Filters(queue="acme")) is None
    taken = queue.next(queues.people["bob"][0], Filters(queue="acme"))
    assert taken is not None and taken.queue == "acme"


@pytest.mark.parametrize(
    "rule",
    ["", "category", "category ==", "no_such_name == 1", "scores.exists(n, n == 'x')", "1" * 2001],
)
def test_what_is_no_condition_is_refused(site: Site, rule: str) -> None:
    with pytest.raises(InvalidInput):
        routing.save(site.services.log, site.people["lea"][0], "bad", "Bad", rule, 0, set())
    pressed = site.browser("lea").press(
        "/console/queues", name="bad", title="Bad", rule=rule, minutes="0"
    )
    assert pressed.status_code == 400


def test_a_rule_that_fails_takes_nothing(site: Site) -> None:
    case = case_of(site, site.open_case(details={"scores": {"hate": 0.9}}))
    assert routing.holds('scores["hate"] > 0.5', case)
    assert not routing.holds('scores["nudity"] > 0.5', case), "no such score: not true"


def test_only_whoever_assigns_changes_queues(site: Site) -> None:
    for name in ("ann", "aud", "pia"):
        browser = site.browser(name)
        assert browser.get("/console/queues").status_code == 403
        for what in ("", "/remove", "/route"):
            pressed = browser.press(f"/console/queues{what}", name="x", title="x", rule="true")
            assert pressed.status_code == 403, what


def test_queues_are_made_changed_and_asked_anew_on_their_page(site: Site) -> None:
    id = site.open_case(reason="brand new")
    lea = site.browser("lea")
    rule = 'reason == "brand new"'
    made = {"name": "brands", "title": "Brands", "rule": rule, "minutes": "60"}
    assert lea.press("/console/queues", **made).status_code == 303
    assert case_of(site, id).queue is None, "what waits stays where it is"
    assert lea.press("/console/queues/route").headers["location"].endswith("moved-1")
    assert case_of(site, id).queue == "brands"
    page = lea.get("/console/queues").text
    assert "Brands" in page and "Who does what" in page and "ann" in page
    assert lea.press("/console/queues/remove", name="brands").status_code == 303
    assert case_of(site, id).queue is None
    changed = [e.kind for e in site.entries() if e.kind.startswith("queue.")]
    assert sorted(changed) == ["queue.changed", "queue.removed", "queue.routed"]


def test_nobody_is_given_what_they_opted_out_of(site: Site) -> None:
    ann = site.people["ann"][0]
    id = site.open_case(category="self_harm", rule="SH-1", reason="self_harm")
    with site.services.store.write() as session:
        session.get_one(Person, ann.id).preferences = {"refuses": ["self_harm"]}
    try:
        with site.services.store.read() as session:
            ann = member(session.get_one(Person, ann.id))
        plain = CaseQueue(site.services.store, site.services.log)
        assert plain.next(ann, Filters(category="self_harm")) is None
        given = plain.next(site.people["bob"][0], Filters(category="self_harm"))
        assert given is not None and given.id == id
    finally:
        with site.services.store.write() as session:
            session.get_one(Person, ann.id).preferences = {}


class Inbox(Message):
    """Mails as they came in."""

    def __init__(self) -> None:
        super().__init__(EmailMessage)
        self.got: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.got.append(message)


class Server(Controller):
    """Bound to a port of the system's choice, which Controller would not find again."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mail() -> Iterator[tuple[Inbox, int]]:
    """A real SMTP server on loopback."""
    inbox = Inbox()
    server = Server(inbox, hostname="127.0.0.1", port=0, ready_timeout=240)
    server.start()
    yield inbox, server.port
    server.stop()


def test_overdue_cases_are_told_once_by_webhook_and_mail(
    queues: Site, mail: tuple[Inbox, int]
) -> None:
    inbox, port = mail
    ids = [queues.open_case(category="hate") for _ in range(2)]
    secret, posted, answers = new_secret(), [], [503, 204]

    def post(url: str, body: bytes, id: str, key: str) -> int:
        posted.append((url, body, signed_headers([key], id, body, now_ms() // 1000)))
        return answers[len(posted) - 1]

    chosen = AlertSettings(
        url="https://pager.example/x", secret=SecretStr(secret), smtp_host="127.0.0.1",
        smtp_port=port, smtp_starttls=False, mail_to=("lead@example.com",),
    )  # fmt: skip
    waits = case_of(queues, ids[0]).opened_at
    log, link = queues.services.log, "https://ours.example/console/queues"
    at = [waits + MINUTE]
    alerts = Overdue(log, chosen.model_copy(update={"smtp_host": ""}), link, post, lambda: at[0])
    assert alerts.sweep() == 0, "nothing is due yet"
    at[0] = waits + 6 * MINUTE
    assert alerts.sweep() == 0, "the receiver failed: told again next time"
    both = Overdue(log, chosen, link, post, lambda: at[0])
    told = both.sweep()
    assert told >= 2
    assert both.sweep() == 0, "once"
    url, body, headers = posted[1]
    assert url == "https://pager.example/x"
    event = Webhook(secret).verify(body.decode(), headers)
    assert event["data"] == {"queues": {"hate": told}, "link": link}
    assert not any(id in body.decode() for id in ids), "nothing of a case leaves this server"
    [message] = inbox.got
    assert message["to"] == "lead@example.com" and f"{told} cases overdue" in message["subject"]
    assert f"hate: {told}" in message.get_payload()
    [entry] = [e for e in queues.entries() if e.kind == "queue.overdue"]
    assert entry.body == {"queue": "hate", "cases": told, "told": ["webhook", "mail"]}
