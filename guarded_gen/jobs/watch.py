"""Who lives, who died, and what went lost.

Workers write a heartbeat every second. One process at a time (a lease in the database) looks for
workers that fell silent, puts their jobs back into the queue, starts a new round for jobs whose
execution is nowhere to be found, and removes what has expired. Database time decides, so clocks
of machines may differ.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Integer, cast, delete, func, insert, literal_column, select
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from guarded_gen.errors import StorageFailed
from guarded_gen.jobs.book import JobBook
from guarded_gen.jobs.engine import QueueClient
from guarded_gen.production.line import Queue
from guarded_gen.store import Store
from guarded_gen.store.tables.jobs import Big, Lease, Worker
from guarded_gen.telemetry import Metrics

_log = logging.getLogger(__name__)
BEAT_S = 1.0
TICK_S = 0.5
QUIET_S = 2.0
"""Pause of the watch, and of whoever delivers and keeps house, while nothing happens."""
LEASE_MS = 2_000
LOST_AFTER_MS = 3_000
"""A job handed over so long ago, of which the queue knows nothing, went lost."""
_PAGE = 200
_RECONCILE_EVERY_S = 2.0
_TIDY_EVERY_S = 30.0


def database_now(session: Session) -> ColumnElement[int]:
    """Milliseconds since 1970 by the database's clock."""
    if session.get_bind().dialect.name == "sqlite":
        return cast(literal_column("(julianday('now') - 2440587.5) * 86400000"), Integer)
    return cast(func.extract("epoch", func.clock_timestamp()) * 1000, Big)


class Heart:
    """Keeps this worker's row fresh in a thread of its own."""

    def __init__(self, store: Store, id: str, queues: Sequence[Queue]) -> None:
        self._store = store
        self.id = id
        self._queues = ",".join(queue.value for queue in queues)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def start(self) -> None:
        self.beat()
        self._thread.start()

    def beat(self) -> None:
        """Write one heartbeat; a row that was taken away (we were thought dead) comes back."""
        with self._store.write() as session:
            now = database_now(session)
            result = session.execute(
                sql_update(Worker).where(Worker.id == self.id).values(heartbeat_at=now)
            )
            if result.rowcount == 0:  # type: ignore[attr-defined]
                session.execute(
                    insert(Worker).values(
                        id=self.id,
                        host=socket.gethostname()[:200],
                        pid=os.getpid(),
                        queues=self._queues,
                        started_at=now,
                        heartbeat_at=now,
                    )
                )

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_S):
            try:
                self.beat()
            except StorageFailed as error:
                _log.warning("no heartbeat: %s", error, extra={"event": "no_heartbeat"})

    def stop(self) -> None:
        """Leave: what this worker still holds is free for others at once."""
        self._stopped.set()
        self._thread.join(timeout=5)
        with self._store.write() as session:
            session.execute(delete(Worker).where(Worker.id == self.id))


class Watchman:
    """Runs the watch in a thread; of all processes only the holder of the lease acts."""

    def __init__(
        self,
        book: JobBook,
        queue: QueueClient,
        metrics: Metrics,
        id: str,
        dead_after_s: float,
        tidy: Callable[[], None],
        pause: Callable[[], float] = lambda: TICK_S,
    ) -> None:
        self._pause = pause
        self._book = book
        self._store = book.store
        self._queue = queue
        self._metrics = metrics
        self._id = id
        self._dead_ms = int(1000 * dead_after_s)
        self._tidy = tidy
        self._cursor = ""
        self._next_reconcile = 0.0
        self._next_tidy = time.monotonic() + _TIDY_EVERY_S
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchman", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)

    def _watch(self) -> None:
        while not self._stopped.wait(self._pause()):
            try:
                self.tick()
            except Exception:  # noqa: BLE001 - the watch goes on whatever a database does
                _log.exception("the watch stumbled", extra={"event": "watch_failed"})

    def tick(self) -> None:
        """One look around; does nothing while another process holds the lease."""
        if not self.lease("watch"):
            return
        self.release_orphans()
        now = time.monotonic()
        if now >= self._next_reconcile:
            self._next_reconcile = now + _RECONCILE_EVERY_S
            self.reconcile()
        if now >= self._next_tidy:
            self._next_tidy = now + _TIDY_EVERY_S
            self._tidy()

    def lease(self, name: str) -> bool:
        """Take or keep a lease for two seconds; False while somebody else has it."""
        try:
            with self._store.write() as session:
                now = database_now(session)
                held = session.execute(
                    sql_update(Lease)
                    .where(
                        Lease.name == name,
                        (Lease.holder == self._id) | (Lease.expires_at < now),
                    )
                    .values(holder=self._id, expires_at=now + LEASE_MS)
                )
                if held.rowcount:  # type: ignore[attr-defined]
                    return True
                if session.get(Lease, name) is not None:
                    return False
                session.execute(
                    insert(Lease).values(name=name, holder=self._id, expires_at=now + LEASE_MS)
                )
                return True
        except IntegrityError:
            return False

    def living(self) -> set[str]:
        """Ids of workers with a fresh heartbeat; the rows of the others go away."""
        with self._store.write() as session:
            limit = database_now(session) - self._dead_ms
            session.execute(delete(Worker).where(Worker.heartbeat_at < limit))
            return set(session.scalars(select(Worker.id)))

    def release_orphans(self) -> int:
        """Put jobs of dead workers back into their queues."""
        living = self.living()
        self._metrics.workers.set(len(living))
        released = self._queue.release(living)
        if released:
            self._metrics.takeovers.inc(released)
            _log.warning("took over", extra={"event": "takeover", "jobs": released})
        return released

    def reconcile(self) -> int:
        """Start a new round for open jobs that no queue knows; returns how many."""
        with self._store.read() as session:
            before = int(session.scalar(select(database_now(session))) or 0) - LOST_AFTER_MS
        page = self._book.open_jobs(before, self._cursor, _PAGE)
        self._cursor = page[-1].id if len(page) == _PAGE else ""
        alive = self._queue.alive(page)
        count = 0
        for job in page:
            if job.id in alive:
                continue
            fresh = self._book.requeue(job.id, job.round)
            if fresh is not None:
                self._queue.hand_over(fresh, self._book.plan.queue_of(fresh.stage))
                count += 1
        if count:
            _log.warning("jobs found again", extra={"event": "requeued", "jobs": count})
        return count
