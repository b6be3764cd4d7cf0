"""Group commit on SQLite: one writer thread, one transaction for everybody who waits.

Callers hand in work; while one transaction waits for the disk, the next one's work gathers. Each
work with a session runs inside a savepoint of its own, so that its failure is its own. Nobody is
told "done" before the commit that holds his entries, their tiles and the signed checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from guarded_gen.audit.errors import LogClosed, StorageFailed
from guarded_gen.audit.event import EntryDraft, Event
from guarded_gen.audit.integrate import BATCH, Integrator, NewRow, insert_many
from guarded_gen.audit.policies import PolicyKeeper
from guarded_gen.audit.transaction import Transaction
from guarded_gen.store.engine import Store, storage_failed

Work = Callable[[Transaction], Any]
_KEYS_PER_QUERY = 500
GATHER_SHARE = 0.5
"""The writer waits at most this share of its last commit for callers to come back together: a
flush of the disk costs the same for one entry as for five hundred."""
GATHER_SECONDS = 0.004
"""And never longer than this."""
GATHER_ENOUGH = 256
"""Nor for more than so many: while they are written, the other callers prepare the next batch."""
SWITCH_SECONDS = 0.0005
"""Python's switch interval while a log is written to. The writer gives up the interpreter lock in
every statement; with the default of 5 ms a busy event loop would keep it waiting that long each
time."""
BACKFILL_BYTES = 8 * 2**20
"""After so many bytes of entries the write-ahead log is copied back, beside the writing."""
WAL_PAGES = 8_000
"""The writer copies back what is left itself when the log has so many pages (64 MiB)."""


class PendingWrite:
    """One caller's work on its way through the writer."""

    __slots__ = ("alone", "context", "drafts", "error", "future", "loop", "ready", "result", "work")

    def __init__(
        self, work: Work | None, drafts: Sequence[EntryDraft], alone: bool = False
    ) -> None:
        self.work = work
        self.drafts = drafts
        self.alone = alone
        self.context = contextvars.copy_context() if work else None
        self.result: Any = None
        self.error: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: asyncio.Future[Any] | None = None
        self.ready: threading.Event | None = None


