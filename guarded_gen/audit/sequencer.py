"""The sequencer on PostgreSQL: a transactional outbox, integrated under an advisory lock.

A caller's transaction puts its entries into ``audit_outbox``; many commit side by side. One
process at a time holds the advisory lock, moves what is committed from the outbox into the tree
and signs. A caller waits for the end of a round that began after his commit, and sees that his
entries are in the tree, whoever put them there: his own commit need not have been flushed, so a
database that crashed in between has lost them. A dead process's entries go along with the next
round of any other.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from guarded_gen.audit.errors import LogClosed, StorageFailed
from guarded_gen.audit.event import EntryDraft, Event, LogEntry, tags_of
from guarded_gen.audit.ids import time_of
from guarded_gen.audit.integrate import BATCH, Integrator, NewRow
from guarded_gen.audit.sealing import Sealer
from guarded_gen.store.engine import Store, storage_failed
from guarded_gen.store.tables.audit import AuditEntry

T = TypeVar("T")

ADVISORY_LOCK = 0x6767_6175
"""Held by whoever integrates."""
WRITERS_LOCK = 0x6767_6177
"""Shared by every transaction that puts entries into the outbox, until its commit; an erasure
takes it alone, so that no payload is on its way that it has not seen."""
IDLE_SECONDS = 2.0
"""How often an idle process looks for entries that a dead one left."""
PATIENCE_SECONDS = 30.0
"""How long a caller waits for a database that went away before he is told."""

REMEMBERED = 4 * BATCH
"""Ids of entries that this process integrated; of others a caller asks the database."""

_TAKE = text(
    "DELETE FROM audit_outbox WHERE seq IN (SELECT seq FROM audit_outbox ORDER BY seq LIMIT :n)"
    " RETURNING seq, id, data, payload_subject, sealed"
)


class Sequencer:
    """Runs rounds in a thread of its own as long as the log is open."""

    def __init__(
        self, store: Store, integrator: Integrator, clock_note: Callable[[int], EntryDraft | None]
    ) -> None:
        self._store = store
        self._integrator = integrator
        self._clock_note = clock_note
        self._wake = threading.Condition()
        self._asked = 0
        self._done = 0
        self._error: StorageFailed | None = None
        self._closed = False
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._thread: threading.Thread | None = None
        self.batches = 0

    def start(self) -> None:
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._loop, name="audit-sequencer", daemon=True
                )
                self._thread.start()

    def wait(self, entry: str) -> None:
        """Return when everything committed before this call is integrated and signed; ``entry`` is
        one that this call's transaction put into the outbox.

        Raises :class:`StorageFailed` when that did not succeed in time; the entries are
        committed and will be integrated by the next round that succeeds. Raises it too when the
        database crashed before it had flushed the transaction: then nothing of it is left.
        """
        self.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._wake:
            self._asked += 1
            mine = self._asked
            self._wake.notify_all()
            while self._done < mine:
                if self._closed:
                    raise LogClosed("the audit log was closed; the entries are committed")
                if not self._wake.wait(timeout=max(0.0, deadline - time.monotonic())):
                    raise self._error or StorageFailed(
                        "the entries were committed, but are not in the signed tree yet",
                        "see that the database is reachable, and look before repeating the call",
                    )
            ours = entry in self._seen
            self._seen.pop(entry, None)
        if not ours and not self._in_tree(entry):  # another process may have put it there
            raise StorageFailed(
                "the database was restarted and has lost this transaction",
                "repeat the call: nothing of it was kept",
            )

    def _in_tree(self, entry: str) -> bool:
        query = select(AuditEntry.idx).where(
            AuditEntry.time == time_of(entry), AuditEntry.id == entry
        )
        with self._store.read() as session:
            return session.scalar(query) is not None

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _loop(self) -> None:
        connection: Connection | None = None
        while True:
            with self._wake:
                if self._asked == self._done and not self._closed:
                    self._wake.wait(timeout=IDLE_SECONDS)
                if self._closed and self._asked == self._done:
                    break
                goal = self._asked
            try:
                if connection is None:
                    connection = self._store.connect()
                found = self.round(connection)
                fresh = dict.fromkeys(found)
                while len(found) == BATCH:
                    found = self.round(connection)
                    fresh |= dict.fromkeys(found)
            except Exception as error:  # noqa: BLE001 - waiting callers must hear of it
                self._integrator.reset()
                self._error = (
                    storage_failed(error)
                    if isinstance(error, DBAPIError)
                    else StorageFailed(f"the sequencer failed: {error}")
                )
                if connection is not None:
                    connection.invalidate()
                    connection.close()
                    connection = None
                if self._closed:
                    break
                time.sleep(0.2)
                continue
            with self._wake:
                self._done = goal
                self._seen.update(fresh)
                while len(self._seen) > REMEMBERED:
                    self._seen.popitem(last=False)
                self._error = None
                self._wake.notify_all()
        if connection is not None:
            connection.close()

    def round(self, connection: Connection) -> list[str]:
        """Integrate what is committed, at most one batch; gives the ids of these entries."""
        with connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            return self.integrate_pending(connection, self._integrator)

    def alone(
        self,
        work: Callable[[Connection, Callable[[Event], str]], T],
        prepare: Callable[[Event], EntryDraft],
    ) -> T:
        """Run ``work`` under the lock, after everything that is committed was integrated."""
        integrator = self._integrator.twin()
        drafts: list[EntryDraft] = []

        def append(event: Event) -> str:
            drafts.append(prepare(event))
            return drafts[-1].id

        with self._store.write() as session:
            connection = session.connection()
            for key in (WRITERS_LOCK, ADVISORY_LOCK):
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
            while len(self.integrate_pending(connection, integrator)) == BATCH:
                pass
            integrator.sync(connection)
            result = work(connection, append)
            if drafts:
                integrator.append(connection, [NewRow(draft) for draft in drafts])
        return result

    def integrate_pending(self, connection: Connection, integrator: Integrator) -> list[str]:
        """The same inside a transaction that already holds the lock."""
        found = sorted(connection.execute(_TAKE, {"n": BATCH}).all())
        if not found:
            return []
        integrator.sync(connection)
        rows = []
        note = self._clock_note(integrator.last_time)
        if note is not None:
            rows.append(NewRow(note))
        for _, id, data, payload_subject, sealed in found:
            entry = LogEntry.parse(0, bytes(data))
            draft = EntryDraft(
                id,
                entry.time,
                entry.kind,
                entry.tenant,
                entry.subject,
                entry.action,
                bytes(data),
                tags_of(entry.kind, entry.actor, entry.decision),
            )
            rows.append(NewRow(draft, None if sealed is None else bytes(sealed), payload_subject))
        integrator.append(connection, rows)
        self.batches += 1
        return [str(row.id) for row in found]


def put(session: Session, drafts: Sequence[EntryDraft], seal_key: bytes) -> None:
    """Seal the drafts and put them into the outbox of the caller's transaction."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": WRITERS_LOCK})
    sealer = Sealer(seal_key)
    subjects = sorted({d.secret.subject for d in drafts if d.secret is not None})
    for subject in subjects:
        sealer.learn(subject, _stored_key(session, sealer, subject))
    session.execute(
        text(
            "INSERT INTO audit_outbox (id, data, payload_subject, sealed)"
            " VALUES (:id, :data, :subject, :sealed)"
        ),
        [
            {
                "id": d.id,
                "data": d.data,
                "subject": d.secret.subject if d.secret else None,
                "sealed": sealer.seal(d.secret.subject, d.id, d.secret.salt, d.secret.payload)
                if d.secret
                else None,
            }
            for d in drafts
        ],
    )


def _stored_key(session: Session, sealer: Sealer, subject: str) -> bytes:
    """The subject's wrapped key, made when missing."""
    while True:
        found = session.execute(
            text("SELECT wrapped FROM audit_subject_key WHERE subject = :s"),
            {"s": subject},
        ).scalar_one_or_none()
        if found is not None:
            return bytes(found)
        session.execute(
            text(
                "INSERT INTO audit_subject_key (subject, wrapped) VALUES (:s, :w)"
                " ON CONFLICT DO NOTHING"
            ),
            {"s": subject, "w": sealer.new_key(subject)},
        )
