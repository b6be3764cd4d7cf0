"""The jobs room put together: what API and console use, and what a worker process runs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property

from sqlalchemy import delete, select

from guarded_gen.errors import StorageFailed
from guarded_gen.jobs.book import PREVIEW, JobBook, Log
from guarded_gen.jobs.engine import Engine, QueueClient, worker_id
from guarded_gen.jobs.retention import SWEEP_EVERY_S, Drafts
from guarded_gen.jobs.runner import Runner
from guarded_gen.jobs.watch import QUIET_S, TICK_S, Heart, Watchman
from guarded_gen.jobs.webhooks import Deliverer, Post
from guarded_gen.production.line import Line, Plan, Queue
from guarded_gen.production.rows import now_ms
from guarded_gen.settings import Settings
from guarded_gen.store import Store
from guarded_gen.store.objects import Storage
from guarded_gen.store.tables.jobs import Idempotency, Job, RateBucket
from guarded_gen.store.tables.review import RefusedLook, RefusedSketch, Strike
from guarded_gen.telemetry import Metrics

_log = logging.getLogger(__name__)


class Jobs:
    """The side of API and console: the book, the storage and the way into the queue."""

    def __init__(
        self, settings: Settings, store: Store, log: Log, plan: Plan | None = None
    ) -> None:
        self.settings = settings
        self.store = store
        lifetime_s = settings.jobs.clip_days * 86_400
        self.book = JobBook(store, log, plan or Plan(), lifetime_s, settings.jobs.open_per_tenant)
        self.storage = Storage(
            settings.storage_url or str(settings.media_folder), settings.storage_options
        )

    @cached_property
    def queue(self) -> QueueClient:
        return QueueClient(self.settings)

    def hand_over(self, job: Job) -> None:
        """Into the queue. When that fails, the watch hands the job over a few seconds later."""
        try:
            self.queue.hand_over(job, self.book.plan.queue_of(job.stage))
        except Exception:  # noqa: BLE001
            # the job is in the book, so it is accepted whatever the queue says now
            _log.exception("not handed over", extra={"event": "hand_over_failed"})

    def close(self) -> None:
        if "queue" in self.__dict__:
            self.queue.close()


class WorkerProcess:
    """Executes jobs, watches over others, delivers webhooks: one a process."""

    def __init__(
        self,
        jobs: Jobs,
        line: Line,
        metrics: Metrics,
        post: Post,
        queues: Sequence[Queue] = (Queue.GPU, Queue.CPU),
    ) -> None:
        settings = jobs.settings
        self.id = worker_id()
        self._jobs = jobs
        self._metrics = metrics
        self._settings = settings
        runner = Runner(
            jobs.book,
            line,
            metrics,
            self.id,
            timeout_s=settings.jobs.timeout_s,
            max_tries=settings.jobs.max_tries,
        )
        self._engine = Engine(settings, runner.run, queues, self.id)
        self._heart = Heart(jobs.store, self.id, queues)
        self._watchman = Watchman(
            jobs.book,
            jobs.queue,
            metrics,
            self.id,
            settings.jobs.dead_after_s,
            self.tidy,
            self._pause,
        )
        self._deliverer = Deliverer(jobs.store, post, now_ms)
        self._drafts = Drafts(
            jobs.store, settings.work_folder, settings.jobs.draft_days, line.discard, now_ms
        )
        self._next_sweep = time.monotonic()
        self._stopped = threading.Event()
        self._helpers = [
            threading.Thread(target=self._regularly, args=(work,), name=name, daemon=True)
            for name, work in (("messenger", self._deliver), ("housekeeper", self._keep_house))
        ]
        self.chores: list[Callable[[], None]] = []

    def start(self) -> None:
        _ = self._jobs.queue.client  # makes the queue's tables before the engine looks at them
        self._heart.start()
        self._engine.start()
        self._watchman.start()
        for helper in self._helpers:
            helper.start()
        _log.info("worker started", extra={"event": "worker_started", "worker": self.id})

    def stop(self) -> None:
        """Drain: no new work, running stages get ``jobs.drain_s``, the rest goes to others."""
        self._watchman.stop()
        self._stopped.set()
        self._engine.stop(self._settings.jobs.drain_s)
        for helper in self._helpers:
            helper.join(timeout=10)
        self._heart.stop()
        _log.info("worker stopped", extra={"event": "worker_stopped", "worker": self.id})

    def _pause(self) -> float:
        return TICK_S if self._engine.bell.busy() else QUIET_S

    def _do_chores(self) -> None:
        """Each in turn; one that fails holds up none of the others."""
        for chore in self.chores:
            try:
                chore()
            except Exception:  # noqa: BLE001 - the next round tries it again
                _log.exception("a chore failed", extra={"event": "chore_failed"})

    def _deliver(self) -> None:
        for outcome, count in self._deliverer.run_due().items():
            if count:
                self._metrics.webhooks.labels(outcome).inc(count)

    def _keep_house(self) -> None:
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_EVERY_S
            self._drafts.sweep()
        if self.chores and self._watchman.lease("chores"):
            self._do_chores()

    def _regularly(self, work: Callable[[], None]) -> None:
        while not self._stopped.wait(self._pause()):
            try:
                work()
            except Exception:  # noqa: BLE001 - the next round may find the database back
                name = threading.current_thread().name
                _log.exception("%s stumbled", name, extra={"event": f"{name}_failed"})

    def tidy(self) -> None:
        """Remove what has expired: clips, replayable answers, strikes, the queue's memory."""
        now = now_ms()
        with self._jobs.store.read() as session:
            expired = session.scalars(
                select(Job).where(Job.expires_at < now, Job.assets.is_not(None)).limit(100)
            ).all()
        for job in expired:
            remove_assets(self._jobs, job)
        keep_ms = int(self._settings.api.idempotency_hours * 3_600_000)
        with self._jobs.store.write() as session:
            session.execute(delete(Idempotency).where(Idempotency.created_at < now - keep_ms))
            old = now - int(self._settings.review.strike_days * 86_400_000)
            session.execute(delete(Strike).where(Strike.at < old))
            session.execute(delete(RefusedSketch).where(RefusedSketch.at < old))
            session.execute(delete(RefusedLook).where(RefusedLook.at < old))
            session.execute(delete(RateBucket).where(RateBucket.at < now / 1000 - 86_400))
        self._jobs.queue.forget(now - 86_400_000)


def remove_assets(jobs: Jobs, job: Job) -> None:
    """Remove what a job published; the row remembers that it had been there."""
    shown = [job.details[PREVIEW]] if PREVIEW in job.details else []
    for asset in (*(job.assets or {}).values(), *shown):
        try:
            jobs.storage.remove(asset["key"])
        except StorageFailed:
            _log.warning("not removed", extra={"event": "asset_left", "job": job.id})
            return
    with jobs.store.write() as session:
        row = session.get(Job, job.id)
        if row is not None:
            row.assets, row.bytes = None, 0


def wait_until(condition: Callable[[], bool], timeout_s: float, every_s: float = 0.05) -> bool:
    """Poll ``condition``; False when the time is up."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(every_s)
    return condition()
