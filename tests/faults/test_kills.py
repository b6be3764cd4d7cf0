"""Workers are killed with SIGKILL and stopped with SIGSTOP; every job still ends exactly once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog
from guarded_gen.jobs import Jobs, now_ms
from guarded_gen.jobs.service import wait_until
from guarded_gen.store import open_store
from guarded_gen.store.tables.audit import AuditOutbox
from guarded_gen.store.tables.jobs import Job, JobStage, WebhookDelivery, WebhookEndpoint
from tests.postgres import fresh_database

from .stages import accept

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parent.parent.parent
STAGES = ("generate", "output", "encode", "sign", "publish")
POINTS = [f"{moment}:{stage}" for stage in STAGES for moment in ("before", "inside", "between")]
ROUNDS = int(os.environ.get("GUARDED_GEN_FAULT_ROUNDS", "3"))


class Site:
    """One installation: its book, and the workers of this test."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url
        self.settings = config.load(home=home, database_url="" if url == "sqlite" else url)
        self.store = open_store(self.settings)
        self.log = AuditLog.open(self.store, self.settings.keys_folder)
        self.jobs = Jobs(self.settings, self.store, self.log)
        self.workers: list[subprocess.Popen[str]] = []

    def start(self, kill: str = "", seconds: float = 0.0) -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "tests/faults/worker_main.py", str(self.home), self.url, kill,
             str(seconds)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert worker.stdout is not None
        assert worker.stdout.readline().strip(), "the worker did not start"
        self.workers.append(worker)
        return worker

    def submit(self, count: int) -> list[str]:
        jobs = [accept(self.jobs.book) for _ in range(count)]
        for job in jobs:
            self.jobs.hand_over(job)
        return [job.id for job in jobs]

    def job(self, id: str) -> Job:
        return self.jobs.book.get(None, id)

    def waiting_entries(self) -> int:
        with self.store.read() as session:
            return session.scalar(select(func.count()).select_from(AuditOutbox)) or 0

    def all_ended(self) -> bool:
        return not self.jobs.book.open_counts()

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
                worker.wait()
        self.jobs.close()
        self.log.close()
        self.store.close()


@contextmanager
def site_at(home: Path, url: str) -> Iterator[Site]:
    home.mkdir(parents=True, exist_ok=True)
    site = Site(home, url)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    url = "sqlite"
    if request.param == "postgresql":
        base = request.getfixturevalue("postgres")
        url = fresh_database(base)
    with site_at(tmp_path / "home", url) as site:
        yield site


def assert_once(site: Site, ids: list[str]) -> None:
    """Every job completed, each stage and entry once, one clip, one webhook id an endpoint."""
    # A job's end can be read as soon as it is committed; its entries are in the tree a round later.
    assert wait_until(lambda: site.waiting_entries() == 0, 60)
    with site.store.read() as session:
        jobs = {job.id: job for job in session.scalars(select(Job))}
        stages = Counter((s.job, s.stage) for s in session.scalars(select(JobStage)))
        deliveries = Counter(
            json.loads(d.payload)["data"]["id"] for d in session.scalars(select(WebhookDelivery))
        )
    entries = Counter(
        (entry.kind, entry.body["job"]) for entry in site.log.entries() if "job" in entry.body
    )
    for id in ids:
        assert jobs[id].status == "completed", (id, jobs[id].status, jobs[id].error)
        for stage in STAGES:
            assert stages[(id, stage)] == 1
            assert entries[(f"test.{stage}", id)] == 1
        assert entries[("test.failed", id)] == 0
        assert jobs[id].assets is not None
        assert (site.home / "published" / jobs[id].assets["video"]["key"]).is_file()
        assert deliveries[id] == 1
    assert site.log.verify().ok


def endpoint(site: Site) -> None:
    with site.store.write() as session:
        session.add(
            WebhookEndpoint(
                id="we_1", tenant="default", name="t", url="https://example.org/hook",
                event_types=["video.completed", "video.failed"], secret="whsec_AAAA",
                old_secret=None, old_secret_until=None, created_at=now_ms(), updated_at=now_ms(),
            )
        )  # fmt: skip


