"""The audit log: what the rest of the product writes to and reads from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text

from guarded_gen.audit.erasure import erase_again
from guarded_gen.audit.errors import (
    VERIFY_LOG,
    BadNote,
    BadProof,
    LogCorrupt,
    LogRolledBack,
    PayloadErased,
)
from guarded_gen.audit.event import EntryDraft, Event, LogEntry, draft
from guarded_gen.audit.findings import LogProblem, VerifyReport
from guarded_gen.audit.group import GroupWriter, PendingWrite
from guarded_gen.audit.high_water import HighWater
from guarded_gen.audit.ids import Ids, iso, now_ms, time_of
from guarded_gen.audit.integrate import Integrator, Snapshot, read_snapshot, read_tree
from guarded_gen.audit.keys import LogKeyRing, LogKeys, load_keys
from guarded_gen.audit.merkle import leaf_hash
from guarded_gen.audit.note import Checkpoint, open_note, parse_note
from guarded_gen.audit.payload_search import search_anywhere, search_words, wanted_words
from guarded_gen.audit.policies import PolicyKeeper
from guarded_gen.audit.proof import Prover, TlogProof, verify_inclusion
from guarded_gen.audit.reading import CheckedReader
from guarded_gen.audit.repair import rebuild_tiles
from guarded_gen.audit.sealing import Sealer
from guarded_gen.audit.search import Query, search
from guarded_gen.audit.sequencer import Sequencer, put
from guarded_gen.audit.storage_types import as_bytes
from guarded_gen.audit.tiles import newest_cosigned, tile_reader
from guarded_gen.audit.transaction import Transaction
from guarded_gen.audit.verify import verify
from guarded_gen.audit.witness_policy import WitnessPolicy
from guarded_gen.audit.words import SEARCHED, Progress, bring_up_to_date
from guarded_gen.errors import ConfigInvalid, GuardedGenError, InvalidInput, NotFound
from guarded_gen.store.engine import Store

T = TypeVar("T")

_BY_INDEX = text("SELECT idx, data FROM audit_entry WHERE idx = :idx")
_BY_ID = text("SELECT idx, data FROM audit_entry WHERE time = :time AND id = :id")
"""An id carries its entry's time, so the index over time finds it."""

CLOCK_TOLERANCE_MS = 1_000
"""The clock may be this much behind the newest checkpoint before the log says so."""


