"""Somebody who is shown asks for a video's removal: form, two people, what is gone, the answer."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from classifiers.frame.register import register
from guarded_gen.jobs.removals import RemovalChore
from guarded_gen.review.people import add_person
from guarded_gen.review.roles import Role
from guarded_gen.store.tables.jobs import Job, WebhookDelivery, WebhookEndpoint
from guarded_gen.store.tables.preservation import LegalHold, RemovalRequest
from guarded_gen.store.tables.review import ReviewCase, ReviewVerdict
from tests.guarded_gen.console.conftest import Browser, Site

FORM = {
    "shows": "intimate",
    "name": "Ada Example",
    "contact": "ada@example.org",
    "statement": "a stand-in for what is said",
    "where": "",
    "truthful": "yes",
}


@pytest.fixture(autouse=True)
def trained(site: Site) -> None:
    """Nothing waits from another test."""
    for name in ("tess", "tim"):
        if name not in site.people:
            roles = {Role.REVIEWER, Role.RESTRICTED}
            site.roles[name] = roles
            site.people[name] = add_person(site.services.log, "test", name, roles)
    with site.services.store.write() as session:
        session.execute(delete(RemovalRequest))


@pytest.fixture
def stranger(site: Site) -> TestClient:
    return TestClient(site.app, base_url="http://testserver", follow_redirects=False)


@pytest.fixture
def chore(site: Site) -> RemovalChore:
    jobs = site.app.state.api.jobs
    files = site.console.held_files
    return RemovalChore(jobs, site.services.banks, files, site.services.settings.limits.media)


def picture(seed: int = 1, mode: str = "PNG") -> bytes:
    """Coarse noise, which is told apart from every other."""
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC).save(data, mode)
    return data.getvalue()


@pytest.fixture
def made(site: Site, tmp_path: Path) -> Callable[[str], None]:
    """A finished clip of ours, its file in the storage."""

    def make(id: str) -> None:
        path = tmp_path / "clip.png"
        path.write_bytes(picture(seed=7))
        key = f"{id}/clip.png"
        jobs = site.app.state.api.jobs
        jobs.storage.put(key, path)
        big: dict[str, Any] = {c.name: None for c in Job.__table__.columns}
        big |= {
            "id": id, "tenant": "default", "kind": "video", "status": "completed", "stage": "done",
            "progress": 100, "priority": 0, "model": "world", "request": {}, "details": {},
            "seconds": 1.0, "decisions": [], "bytes": 1, "fence": 1, "round": 1, "tries": 0,
            "cancel": False, "created_at": 1, "queued_at": 1, "completed_at": 2,
            "assets": {"video": {"key": key, "bytes": 1, "type": "image/png", "sha256": ""}},
        }  # fmt: skip
        with site.services.store.write() as session:
            session.add(Job(**big))

    return make


def row(site: Site, id: str) -> RemovalRequest:
    with site.services.store.read() as session:
        found = session.get(RemovalRequest, id)
    assert found is not None
    return found


def asked(stranger: TestClient, **fields: Any) -> tuple[str, str]:
    """The request's id and its page."""
    file = fields.pop("file", None)
    files = {"file": ("shown.png", file, "image/png")} if file is not None else None
    answer = stranger.post("/removal", data={**FORM, **fields}, files=files)
    assert answer.status_code == 303, answer.text
    page = answer.headers["location"]
    return page.split("/")[2], page


def settle(site: Site, case: str) -> None:
    """The undo window is over."""
    with site.services.store.write() as session:
        found = session.get(ReviewCase, case)
        assert found is not None
        found.effective_at = 0
    site.console.settle()


def decide(site: Site, case: str, who: str, action: str) -> None:
    browser = Browser(site, who)
    fields = browser.take(case)
    answer = browser.press(f"/console/cases/{case}/decide", action=action, reason="other", **fields)
    assert answer.status_code == 303, answer.text


