"""An idle worker asks nothing, and hears at once of what is handed over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog
from guarded_gen.jobs import Jobs, WorkerProcess, bell
from guarded_gen.store import open_store
from guarded_gen.telemetry import Metrics
from tests.faults.stages import EmptyStages, accept, line_of
from tests.postgres import fresh_database
from tests.waiting import until

NEVER = 3_600.0


@pytest.fixture(params=["sqlite", "postgresql"])
def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Jobs]:
    url = ""
    if request.param == "postgresql":
        url = fresh_database(request.getfixturevalue("postgres_server"))
    settings = config.load(home=tmp_path / "home", database_url=url, jobs={"drain_s": 2})
    store = open_store(settings)
    log = AuditLog.open(store, settings.keys_folder)
    jobs = Jobs(settings, store, log)
    yield jobs
    jobs.close()
    log.close()
    store.close()


def test_an_idle_worker_sleeps_and_hears(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "IDLE_S", NEVER)  # nothing is found by looking
    asked: list[str] = []

    def count(connection: sa.Connection, cursor: object, statement: str, *_: object) -> None:
        if threading.current_thread().name.startswith("queue-worker-"):
            asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    worker = WorkerProcess(jobs, line_of(EmptyStages()), Metrics(), lambda url, body, headers: 200)
    worker.start()
    try:
        ring = worker._engine.bell
        until(lambda: asked and not ring.busy(), "rest")
        before = len(asked)
        time.sleep(1.0)  # at ten looks a second, sixty questions
        assert len(asked) - before < 10 or ring.busy()
        for _ in range(2):
            until(lambda: not ring.busy(), "rest")
            job = accept(jobs.book)
            jobs.hand_over(job)
            until(lambda id=job.id: jobs.book.get(None, id).status == "completed", "the job")
    finally:
        worker.stop()
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


def test_a_bell_that_hears_nothing_lets_nobody_sleep(tmp_path: Path) -> None:
    deaf = bell.Bell(sa.create_engine(f"sqlite:///{tmp_path}/nowhere/queue.db"), 0.01)
    deaf._busy_until = 0.0
    deaf.start()
    until(deaf.busy, "the alarm")
    deaf.close()
    deaf.sleep(NEVER)  # closed: at once
    assert deaf.busy()
