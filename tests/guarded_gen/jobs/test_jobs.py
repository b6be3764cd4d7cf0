"""The jobs room without HTTP: order, fairness, failing stores, retries, restored databases."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.errors import OutOfMemory
from guarded_gen import settings as config
from guarded_gen.audit import AuditLog, Event
from guarded_gen.errors import Conflict, NotFound, StorageFailed
from guarded_gen.jobs import Jobs, Queue, Storage, WorkerProcess, now_ms
from guarded_gen.jobs import runner as running
from guarded_gen.jobs.errors import Fenced
from guarded_gen.jobs.runner import Runner
from guarded_gen.jobs.webhooks import BACKOFF_S, Deliverer
from guarded_gen.production.stage import Result
from guarded_gen.production.work import Work
from guarded_gen.store import open_store
from guarded_gen.store.tables.jobs import WebhookDelivery, WebhookEndpoint
from guarded_gen.telemetry import Metrics
from media.errors import EncodeFailed
from tests.faults.stages import EmptyStages, accept, line_of
from tests.waiting import PATIENCE_S, until


class Room:
    """A book on SQLite and runners in this thread, without the engine."""

    def __init__(self, home: Path) -> None:
        self.settings = config.load(home=home, jobs={"poll_s": 0.02, "drain_s": 2})
        self.store = open_store(self.settings)
        self.log = AuditLog.open(self.store, self.settings.keys_folder)
        self.jobs = Jobs(self.settings, self.store, self.log)
        self.book = self.jobs.book

    def runner(self, stages: Any, max_tries: int = 5) -> Runner:
        return Runner(self.book, line_of(stages), Metrics(), "w", timeout_s=60, max_tries=max_tries)

    def run(self, id: str, stages: Any) -> None:
        job = self.book.get(None, id)
        for queue in (Queue.GPU, Queue.CPU):
            self.runner(stages).run(id, job.round, queue)

    def close(self) -> None:
        self.jobs.close()
        self.log.close()
        self.store.close()


def test_the_queue_of_a_home_with_signs_that_urls_use_lies_in_it(tmp_path: Path) -> None:
    odd = tmp_path / "100%25 odd?home#1"
    room = Room(odd)
    try:
        room.jobs.queue.client.check_connection()
        with sqlite3.connect(odd / "queue.db") as queue:
            assert queue.execute("SELECT count(*) FROM workflow_status").fetchone() == (0,)
    finally:
        room.close()
    assert [path.name for path in tmp_path.iterdir()] == [odd.name]
    for path in (odd, *odd.glob("*.db*")):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    monkeypatch.setattr(running, "_RETRY_WAITS_S", (0.01, 0.01, 0.01))
    room = Room(tmp_path / "home")
    yield room
    room.close()


class Breaking(EmptyStages):
    """Raises the given errors, one a run of the stage."""

    def __init__(self, stage: str, errors: list[BaseException]) -> None:
        self._stage, self.errors = stage, errors

    def run(self, stage: str, work: Work) -> Result:
        if stage == self._stage and self.errors:
            raise self.errors.pop(0)
        return super().run(stage, work)


def test_a_job_runs_through_all_stages(room: Room) -> None:
    job = accept(room.book)
    room.run(job.id, EmptyStages())
    done = room.book.get(None, job.id)
    assert (done.status, done.progress, done.stage) == ("completed", 100, "done")
    assert done.expires_at == done.completed_at + room.settings.jobs.clip_days * 86_400_000


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemory("no memory"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("secret detail"), "internal_error"),
    ],
)
def test_an_error_ends_the_job_in_the_open(room: Room, error: Exception, code: str) -> None:
    job = accept(room.book)
    room.run(job.id, Breaking("generate", [error]))
    failed = room.book.get(None, job.id)
    assert failed.status == "failed"
    assert failed.error["code"] == code
    assert "secret" not in failed.error["message"]


def test_a_full_disk_is_waited_for_and_then_told(room: Room) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    passing = accept(room.book)
    room.run(passing.id, Breaking("encode", [full, StorageFailed("away")]))
    assert room.book.get(None, passing.id).status == "completed"
    lasting = accept(room.book)
    room.run(lasting.id, Breaking("encode", [full] * 10))
    assert room.book.get(None, lasting.id).error["code"] == "disk_full"
    wrapped = EncodeFailed("no room")
    wrapped.__cause__ = full
    hidden = accept(room.book)
    room.run(hidden.id, Breaking("encode", [wrapped]))
    assert room.book.get(None, hidden.id).status == "completed"
    room.run((hidden := accept(room.book)).id, Breaking("encode", [wrapped] * 10))
    assert room.book.get(None, hidden.id).error["code"] == "disk_full", "not encode_failed"


def test_a_job_that_kills_its_workers_is_given_up(room: Room) -> None:
    job = accept(room.book)
    for _ in range(2):
        assert room.book.take(job.id, 0, "dies", ["generate"]) is not None
    room.runner(EmptyStages(), max_tries=2).run(job.id, 0, Queue.GPU)
    assert room.book.get(None, job.id).error["code"] == "worker_lost"


def test_a_ghost_is_refused_at_every_write(room: Room) -> None:
    job = accept(room.book)
    old = room.book.take(job.id, 0, "ghost", ["generate"])
    new = room.book.take(job.id, 0, "owner", ["generate"])
    assert old is not None
    assert new is not None
    with pytest.raises(Fenced):
        room.book.finish_stage(job.id, old.fence, "generate", "ghost", 0, lambda tx, job: {})
    with pytest.raises(Fenced):
        room.book.fail(job.id, "x", "y", fence=old.fence)
    assert not room.book.progress(job.id, old.fence, 50)
    finish = room.book.finish_stage
    finish(job.id, new.fence, "generate", "owner", 0, lambda tx, job: {"n": 1})
    again = finish(job.id, new.fence, "generate", "owner", 0, lambda tx, job: {"n": 2})
    assert again == ({"n": 1}, [])


def test_cancel_and_delete(room: Room) -> None:
    job = accept(room.book)
    with pytest.raises(NotFound):
        room.book.cancel("other", job.id)
    assert room.book.cancel("default", job.id).status == "failed"
    with pytest.raises(Conflict):
        room.book.cancel("default", job.id)
    room.book.delete("default", job.id, lambda job: Event(kind="clip.deleted"))
    with pytest.raises(NotFound):
        room.book.get("default", job.id)


def test_priorities_within_and_fairness_between_tenants(room: Room) -> None:
    """A greedy tenant with 30 jobs does not hold up one with 3; urgent jobs go first."""
    order: list[tuple[str, int]] = []
    whose: dict[str, tuple[str, int]] = {}
    lock = threading.Lock()

    class Noting(EmptyStages):
        def run(self, stage: str, work: Work) -> Result:
            if stage == "generate":
                with lock:
                    order.append(whose[work.id])
                time.sleep(0.02)
            return super().run(stage, work)

    greedy = [accept(room.book, tenant="greedy") for _ in range(30)]
    modest = [accept(room.book, tenant="modest", priority=p) for p in (50, 90, 10)]
    for job in (*greedy, *modest):
        whose[job.id] = (job.tenant, job.priority)
        room.jobs.hand_over(job)
    worker = WorkerProcess(room.jobs, line_of(Noting()), Metrics(), lambda url, body, headers: 200)
    worker.start()
    try:
        until(lambda: not room.book.open_counts(), "the end of all jobs")
    finally:
        worker.stop()
    places = [n for n, (tenant, _) in enumerate(order) if tenant == "modest"]
    assert [p for tenant, p in order if tenant == "modest"] == [10, 50, 90]
    assert places[-1] < 25, places


def test_a_restored_database_goes_on(room: Room, tmp_path: Path) -> None:
    """Back-up by SQLite's own means, keys folder copied, queue database lost: all goes on."""
    done = accept(room.book)
    room.run(done.id, EmptyStages())
    halfway = accept(room.book)
    room.runner(EmptyStages()).run(halfway.id, 0, Queue.GPU)
    assert room.book.get(None, halfway.id).stage == "output"
    restored = tmp_path / "restored"
    restored.mkdir()
    with (
        sqlite3.connect(room.settings.home / "guarded-gen.db") as source,
        sqlite3.connect(restored / "guarded-gen.db") as target,
    ):
        source.backup(target)
    shutil.copytree(room.settings.keys_folder, restored / "keys")
    other = Room(restored)
    ran: list[str] = []

    class Noting(EmptyStages):
        def run(self, stage: str, work: Work) -> Result:
            ran.append(stage)
            return super().run(stage, work)

    worker = WorkerProcess(other.jobs, line_of(Noting()), Metrics(), lambda url, body, headers: 200)
    worker.start()
    try:
        until(lambda: not other.book.open_counts(), "the end of all jobs")
    finally:
        worker.stop()
    assert ran == ["output", "encode", "sign", "publish"]
    assert other.book.get(None, halfway.id).status == "completed"
    assert other.book.get(None, done.id).status == "completed"
    assert other.log.verify().ok
    other.close()


