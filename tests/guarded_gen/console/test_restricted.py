"""The gravest cases: who may know of them, and what is never shown or made. Stand-ins only."""

from __future__ import annotations

import importlib
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from guarded_gen.console import casefile, frames, pages
from guarded_gen.console.pages import case as case_page
from guarded_gen.errors import NotFound
from guarded_gen.review.cases import Filters, seen_by
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import add_person, set_roles
from guarded_gen.review.roles import Permission, Role
from guarded_gen.store.tables.preservation import HotlineReport, LegalHold, SealedEvidence
from guarded_gen.store.tables.review import ReviewCase
from tests.guarded_gen.console.conftest import Site

TRAINED = {"tess", "lex"}


@pytest.fixture
def gravest(site: Site) -> str:
    for name, role in (("tess", Role.RESTRICTED), ("tim", Role.RESTRICTED), ("lex", Role.LEGAL)):
        if name not in site.people:
            site.roles[name] = {role}
            site.people[name] = add_person(site.services.log, "test", name, {role})
    return site.open_case(category="ncii", rule="NCII-1", reason="intimate_imagery", floor=True)


@pytest.mark.parametrize("role", Role)
def test_roles_by_objects(site: Site, gravest: str, role: Role) -> None:
    """Every way to a case, for every role: those without the permission cannot know of it."""
    who = add_person(site.services.log, "test", f"one-{role}", {role})[0]
    queue = site.console.queue
    knows = role in (Role.RESTRICTED, Role.LEGAL)
    assert who.may(Permission.SEE_RESTRICTED) is knows
    listed = [case.id for case in queue.page(who, Filters())]
    values = queue.values(who, ReviewCase.category)
    assert (gravest in listed, "ncii" in values) == (knows, knows)
    if knows:
        assert queue.get(who, gravest).restricted
    else:
        with pytest.raises(NotFound):
            queue.get(who, gravest)
        if who.may(Permission.DECIDE):
            with pytest.raises(NotFound):
                queue.take(who, gravest)


@pytest.mark.parametrize("name", ["ann", "lea", "aud", "adm", "pia"])
def test_no_page_tells_the_others_of_it(site: Site, gravest: str, name: str) -> None:
    browser = site.browser(name)
    for path in ("", "/storyboard.jpg", "/preview.mp4"):
        assert browser.get(f"/console/cases/{gravest}{path}").status_code in (403, 404)
    assert gravest not in browser.get("/console/queue").text
    for action in ("take", "decide", "undo", "leave", "assign", "golden", "bulk", "reveal"):
        pressed = browser.press(f"/console/cases/{gravest}/{action}", version="1", action="block")
        assert pressed.status_code in (400, 403, 404), (action, pressed.status_code)


def test_next_and_alike_skip_it(site: Site, gravest: str) -> None:
    ann = site.people["ann"][0]
    other = site.open_case(category="violence", cluster="c", look=None)
    twin = site.open_case(category="ncii", rule="NCII-1", reason="intimate_imagery", cluster="c")
    queue = site.console.queue
    taken = queue.next(ann, Filters(category="ncii"))
    assert taken is None
    case = queue.get(ann, other)
    alike = casefile.related(site.console, ann, case)
    assert twin not in [c.id for c in alike["words"]]
    assert len(seen_by(ann)) == 2, "restricted cases, and queues that are for others"


def test_what_nothing_assessed_accuses_nobody(site: Site) -> None:
    ann = site.people["ann"][0]
    id = site.open_case(
        category="sexual_minors", rule=None, reason="missing_signal",
        details={"missing": [{"category": "sexual_minors", "reason": "no_check"}]},
    )  # fmt: skip
    assert not site.console.queue.get(ann, id).restricted


def test_two_trained_people_and_every_look_on_record(site: Site, gravest: str) -> None:
    browser = site.browser("tess")
    browser.press(f"/console/cases/{gravest}/take")
    page = browser.get(f"/console/cases/{gravest}")
    assert page.status_code == 200 and "restricted" in page.text
    opened = [e for e in site.entries() if e.kind == "case.media_opened"]
    assert [e.body["what"] for e in opened] == ["page"]
    who = site.people["tess"][0]
    case = site.console.queue.get(who, gravest)
    site.console.decisions.decide(who, gravest, "block", "intimate_imagery", version=case.version)
    assert site.console.queue.get(who, gravest).state == "second"
    with pytest.raises(NotAllowed):
        site.console.queue.take(who, gravest)


def test_where_two_differ_the_legal_role_has_the_last_word(site: Site, gravest: str) -> None:
    threat = site.open_case(category="threats", rule="THR-1", reason="credible_threat")
    for name, action in (("tess", "block"), ("tim", "allow")):
        who = site.people[name][0]
        case = site.console.queue.take(who, threat)
        reason = "credible_threat" if action == "block" else "no_violation"
        site.console.decisions.decide(who, threat, action, reason, version=case.version)
    lex = site.people["lex"][0]
    assert site.console.queue.get(lex, threat).state == "escalated"
    assert site.console.queue.take(lex, threat).holder == lex.id