class GroupWriter:
    """Owns the writing connection. Closing waits for what was accepted."""

    def __init__(
        self,
        store: Store,
        integrator: Integrator,
        prepare: Callable[[Event], EntryDraft],
        clock_note: Callable[[int], EntryDraft | None],
        policies: PolicyKeeper,
    ) -> None:
        self._store = store
        self._integrator = integrator
        self._prepare = prepare
        self._clock_note = clock_note
        self._policies = policies
        self._queue: deque[PendingWrite] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._wanted = 1  # so many jobs wake the writer
        self._recent = 1
        self._took = 0.0
        self.batches = 0

    def run(self, job: PendingWrite) -> Any:
        """Hand in and wait; gives the work's result or raises its error."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("work must not write to the log again; use its transaction")
        job.ready = threading.Event()
        self._submit(job)
        job.ready.wait()
        if job.error is not None:
            raise job.error
        return job.result

    async def run_async(self, job: PendingWrite) -> Any:
        """The same without blocking the event loop."""
        job.loop = asyncio.get_running_loop()
        job.future = job.loop.create_future()
        self._submit(job)
        return await job.future

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _submit(self, job: PendingWrite) -> None:
        with self._wake:
            if self._closed:
                raise LogClosed("the audit log was closed")
            self._queue.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="audit-writer", daemon=True)
                self._thread.start()
            if len(self._queue) >= self._wanted:
                self._wake.notify()

    def _take(self) -> list[PendingWrite]:
        """The jobs of the next transaction; empty when closed and done."""
        with self._wake:
            self._wanted = 1
            while not self._queue and not self._closed:
                self._wake.wait()
            self._gather()
            jobs: list[PendingWrite] = []
            while self._queue and len(jobs) < BATCH:
                if self._queue[0].alone and jobs:
                    break
                jobs.append(self._queue.popleft())
                if jobs[-1].alone:
                    break
            return jobs

    def _gather(self) -> None:
        """Wait a little for the callers of the last transaction to hand in their next work."""
        self._wanted = min(self._recent, GATHER_ENOUGH)
        patience = min(self._took * GATHER_SHARE, GATHER_SECONDS)
        end = time.monotonic() + patience
        while len(self._queue) < self._wanted and not self._closed:
            left = end - time.monotonic()
            if left <= 0 or not self._wake.wait(left):
                break

    def _loop(self) -> None:
        connection: Connection | None = None
        sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_SECONDS))
        backfill = Backfill(self._store)
        while jobs := self._take():
            try:
                if connection is None:
                    connection = self._store.connect()
                    with connection.begin():
                        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
                started = time.monotonic()
                backfill.wrote(self._commit(connection, jobs))
                self._took = time.monotonic() - started
                self._recent = len(jobs)
                self.batches += 1
            except Exception as error:  # noqa: BLE001 - every waiting caller must hear of it
                self._integrator.reset()
                failure = storage_failed(error) if isinstance(error, DBAPIError) else error
                for job in jobs:
                    job.error = job.error or failure
                if connection is not None:
                    connection.invalidate()
                    connection.close()
                    connection = None
            _answer(jobs)
        backfill.close()
        if connection is not None:
            connection.close()

    def _commit(self, connection: Connection, jobs: list[PendingWrite]) -> int:
        """One transaction for all of these; gives the bytes of its entries."""
        with connection.begin():
            self._integrator.sync(connection)
            drafts: list[EntryDraft] = []
            note = self._clock_note(self._integrator.last_time)
            if note is not None:
                drafts.append(note)
            for job in jobs:
                if job.work is None:
                    drafts.extend(job.drafts)
                else:
                    drafts.extend(self._work(connection, job))
            if drafts:
                self._policies.keep(connection, drafts)
                self._integrator.append(connection, self._seal(connection, drafts))
        return sum(len(draft.data) for draft in drafts)

    def _work(self, connection: Connection, job: PendingWrite) -> Sequence[EntryDraft]:
        """Run one job in a savepoint; its error stays with it."""

        def open_session() -> Session:
            return Session(
                connection, join_transaction_mode="create_savepoint", expire_on_commit=False
            )

        transaction = Transaction(self._prepare, open_session)
        assert job.work is not None and job.context is not None
        try:
            job.result = job.context.run(job.work, transaction)
            if transaction.opened is not None:
                transaction.opened.commit()
        except Exception as error:
            job.error = storage_failed(error) if isinstance(error, OperationalError) else error
            if transaction.opened is not None:
                transaction.opened.rollback()
            driver: Any = connection.connection.driver_connection
            if not driver.in_transaction:  # SQLite gave up the whole transaction (full disk)
                raise StorageFailed("the database rolled back", "check the free space") from error
            return ()
        finally:
            if transaction.opened is not None:
                transaction.opened.close()
        return transaction.drafts

    def _seal(self, connection: Connection, drafts: Sequence[EntryDraft]) -> list[NewRow]:
        sealer = self._integrator.sealer
        wanted = {d.secret.subject for d in drafts if d.secret is not None}
        missing = sorted(s for s in wanted if not sealer.known(s))
        for at in range(0, len(missing), _KEYS_PER_QUERY):
            part = missing[at : at + _KEYS_PER_QUERY]
            marks = ", ".join("?" * len(part))
            found = connection.exec_driver_sql(
                f"SELECT subject, wrapped FROM audit_subject_key WHERE subject IN ({marks})",  # noqa: S608
                tuple(part),
            )
            for subject, wrapped in found:
                sealer.learn(subject, wrapped)
        new = [(s, sealer.new_key(s)) for s in missing if not sealer.known(s)]
        if new:
            insert_many(connection, "audit_subject_key", ("subject", "wrapped"), new)
        rows = []
        for d in drafts:
            s = d.secret
            if s is None:
                rows.append(NewRow(d))
            else:
                sealed = sealer.seal(s.subject, d.id, s.salt, s.payload)
                rows.append(NewRow(d, sealed, s.subject))
        return rows


class Backfill:
    """Copies the write-ahead log back into the database in a thread of its own.

    The writer would do so itself within a commit, and everybody would wait for it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bytes = 0
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def wrote(self, size: int) -> None:
        self._bytes += size
        if self._bytes >= BACKFILL_BYTES:
            self._bytes = 0
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._loop, name="audit-backfill", daemon=True
                )
                self._thread.start()
            self._wake.set()

    def _loop(self) -> None:
        pooled = self._store.engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            while True:
                self._wake.wait()
                self._wake.clear()
                if self._closed:
                    return
                with contextlib.suppress(sqlite3.Error):  # a full disk: the writer will tell
                    driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            pooled.close()

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()


def _answer(jobs: Sequence[PendingWrite]) -> None:
    """Wake every caller; each event loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[PendingWrite]] = {}
    for job in jobs:
        if job.ready is not None:
            job.ready.set()
        elif job.loop is not None:
            loops.setdefault(job.loop, []).append(job)
    for loop, waiting in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, waiting)
        except RuntimeError:  # the loop was closed: nobody waits any more
            continue


def _resolve(jobs: Sequence[PendingWrite]) -> None:
    for job in jobs:
        future = job.future
        if future is None or future.done():
            continue
        if job.error is not None:
            future.set_exception(job.error)
        else:
            future.set_result(job.result)