def test_the_queue_keeps_the_order_within_a_second(room: Room) -> None:
    jobs = [accept(room.book) for _ in range(20)]
    for job in jobs:
        room.jobs.hand_over(job)
    found = room.jobs.queue.client.list_workflows()
    dated = {status.workflow_id.split(".")[0]: status.created_at for status in found}
    dates = [dated[job.id] for job in jobs]
    assert dates == sorted(dates)
    assert len(set(dates)) > 2, "dated to the second"


def endpoint(room: Room, id: str) -> None:
    with room.store.write() as session:
        session.add(
            WebhookEndpoint(
                id=id, tenant="default", name="t", url=f"https://{id}.example.org/",
                event_types=["video.completed"], secret="whsec_AAAA", old_secret=None,
                old_secret_until=None, created_at=0, updated_at=0,
            )
        )  # fmt: skip


def test_webhooks_are_retried_and_then_given_up(room: Room) -> None:
    clock = [now_ms()]
    answers: list[int | Exception] = [TimeoutError(), 302, 503]
    sent: list[str] = []

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        sent.append(headers["webhook-id"])
        answer = answers.pop(0) if answers else 500
        if isinstance(answer, Exception):
            raise answer
        return answer

    endpoint(room, "we_1")
    job = accept(room.book)
    room.run(job.id, EmptyStages())
    deliverer = Deliverer(room.store, post, lambda: clock[0])
    clock[0] = now_ms() + 1
    for _ in range(len(BACKOFF_S) + 3):
        deliverer.run_due()
        clock[0] += 24 * 3_600_000
    with room.store.read() as session:
        [delivery] = session.query(WebhookDelivery).all()
    assert delivery.state == "dead"
    assert len(sent) == len(BACKOFF_S) + 1
    assert len(set(sent)) == 1