class AuditLog:
    """One transparency log in one store. Any number of threads may use it.

    ``write`` gives a promise: when it returns, the caller's state change and his entries are on
    the disk, the entries are in the Merkle tree, and the checkpoint over them is signed. When it
    raises, none of this happened (on PostgreSQL with the one exception that
    :meth:`Sequencer.wait` describes).
    """

    def __init__(
        self,
        store: Store,
        keys: LogKeys,
        keys_folder: Path | None = None,
        high_water: HighWater | None = None,
        *,
        rolled_back: bool = False,
        witness_policy: WitnessPolicy | None = None,
    ) -> None:
        self.store = store
        self.witness_policy = witness_policy
        """What counts as cosigned; None: one witness is enough."""
        self.high_water = high_water
        self._rolled_back = rolled_back
        self.ring = LogKeyRing(keys, keys_folder)
        """With ``keys_folder``, a rotation of the log's key there is followed at once."""
        self.policies = PolicyKeeper()
        self._ids = Ids()
        integrator = Integrator(store.dialect, self.ring, Sealer(keys.seal))
        self._integrator = integrator
        self._group: GroupWriter | None = None
        self._sequencer: Sequencer | None = None
        if store.dialect == "sqlite":
            self._group = GroupWriter(
                store, integrator, self._draft, self._clock_note, self.policies
            )
        else:
            self._sequencer = Sequencer(store, integrator, self._clock_note)
        self._prepare_tree()

    @classmethod
    def open(
        cls,
        store: Store,
        keys_folder: Path,
        origin: str = "",
        high_water_folder: Path | None = None,
        *,
        rolled_back: bool = False,
        witness_policy: WitnessPolicy | None = None,
    ) -> AuditLog:
        """Open the log of a store, making its keys and its tree on first use.

        ``origin`` names the log in its checkpoints; empty: the name that it has, or one made
        from its key. Raises :class:`~guarded_gen.audit.errors.KeyMissing` when the store has a
        log and the keys folder lacks its keys.

        ``high_water_folder``: where the newest checkpoint is kept outside the database. Raises
        :class:`~guarded_gen.audit.errors.LogRolledBack` when the database is older than that,
        unless ``rolled_back`` (for the commands that look into it). Erasures that are noted there
        and that the database does not know of are done again first.
        """
        high_water = None if high_water_folder is None else HighWater(high_water_folder)
        with store.read() as session:
            exists = read_tree(session.connection()) is not None
        keys = load_keys(keys_folder, origin, create=not exists)
        if high_water is not None and not rolled_back:
            with store.read() as session:
                problem = high_water.problem(session.connection(), keys)
            if problem is not None:
                raise LogRolledBack(
                    f"{problem.where}: {problem.message}",
                    "look with: guarded-gen audit verify; after a restore that was meant:"
                    " guarded-gen audit accept-rollback --reason …",
                )
        log = cls(
            store,
            keys,
            keys_folder,
            high_water,
            rolled_back=rolled_back,
            witness_policy=witness_policy,
        )
        if not rolled_back:
            erase_again(log, "log")
        return log

    @property
    def keys(self) -> LogKeys:
        """The keys that sign and seal now."""
        return self.ring.keys

    # --- writing -------------------------------------------------------------------------

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in one transaction and return its result once all of it is durable.

        On SQLite the work runs in the writer's thread, which everybody shares: it must be short
        and must not wait for another write. Its error is raised here and undoes only its own
        changes. Raises :class:`StorageFailed` when the database refuses, :class:`LogCorrupt`
        when the tree's state is damaged.
        """
        if self._group is not None:
            result: T = self._group.run(PendingWrite(work, ()))
            return result
        sequencer = self._sequencer
        assert sequencer is not None
        with self.store.write() as session:
            transaction = Transaction(self._draft, lambda: session)
            result = work(transaction)
            session.flush()
            if transaction.drafts:
                self.policies.keep(session.connection(), transaction.drafts)
                put(session, transaction.drafts, self.keys.seal)
                # The write-ahead log is flushed in order: the sequencer's commit, for which this
                # call waits, makes this one durable too. One flush instead of two; a crash before
                # it loses this transaction, and the sequencer says so.
                session.execute(text("SET LOCAL synchronous_commit = off"))
        if transaction.drafts:
            sequencer.wait(transaction.drafts[-1].id)
        return result

    def append(self, event: Event) -> str:
        """Put one event on record without any other state; gives its entry's id."""
        if self._group is None:
            return self.write(lambda transaction: transaction.append(event))
        d = self._draft(event)
        self._group.run(PendingWrite(None, (d,)))
        return d.id

    async def append_async(self, event: Event) -> str:
        """:meth:`append` for event loops."""
        if self._group is None:
            return await asyncio.to_thread(self.append, event)
        d = self._draft(event)
        await self._group.run_async(PendingWrite(None, (d,)))
        return d.id

    def alone(self, work: Callable[[Connection, Callable[[Event], str]], T]) -> T:
        """Run ``work`` with nobody else's entries in its transaction, and none waiting before it.

        For erasures and pruning, which must not miss a payload that is on its way.
        """
        if self._group is not None:

            def run(transaction: Transaction) -> T:
                connection = transaction.session.connection()
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
                return work(connection, transaction.append)

            result: T = self._group.run(PendingWrite(run, (), alone=True))
            return result
        assert self._sequencer is not None
        return self._sequencer.alone(work, self._draft)

    def raise_high_water(self) -> None:
        """Keep the newest checkpoint outside the database, where such a place was given."""
        if self.high_water is not None:
            self.high_water.raise_to(self.snapshot(), self.ring.fresh())

    def accept_rollback(self, actor: str, reason: str) -> str:
        """Put on record that the database is an older state on purpose; gives the entry's id."""
        if not reason.strip():
            raise InvalidInput("accepting a rollback needs a reason", "say why; it goes on record")
        if self.high_water is None:
            raise InvalidInput("this log keeps no high-water mark", "nothing is to be accepted")
        with self.reading() as connection:
            problem = self.high_water.problem(connection, self.ring.fresh())
        if problem is None:
            raise InvalidInput("the log was not rolled back", "nothing is to be accepted")
        body = {"reason": reason, "found": problem.message}
        entry = self.append(Event("log.rolled_back", "-", actor=actor, body=body))
        self.high_water.raise_to(self.snapshot(), self.ring.fresh(), lower=True)
        return entry

    def close(self) -> None:
        """Finish what was accepted and stop."""
        if self._group is not None:
            self._group.close()
        if self._sequencer is not None:
            self._sequencer.close()
        if not self._rolled_back:
            with suppress(GuardedGenError):  # the next process compares with the mark before
                self.raise_high_water()

    # --- reading -------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The newest checkpoint with the partial tiles that belong to it."""
        with self.reading() as connection:
            return read_snapshot(connection)

    def entry(self, key: str | int) -> LogEntry:
        """The entry with this id or index, compared with the signed tree.

        Raises :class:`NotFound`, and :class:`LogCorrupt` for an entry that was altered.
        """
        with self.reading() as connection:
            if isinstance(key, int):
                row = connection.execute(_BY_INDEX, {"idx": key}).first()
            else:
                try:
                    ms = time_of(key)
                except ValueError:
                    raise NotFound(f"the log has no entry {key[:80]}") from None
                row = connection.execute(_BY_ID, {"time": ms, "id": key}).first()
            if row is None:
                raise NotFound(f"the log has no entry {key}")
            entry = parse_row(row[0], as_bytes(row[1], f"entry {row[0]}"))
            CheckedReader(connection, self.ring.fresh()).check(entry.index, entry.data)
        if key not in (entry.index, entry.id):
            raise LogCorrupt(f"entry {entry.index} stands under the id {key}", VERIFY_LOG)
        return entry

    def entries(self, query: Query | None = None) -> Iterator[LogEntry]:
        """The entries that fit, newest first unless the query says otherwise."""
        with self.reading() as connection:
            yield from search(connection, query or Query(), self.ring.fresh())

    def entries_with(
        self,
        words: str,
        query: Query,
        actor: str,
        reason: str,
        *,
        anywhere: bool = False,
        progress: Progress | None = None,
    ) -> Iterator[LogEntry]:
        """The entries whose payload contains ``words``, after putting on record who looks for
        what and why (the words are sealed, since they may name somebody).

        Whole words, one after the other, by an index that is brought up to date first; with
        ``anywhere`` any piece of text, for which every payload that the query leaves is opened.
        """
        if not reason.strip():
            raise InvalidInput("searching payloads needs a reason", "say why; it goes on record")
        wanted = [] if anywhere else wanted_words(words)
        self.append(Event(SEARCHED, "-", actor=actor, body={"reason": reason}, payload=words))
        if not anywhere:
            bring_up_to_date(self, progress)
        keys = self.ring.fresh()
        with self.reading() as connection:
            if anywhere:
                yield from search_anywhere(connection, query, keys, words, progress)
            else:
                yield from search_words(connection, query, keys, wanted)

    def payload(self, key: str | int) -> bytes:
        """The payload of an entry, decrypted; raises :class:`PayloadErased`.

        Reading a payload for a person to see belongs on record: use :meth:`reveal`.
        """
        entry = self.entry(key)
        with self.reading() as connection:
            return open_payload(connection, Sealer(self.keys.seal), entry)

    def reveal(self, key: str | int, actor: str, reason: str) -> bytes:
        """The payload of an entry, after putting on record who looks at it and why."""
        entry = self.entry(key)
        self.append(
            Event(
                "payload.read",
                entry.tenant,
                actor=actor,
                related=entry.id,
                body={"reason": reason},
            )
        )
        return self.payload(entry.index)

    def proof(self, key: str | int) -> TlogProof:
        """An offline proof of an entry against the newest checkpoint, the entry as its extra."""
        entry = self.entry(key)
        with self.reading() as connection:
            return prove(connection, entry, self.witness_policy)

    def verify(
        self, progress: Callable[[int, int], None] | None = None, workers: int | None = None
    ) -> VerifyReport:
        """Check everything that the database holds; see :func:`guarded_gen.audit.verify.verify`."""
        with self.reading() as connection:
            report = verify(connection, self.ring.fresh(), progress, workers)
            if self.high_water is not None and report.size:
                problem = self.high_water.problem(connection, self.ring.fresh())
                if problem is not None:
                    report.problems.append(problem)
        if report.ok:
            self.raise_high_water()
        return report

    def rebuild_tiles(self) -> int:
        """Make damaged or missing tiles again from the entries, where these give the signed
        root; gives how many were replaced. Raises :class:`LogCorrupt` where they do not."""
        return self.alone(
            lambda connection, append: rebuild_tiles(connection, self.keys.signer.verifier)
        )

    def check_against(self, note: bytes, report: VerifyReport) -> None:
        """Check that a checkpoint of this log that somebody kept is a prefix of it; what is
        wrong is added to the report. Raises :class:`BadNote` for a note that is not ours."""
        head = self.ring.fresh().open_own(note)
        with self.reading() as connection:
            snapshot = read_snapshot(connection)
            if head.size > snapshot.size:
                what = f"the log once had {head.size} entries, now it has {snapshot.size}"
            elif Prover(tile_reader(connection, snapshot)).root(head.size) != head.root:
                what = f"the first {head.size} entries are not those that were signed then"
            else:
                return
        report.problems.append(LogProblem("checkpoint", f"kept checkpoint of {head.size}", what))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on one snapshot of the database."""
        with self.store.read() as session:
            yield session.connection()

    # --- inside --------------------------------------------------------------------------

    def _prepare_tree(self) -> None:
        with self.reading() as connection:
            row = read_tree(connection)
        if row is None:
            with self.store.write() as session:
                self._integrator.create(session.connection())
            with self.reading() as connection:
                row = read_tree(connection)
            assert row is not None
        self._check_origin(row.note)
        if self._sequencer is not None:
            self._sequencer.start()

    def _check_origin(self, note: str) -> None:
        ours = self.ring.fresh().signer.verifier
        try:
            open_note(note, [ours])
        except BadNote as error:
            try:
                origin = Checkpoint.parse(note.rpartition("\n\n")[0] + "\n").origin
            except BadNote:
                origin = None
            if origin is not None and origin != ours.name:
                raise ConfigInvalid(
                    f"the database holds the log {origin!r}, the keys belong to {ours.name!r}",
                    "use the keys folder and the database of one home",
                ) from error
            # A damaged note is for `verify` to describe; writing refuses it (LogCorrupt).

    def _draft(self, event: Event) -> EntryDraft:
        keys = self.keys
        subject = None if event.subject is None else keys.pseudonym(event.tenant, event.subject)
        id, ms = self._ids.new(event.id_prefix, now_ms())
        return draft(event, id, ms, subject, lambda: keys.pseudonym(event.tenant, ""))

    def _clock_note(self, last: int) -> EntryDraft | None:
        """An entry that says that the clock went back, when it did."""
        ms = now_ms()
        if ms + CLOCK_TOLERANCE_MS >= last:
            return None
        body = {"checkpoint": iso(last), "now": iso(ms)}
        return self._draft(Event("log.clock_went_back", "-", body=body))


def prove(
    connection: Connection, entry: LogEntry, policy: WitnessPolicy | None = None
) -> TlogProof:
    """The proof of an entry against the newest checkpoint that a witness (with a policy its
    quorum) cosigned, or the newest of all.

    Raises :class:`LogCorrupt` rather than giving a proof that fails."""
    snapshot = read_snapshot(connection)
    size, note = snapshot.size, snapshot.note
    cosigned = newest_cosigned(connection, entry.index, policy)
    if cosigned is not None:
        size, note = cosigned.size, cosigned.note
    try:
        path = Prover(tile_reader(connection, snapshot)).inclusion(entry.index, size)
        root = Checkpoint.parse(parse_note(note).text).root
        verify_inclusion(leaf_hash(entry.data), entry.index, size, path, root)
    except (BadProof, BadNote) as error:
        raise LogCorrupt(f"{entry.id}: {error}", VERIFY_LOG) from error
    return TlogProof(entry.index, tuple(path), note, entry.data)


def parse_row(index: int, data: bytes) -> LogEntry:
    """A stored row as an entry; raises :class:`LogCorrupt`."""
    try:
        return LogEntry.parse(index, data)
    except (ValueError, KeyError, TypeError) as error:
        raise LogCorrupt(f"entry {index} is damaged: {error}", VERIFY_LOG) from error


def open_payload(connection: Connection, sealer: Sealer, entry: LogEntry) -> bytes:
    """Decrypt an entry's payload; :class:`PayloadErased` or :class:`LogCorrupt`."""
    row = connection.execute(
        text(
            "SELECT p.subject, p.sealed, k.wrapped FROM audit_payload p"
            " LEFT JOIN audit_subject_key k ON k.subject = p.subject WHERE p.idx = :idx"
        ),
        {"idx": entry.index},
    ).first()
    if entry.commit is None:
        raise NotFound(f"{entry.id} has no payload")
    if row is None or row[2] is None:
        raise PayloadErased(f"the payload of {entry.id} is gone", "its entry remains provable")
    sealer.learn(row[0], as_bytes(row[2], f"the key of {entry.id}"))
    try:
        return sealer.open(row[0], entry.id, as_bytes(row[1], entry.id))[1]
    except ValueError as error:
        raise LogCorrupt(f"{entry.id}: {error}", VERIFY_LOG) from error