def test_two_people_remove_it_and_copies_are_refused(
    site: Site,
    stranger: TestClient,
    chore: RemovalChore,
    made: Callable[[str], None],
    tmp_path: Path,
) -> None:
    made("video_0123456789abcdef")
    with site.services.store.write() as session:
        session.add(
            WebhookEndpoint(
                id="we_removal", name="", tenant="default", url="http://127.0.0.1:9/",
                secret="whsec_AAAA", updated_at=1,
                event_types=["video.removed"], created_at=1,
            )
        )  # fmt: skip
    id, page = asked(stranger, where="see video_0123456789abcdef", file=picture(seed=3))
    request = row(site, id)
    assert request.item == "video_0123456789abcdef"
    upload = site.app.state.api.jobs.storage
    assert upload.size(request.upload)
    assert request.due_at - request.created_at == 48 * 3_600_000
    assert "being looked at" in stranger.get(page).text

    # only trained people know of it, and one of them alone decides nothing
    assert Browser(site, "ann").get(f"/console/cases/{request.case}").status_code == 404
    decide(site, request.case, "tess", "block")
    assert chore.sweep() == 0
    decide(site, request.case, "tim", "block")
    settle(site, request.case)
    assert chore.sweep() == 1
    assert chore.sweep() == 0

    with site.services.store.read() as session:
        job = session.get(Job, request.item)
        assert job is not None
        assert job.deleted_at
        assert job.assets is None
        sent = session.scalars(select(WebhookDelivery.event_type)).all()
        assert sent == ["video.removed"]
        assert session.scalar(select(LegalHold.case).where(LegalHold.case == request.case)) is None
    bank = next(b for b in site.services.banks.held() if b.info.name == "removals-ncii")
    assert bank.info.action == "block"
    listed = " ".join(site.services.banks.export("removals-ncii"))
    for seed in (3, 7):  # what was sent, and the video
        copy = tmp_path / f"copy{seed}.png"
        copy.write_bytes(picture(seed))
        assert register(copy)[0].hashes[0].tobytes().hex() in listed
    answered = next(e for e in site.entries() if e.kind == "removal.answered")
    assert answered.body["outcome"] == "removed"
    assert answered.body["in_time"] is True
    with pytest.raises(Exception, match="gone"):
        upload.size(f"removals/{id}/shown.png")
    assert row(site, id).upload is None
    text = stranger.get(page).text
    assert "The video was removed" in text
    assert FORM["statement"] not in text


def test_what_people_leave_stays_and_what_was_sent_goes(
    site: Site, stranger: TestClient, chore: RemovalChore
) -> None:
    id, page = asked(stranger, shows="likeness", file=picture(seed=4))
    request = row(site, id)
    assert request.item is None
    browser = Browser(site, "ann")
    fields = browser.take(request.case)
    text = browser.get(f"/console/cases/{request.case}").text
    assert FORM["statement"] in text
    assert "What the person who is shown says" in text
    done = browser.press(
        f"/console/cases/{request.case}/decide", action="allow", reason="no_violation", **fields
    )
    assert done.status_code == 303
    settle(site, request.case)
    assert chore.sweep() == 1
    assert row(site, id).state == "declined"
    assert not [b for b in site.services.banks.held() if b.info.name == "removals-likeness"]
    assert "was not removed" in stranger.get(page).text
    with site.services.store.read() as session:
        assert session.scalar(select(ReviewVerdict).where(ReviewVerdict.case == request.case))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shows": "other"}, "what the video shows"),
        ({"name": " "}, "name has"),
        ({"contact": ""}, "contact has"),
        ({"statement": "x" * 4001}, "statement has"),
        ({"truthful": ""}, "tick the box"),
        ({"where": ""}, "or send it"),
    ],
)
def test_what_is_missing_is_told_and_what_was_typed_stays(
    site: Site, stranger: TestClient, change: dict[str, str], said: str
) -> None:
    answer = stranger.post("/removal", data={**FORM, "where": "https://example.org/1", **change})
    assert answer.status_code == 400
    assert said in answer.text
    assert "https://example.org/1" in answer.text or change.get("where") == ""
    assert "removal.asked" not in site.kinds()


def test_a_file_that_shows_nothing_and_one_of_a_minor_are_not_kept(
    site: Site, stranger: TestClient
) -> None:
    for data, shows in ((b"no picture", "intimate"), (picture(), "minor")):
        answer = stranger.post(
            "/removal",
            data={**FORM, "shows": shows},
            files={"file": ("shown.png", data, "image/png")},
        )
        assert answer.status_code == 400, answer.text
        assert "/tmp" not in answer.text
    assert "removal.asked" not in site.kinds()


def test_the_words_stand_sealed_and_the_page_has_no_guessable_address(
    site: Site, stranger: TestClient
) -> None:
    id, page = asked(stranger, where="https://example.org/clip")
    entry = site.services.log.entry(row(site, id).entry)
    for word in (FORM["name"], FORM["contact"], FORM["statement"]):
        assert word.encode() not in entry.data
    wrong = re.sub(r".$", lambda m: "0" if m.group() != "0" else "1", page)
    assert stranger.get(wrong).status_code == 404
    assert stranger.get(page[:-1] + "ä").status_code == 404
    assert stranger.get(page.replace(id, "rem_" + "0" * 32)).status_code == 404


def test_more_than_a_day_holds_is_told(
    site: Site, stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = site.console.removals._settings.model_copy(update={"max_per_day": 1})
    monkeypatch.setattr(site.console.removals, "_settings", settings)
    asked(stranger, where="https://example.org/1")
    answer = stranger.post("/removal", data={**FORM, "where": "https://example.org/2"})
    assert answer.status_code == 429
    assert "tomorrow" in answer.text
