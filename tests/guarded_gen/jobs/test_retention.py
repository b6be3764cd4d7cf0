"""Drafts of refused clips stay as long as somebody may appeal, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.jobs import Jobs, now_ms
from guarded_gen.jobs.book import DAY_MS
from guarded_gen.jobs.retention import DELETED_AFTER_MS, Drafts
from guarded_gen.review.cases import NewCase, open_case
from guarded_gen.store import open_store
from guarded_gen.store.tables.jobs import Job
from guarded_gen.store.tables.review import Appeal
from tests.faults.stages import accept

DAYS = 30


class House:
    def __init__(self, home: Path) -> None:
        self.settings = config.load(home=home)
        self.store = open_store(self.settings)
        self.log = AuditLog.open(self.store, self.settings.keys_folder)
        self.jobs = Jobs(self.settings, self.store, self.log)
        self.now = now_ms()
        self.discarded: list[str] = []
        self.drafts = Drafts(
            self.store, self.settings.work_folder, DAYS,
            lambda job: self.discarded.append(job.id), lambda: self.now,
        )  # fmt: skip

    def job(self) -> Job:
        made = accept(self.jobs.book)
        (self.settings.work_folder / made.id / "1").mkdir(parents=True)
        return made

    def refused(self) -> Job:
        made = self.job()
        self.jobs.book.fail(made.id, "moderation_blocked", "refused")
        return made

    def swept(self) -> list[str]:
        self.discarded.clear()
        assert self.drafts.sweep() == len(self.discarded)
        return sorted(self.discarded)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "home")
    yield made
    made.jobs.close()
    made.log.close()
    made.store.close()


def test_a_refused_clips_draft_goes_when_its_time_is_over(house: House) -> None:
    refused, _open = house.refused(), house.job()
    (house.settings.work_folder / "clip_of_the_command_line").mkdir()
    house.now += (DAYS - 1) * DAY_MS
    assert house.swept() == []
    house.now += 2 * DAY_MS
    assert house.swept() == [refused.id], "neither what is open nor what is no job"


def test_an_open_appeal_keeps_it(house: House) -> None:
    refused = house.refused()

    def appeal(tx: Transaction) -> None:
        decision = tx.append(Event(kind="output.decision", tenant="default", body={}))
        case = open_case(tx, new_case(refused.id, decision))
        tx.session.add(
            Appeal(id="app_1", decision=decision, case=case, state="open", entry=decision,
                   statement_of_reasons=None, created_at=0, decided_at=None)
        )  # fmt: skip

    house.log.write(appeal)
    house.now += 10 * DAYS * DAY_MS
    assert house.swept() == []
    with house.store.write() as session:
        answered = session.get(Appeal, "app_1")
        assert answered is not None
        answered.state = "upheld"
    assert house.swept() == [refused.id]


def new_case(item: str, decision: str) -> NewCase:
    fields: dict[str, Any] = {
        "kind": "appeal", "item": item, "tenant": "default", "subject": "", "stage": "output",
        "decision": decision, "category": None, "rule": None, "reason": "", "policy_digest": "",
        "floor": False, "details": {},
    }  # fmt: skip
    return NewCase(**fields)


def test_what_a_client_deleted_goes_soon_but_not_under_a_workers_hands(house: House) -> None:
    job = house.job()
    house.jobs.book.delete("default", job.id, lambda job: Event(kind="clip.deleted"))
    assert house.swept() == []
    house.now += DELETED_AFTER_MS + 60_000
    assert house.swept() == [job.id]