def test_a_receiver_that_hangs_holds_up_no_other(room: Room) -> None:
    """Thirty deliveries to one that never answers are due before the one to another."""
    told = threading.Event()

    def post(url: str, body: bytes, headers: dict[str, str]) -> int:
        if "quiet" in url:
            told.set()
            return 200
        assert told.wait(PATIENCE_S)
        raise TimeoutError

    endpoint(room, "hung")
    endpoint(room, "quiet")
    now = now_ms()
    with room.store.write() as session:
        for number, to in enumerate(["hung"] * 30 + ["quiet"]):
            session.add(
                WebhookDelivery(
                    id=f"evt_{number}", endpoint=to, tenant="default", state="pending",
                    event_type="video.completed", payload="{}", attempts=0,
                    next_at=now - 1000 + number, created_at=now,
                )
            )  # fmt: skip
    outcomes = Deliverer(room.store, post, now_ms).run_due()
    assert outcomes["delivered"] == 1
    assert 0 < outcomes["retry"] < 30


def test_storage_keys_are_ours_only(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "s"))
    source = tmp_path / "x"
    source.write_bytes(b"abc" * 1000)
    storage.put("a/b.mp4", source)
    assert storage.size("a/b.mp4") == 3000
    assert b"".join(storage.chunks("a/b.mp4", 1, 4)) == b"bca"
    for key in ("../x", "/etc/passwd", "a/../../x", "a//b", ".hidden", "a/b\x00"):
        with pytest.raises(StorageFailed):
            storage.size(key)
    storage.remove("a/b.mp4")
    storage.remove("a/b.mp4")
    with pytest.raises(NotFound):
        storage.size("a/b.mp4")
    assert not (tmp_path / "s" / "a").exists()


def test_an_unwritable_store_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    storage = Storage(str(tmp_path / "file" / "below"))
    with pytest.raises(StorageFailed):
        storage.put("a/b", tmp_path / "file")
    with pytest.raises(StorageFailed):
        storage.check()