def test_it_is_never_copied_and_never_sharp(site: Site, gravest: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        site.console.golden.make(site.people["lea"][0], gravest, "block")
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    picture = tmp_path / "stand-in.png"
    Image.fromarray(noise).save(picture)

    def detail(sheet: bytes) -> tuple[float, float]:
        pixels = np.asarray(Image.open(io.BytesIO(sheet)).convert("RGB"), np.float64)
        colour = float(np.abs(pixels[..., 0] - pixels[..., 2]).mean())
        return float(np.abs(np.diff(pixels[..., 1], axis=1)).mean()), colour

    sharp, soft = frames.storyboard([picture], {}), frames.storyboard([picture], {}, soft=True)
    assert detail(soft)[0] < detail(sharp)[0] / 10
    assert detail(soft)[1] < 2 < detail(sharp)[1]


def test_a_used_up_budget_closes_the_media(site: Site, gravest: str, monkeypatch: Any) -> None:
    browser = site.browser("tess")
    browser.press(f"/console/cases/{gravest}/take")
    monkeypatch.setattr(casefile, "media_of", lambda console, case: (Path("x"),))
    pressed = browser.press(f"/console/cases/{gravest}/revealed", seconds="300")
    assert pressed.json()["exposure"]["restricted_over"]
    refused = browser.get(f"/console/cases/{gravest}/storyboard.jpg")
    assert refused.status_code == 403 and "budget" in refused.text


def test_a_break_is_kept_and_the_lead_sees_seconds_only(
    site: Site, gravest: str, monkeypatch: Any
) -> None:
    browser = site.browser("tim")
    browser.press(f"/console/cases/{gravest}/take")
    monkeypatch.setattr(case_page, "media_of", lambda console, case: (Path("x"),))
    limits = site.console.limits.model_copy(update={"break_every": 60.0})
    monkeypatch.setattr(site.console, "limits", limits)
    browser.press(f"/console/cases/{gravest}/revealed", seconds="61")
    refused = browser.get(f"/console/cases/{gravest}/storyboard.jpg")
    assert refused.status_code == 403 and "break" in refused.text
    assert "break" in browser.get(f"/console/cases/{gravest}").text
    page = site.browser("lea").get("/console/queues").text
    assert "61 s of it restricted" in page and gravest not in page
    later = casefile.now_ms() + casefile.BREAK_MS + 1_000
    monkeypatch.setattr(casefile, "now_ms", lambda: later)
    assert not casefile.exposure(site.console, site.people["tim"][0])["break"]


def test_nobody_gives_themselves_the_role(site: Site, gravest: str) -> None:
    admin = site.people["adm"][0]
    with pytest.raises(NotAllowed, match="themselves"):
        set_roles(site.services.log, admin.id, admin.id, {Role.ADMIN, Role.RESTRICTED})


def test_the_preservation_page_is_for_the_trained_alone(site: Site, gravest: str) -> None:
    for name in ("ann", "lea", "aud", "adm"):
        browser = site.browser(name)
        assert browser.get("/console/preservation").status_code == 403
        for action in ("report", "agree", "release"):
            pressed = browser.press(f"/console/preservation/{gravest}/{action}")
            assert pressed.status_code in (403, 404), action
    page = site.browser("lex").get("/console/preservation").text
    assert "not sealed yet" in page and "no certificate of the legal role" in page
    assert "Send the report" not in page


def routes() -> Iterator[tuple[str, str]]:
    """Every method and path of the console."""
    for module in pkgutil.iter_modules(pages.__path__):
        router = importlib.import_module(f"{pages.__name__}.{module.name}").router
        for route in router.routes:
            for method in sorted(route.methods - {"HEAD"}):
                yield method, route.path


LEAVING = ("/console/sign-out", "/console/sessions")
"""Would end the session with which the walk goes on."""


@pytest.mark.parametrize("name", ["ann", "lea", "aud", "adm", "pia"])
def test_no_way_of_the_console_leads_the_others_to_it(site: Site, gravest: str, name: str) -> None:
    """All pages and all buttons, new ones included, for whoever is not trained."""
    with site.services.store.read() as session:
        before = session.get_one(ReviewCase, gravest)
    browser, walked = site.browser(name), 0
    for method, path in routes():
        if path.startswith(LEAVING):
            continue
        filled = re.sub(r"{\w+}", gravest, path)
        if method == "GET":
            page = browser.get(filled)
            if filled == path and not site.people[name][0].may(Permission.SEE_AUDIT):
                # what is in the address itself may be repeated by the page of an error
                assert gravest not in page.text, path
            assert path == filled or page.status_code != 200 or "ncii" not in page.text, path
        elif filled != path:
            browser.press(filled, version=str(before.version), action="block", until="2030-01-01")
        walked += 1
    assert walked > 60
    with site.services.store.read() as session:
        after = session.get_one(ReviewCase, gravest)
        hold = session.get_one(LegalHold, gravest)
        touched = [session.get(HotlineReport, gravest), session.get(SealedEvidence, gravest)]
    same = ("state", "holder", "assignee", "queue", "version", "restricted")
    assert [getattr(after, n) for n in same] == [getattr(before, n) for n in same]
    assert touched == [None, None] and hold.until < hold.since + 366 * 86_400_000
    mine = {site.people[name][0].id, name}
    assert not [e for e in site.entries() if e.actor in mine and e.body.get("case") == gravest]