def test_killed_at_every_boundary_each_job_ends_once(site: Site) -> None:
    endpoint(site)
    ids: list[str] = []
    step = max(1, len(POINTS) // ROUNDS)
    points = [POINTS[(n * step) % len(POINTS)] for n in range(ROUNDS)]
    for point in points:
        doomed = site.start(kill=point)
        ids += site.submit(2)
        assert wait_until(lambda d=doomed: d.poll() is not None, 90), f"nobody died at {point}"
    site.start()
    assert wait_until(site.all_ended, 90 + 6 * ROUNDS), site.jobs.book.open_counts()
    assert_once(site, ids)


def test_a_killed_workers_job_is_taken_over_within_eight_seconds(site: Site) -> None:
    doomed = site.start(seconds=60)
    [id] = site.submit(1)
    assert wait_until(lambda: site.job(id).fence == 1, 90)
    site.start()
    doomed.kill()
    died = time.monotonic()
    assert wait_until(lambda: site.job(id).fence >= 2, 90)
    took = time.monotonic() - died
    print(f"takeover after {took:.1f} s")
    assert wait_until(site.all_ended, 90)
    assert took <= (8 if os.environ.get("GUARDED_GEN_QUIET") else 60)


def test_a_stopped_worker_that_wakes_up_is_fenced(site: Site) -> None:
    endpoint(site)
    ghost = site.start(seconds=3)
    [id] = site.submit(1)
    assert wait_until(lambda: site.job(id).fence == 1, 90)
    stop_outside_of_a_transaction(site, ghost)
    site.start()
    assert wait_until(lambda: site.job(id).status == "completed", 120)
    owner = site.job(id).fence
    ghost.send_signal(signal.SIGCONT)
    time.sleep(3)
    assert site.job(id).fence >= owner
    assert_once(site, [id])


@pytest.mark.parametrize("stage", ["generate", "publish"])
def test_a_worker_stopped_inside_a_transaction_holds_nobody_up(
    postgres: str, tmp_path: Path, stage: str
) -> None:
    # SQLite has one writer: there a stopped one stops everybody, see docs/operate.md.
    with site_at(tmp_path / "home", fresh_database(postgres)) as site:
        endpoint(site)
        ghost = site.start(kill=f"stop:{stage}")
        ids = site.submit(3)
        assert wait_until(lambda: stopped(ghost), 60)
        site.start()
        assert wait_until(site.all_ended, 120), site.jobs.book.open_counts()
        ghost.send_signal(signal.SIGCONT)
        ids += site.submit(2)
        assert wait_until(site.all_ended, 60), site.jobs.book.open_counts()
        assert_once(site, ids)
        assert ghost.poll() is None, "the worker did not survive"


def stopped(worker: subprocess.Popen[str]) -> bool:
    return Path(f"/proc/{worker.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def stop_outside_of_a_transaction(site: Site, worker: subprocess.Popen[str]) -> None:
    """SIGSTOP, but not while the worker holds a SQLite write lock: that stops everybody.

    The queue keeps a database of its own beside ours.
    """
    for _ in range(100):
        worker.send_signal(signal.SIGSTOP)
        if not any(map(locked, site.home.rglob("*.db"))):
            return
        worker.send_signal(signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("the worker never lets go of the database")


def locked(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0.2)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        except sqlite3.OperationalError:
            return True
    return False


def test_cancel_stops_within_a_step(site: Site) -> None:
    site.start(seconds=60)
    running, waiting = site.submit(2)
    assert wait_until(lambda: site.job(running).status == "in_progress", 90)
    site.jobs.book.cancel("default", running)
    assert wait_until(lambda: site.job(running).status == "failed", 90)
    assert site.job(running).error is not None
    assert site.job(running).error["code"] == "cancelled"
    site.jobs.book.cancel("default", waiting)
    assert wait_until(lambda: site.job(waiting).status == "failed", 90)


def test_a_job_that_no_queue_knows_is_found(site: Site) -> None:
    job = accept(site.jobs.book)  # accepted, and the process died before handing it over
    site.start()
    assert wait_until(lambda: site.job(job.id).status == "completed", 90)
