"""Erasing a person's payloads, and letting old records go, without changing the tree.

A payload is gone when its subject's key is: the sealed bytes are useless then, and they are
deleted too. What stays is the entry with its commitment, whose salt went with the payload, so
that nobody can even try guesses against it. Both kinds of deletion are entries of the log.

An erasure is pending (``audit_scrub``) until the bytes are out of the database's files as well: a
reader with an old snapshot keeps them there. It is tried again until it succeeds, and the
completion is an entry of its own (``payload.erasure_completed``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import LegalHoldActive
from guarded_gen.audit.event import Event
from guarded_gen.audit.high_water import ErasedSubject
from guarded_gen.audit.ids import iso, now_ms, time_of
from guarded_gen.audit.integrate import read_snapshot
from guarded_gen.audit.keys import LogKeys
from guarded_gen.audit.merkle import TILE_WIDTH
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.audit.words import forget_words
from guarded_gen.errors import Conflict, InvalidInput
from guarded_gen.settings.audit import Days, RecordClass, class_of
from guarded_gen.store import forgetting
from guarded_gen.store.scrubbing import transaction_id

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog

DAY_MS = 86_400_000


SCRUBBED = (
    "audit_payload", "audit_subject_key", "audit_outbox", "audit_words", *forgetting.TABLES
)  # fmt: skip
"""The tables that hold, or held on the way, what an erasure deletes."""


@dataclass(frozen=True, slots=True)
class PendingErasure:
    """An erasure whose bytes are still in the database's files, because of ``holder``."""

    entry: str
    requested: int
    holder: str

    def to_json(self) -> dict[str, Any]:
        return {"entry": self.entry, "requested": iso(self.requested), "holder": self.holder}


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did. ``root_before`` and ``root_after`` are both the root of the tree of
    ``size``, computed from the tiles before and after; they are the same.

    ``rows`` counts the jobs, cases and kept answers that lost their words and name.
    ``pending``: what still holds the bytes in the database's files; None when they are gone."""

    entry: str
    subject: str
    payloads: int
    rows: int
    key: bool
    size: int
    root_before: str
    root_after: str
    pending: str | None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def erase(log: AuditLog, subject: str, tenant: str, actor: str, reason: str) -> Erasure:
    """Delete every payload of a subject and the subject's key, take their words and name out of
    jobs and cases, and say so in the log.

    The result's ``pending`` says whether the bytes are out of the files too. Raises
    :class:`InvalidInput` for an empty name, :class:`LegalHoldActive` while a legal hold on the
    subject runs, :class:`Conflict` while a job of theirs has not ended.
    """
    if not subject:
        raise InvalidInput("an erasure needs a subject", "name whose payloads go", "subject")
    with log.reading() as connection:
        until = connection.execute(_HELD, {"t": tenant, "s": subject, "now": now_ms()}).scalar()
    if until is not None:
        log.append(
            Event("payload.erasure_refused", tenant, actor=actor, body={"until": iso(until)})
        )
        raise LegalHoldActive(
            f"the law asks us to keep this until {iso(until)}: nothing was erased",
            "ask again after that date",
        )
    with log.reading() as connection:
        running = forgetting.running_jobs(connection, lambda t, s: (t, s) == (tenant, subject))
    if running:
        raise Conflict(
            f"{len(running)} jobs of this subject have not ended: nothing was erased",
            f"cancel or decide them first: {', '.join(running[:5])}",
        )
    return _erase(log, log.keys.pseudonym(tenant, subject), tenant, actor, reason)


def erase_again(log: AuditLog, actor: str) -> int:
    """Do the erasures that the database does not know of, after it was restored from a back-up.

    Gives their number. They are known from the folder outside the database
    (:mod:`guarded_gen.audit.high_water`), where the newest erasure of a subject stands for all of
    its earlier ones. Opening a log does this, before anybody reads it.
    """
    if log.high_water is None:
        return 0
    newest = {erased.pseudonym: erased for erased in log.high_water.erased()}
    with log.reading() as connection:
        missing = [erased for erased in newest.values() if not _known(connection, erased.entry)]
    for erased in missing:
        _erase(log, erased.pseudonym, "-", actor, f"again after a restore: {erased.entry}")
    return len(missing)


def _known(connection: Connection, entry: str) -> bool:
    """Whether the log has this entry, or had it before it was pruned."""
    try:
        ms = time_of(entry)
    except ValueError:
        return False
    values = {"t": ms, "i": entry}
    if connection.execute(
        text("SELECT 1 FROM audit_entry WHERE time = :t AND id = :i"), values
    ).first():
        return True
    first = connection.execute(_FIRST_KEPT).scalar_one_or_none()
    return first is not None and ms < first


def complete_erasures(log: AuditLog) -> list[PendingErasure]:
    """Try to finish every pending erasure; gives those that are still pending."""
    with log.reading() as connection:
        rows = connection.execute(_PENDING).all()
    if not rows:
        return []
    xids = [row[2] for row in rows if row[2] is not None]
    holder = log.store.scrub(SCRUBBED, max(xids, default=None))
    if holder is not None:
        with log.store.write() as session:
            for entry, *_ in rows:
                session.execute(
                    text("UPDATE audit_scrub SET holder = :h WHERE entry = :e"),
                    {"h": holder, "e": entry},
                )
        return [PendingErasure(entry, requested, holder) for entry, requested, _ in rows]

    def work(connection: Connection, append: Callable[[Event], str]) -> None:
        for entry, requested, _ in rows:
            gone = connection.execute(
                text("DELETE FROM audit_scrub WHERE entry = :e"), {"e": entry}
            )
            if gone.rowcount:
                body = {"requested": iso(requested), "files": log.store.dialect}
                append(
                    Event("payload.erasure_completed", "-", actor="log", related=entry, body=body)
                )

    log.alone(work)
    return []


_HELD = text(
    "SELECT max(until) FROM legal_hold"
    " WHERE tenant = :t AND subject = :s AND until > :now AND NOT ended"
)
_HOLDS = text("SELECT tenant, subject FROM legal_hold WHERE until > :now AND NOT ended")
_FIRST_KEPT = text(
    "SELECT e.time FROM audit_tree t JOIN audit_entry e ON e.idx = t.minimum"
    " WHERE t.id = 1 AND t.minimum > 0"
)
_PENDING = text("SELECT entry, requested, xid FROM audit_scrub ORDER BY requested, entry")


def _erase(log: AuditLog, pseudonym: str, tenant: str, actor: str, reason: str) -> Erasure:
    found: dict[str, Any] = {}

    def work(connection: Connection, append: Callable[[Event], str]) -> str:
        found["size"], found["root"] = _root(connection)

        def same(of: str, subject: str) -> bool:
            return log.keys.pseudonym(of, subject) == pseudonym

        found["rows"] = forgetting.forget(connection, same)
        values = {"s": pseudonym}
        deleted = _delete_payloads(connection, log.keys, pseudonym)
        key = connection.execute(text("DELETE FROM audit_subject_key WHERE subject = :s"), values)
        connection.execute(text("UPDATE audit_tree SET erasures = erasures + 1 WHERE id = 1"))
        found["payloads"], found["key"] = deleted, key.rowcount > 0
        body = {
            "subjects": [pseudonym],
            "payloads": deleted,
            "rows": found["rows"],
            "reason": reason,
        }
        entry = append(Event("payload.erased", tenant, actor=actor, body=body))
        connection.execute(
            text(
                "INSERT INTO audit_scrub (entry, requested, xid, holder)"
                " VALUES (:e, :t, :x, 'not tried yet')"
            ),
            {"e": entry, "t": now_ms(), "x": transaction_id(connection)},
        )
        return entry

    entry = log.alone(work)
    if log.high_water is not None:
        log.high_water.note_erasure(ErasedSubject(entry, pseudonym))
    pending = {left.entry: left.holder for left in complete_erasures(log)}
    with log.reading() as connection:
        after = Prover(tile_reader(connection, read_snapshot(connection))).root(found["size"])
    return Erasure(
        entry,
        pseudonym,
        found["payloads"],
        found["rows"],
        found["key"],
        found["size"],
        found["root"].hex(),
        after.hex(),
        pending.get(entry),
    )


def _delete_payloads(connection: Connection, keys: LogKeys, pseudonym: str) -> int:
    """Delete a subject's payloads and the index of their words; gives how many they were."""
    tenants = connection.execute(text("SELECT DISTINCT tenant FROM audit_entry")).scalars()
    if any(keys.pseudonym(tenant, "") == pseudonym for tenant in tenants):
        # What concerns nobody is sealed with a key of the tenant, which no entry names.
        which = "subject = :s"
    else:
        which = "idx IN (SELECT idx FROM audit_entry WHERE subject = :s)"
    values = {"s": pseudonym}
    found = connection.execute(text(f"SELECT idx FROM audit_payload WHERE {which}"), values)  # noqa: S608
    forget_words(connection, found.scalars())
    gone = connection.execute(text(f"DELETE FROM audit_payload WHERE {which}"), values)  # noqa: S608
    return gone.rowcount


def _root(connection: Connection) -> tuple[int, bytes]:
    snapshot = read_snapshot(connection)
    return snapshot.size, Prover(tile_reader(connection, snapshot)).root(snapshot.size)


@dataclass(frozen=True, slots=True)
class Pruning:
    """What pruning did, or would do when ``done`` is false."""

    done: bool
    payloads: int
    entries: int
    minimum: int
    """Entries below this index are gone."""
    payload_minimum: Mapping[str, int]
    """For each record class: payloads of entries below this index are gone."""

    def to_json(self) -> dict[str, Any]:
        return {
            "done": self.done,
            "payloads": self.payloads,
            "entries": self.entries,
            "minimum": self.minimum,
            "payload_minimum": dict(self.payload_minimum),
        }


def prune(
    log: AuditLog, entries: Days, payloads: Days, actor: str, *, dry_run: bool = False
) -> Pruning:
    """Delete payloads and entries whose time is over, and say so in the log.

    Entries go as a prefix of the log (the minimum index of tlog-tiles, a multiple of 256), once
    every class's time is over for all of them. Tiles of hashes stay, so that old proofs and
    consistency proofs from any size remain possible.
    """
    now = now_ms()

    def held(connection: Connection) -> set[str]:
        rows = connection.execute(_HOLDS, {"now": now})
        return {log.keys.pseudonym(tenant, subject) for tenant, subject in rows}

    def plan(connection: Connection) -> Pruning:
        size = read_snapshot(connection).size
        minimum = connection.execute(text("SELECT minimum FROM audit_tree")).scalar_one()
        payload_minimum = {}
        oldest_wanted = size
        for record_class in RecordClass:
            for days, target in ((entries, "entries"), (payloads, "payloads")):
                cutoff = now - days.of(record_class) * DAY_MS
                first = _first_wanted(connection, record_class, cutoff, size)
                if target == "entries":
                    oldest_wanted = min(oldest_wanted, first)
                else:
                    payload_minimum[record_class.value] = first
        bound = max(minimum, oldest_wanted // TILE_WIDTH * TILE_WIDTH)
        doomed = _doomed(connection, payload_minimum, bound, held(connection))
        return Pruning(False, len(doomed), bound - minimum, bound, payload_minimum)

    def work(connection: Connection, append: Callable[[Event], str]) -> Pruning:
        planned = plan(connection)
        doomed = _doomed(connection, planned.payload_minimum, planned.minimum, held(connection))
        forget_words(connection, doomed)
        for index in doomed:
            connection.execute(text("DELETE FROM audit_payload WHERE idx = :i"), {"i": index})
        if planned.payloads:
            body = {"minimum": dict(planned.payload_minimum), "payloads": planned.payloads}
            append(Event("payload.pruned", "-", actor=actor, body=body))
        if planned.entries:
            for table in ("audit_entry", "audit_tag"):
                connection.execute(
                    text(f"DELETE FROM {table} WHERE idx < :m"),  # noqa: S608
                    {"m": planned.minimum},
                )
            connection.execute(
                text("UPDATE audit_tree SET minimum = :m WHERE id = 1"), {"m": planned.minimum}
            )
            body = {"minimum": planned.minimum, "at": iso(now)}
            append(Event("log.pruned", "-", actor=actor, body=body))
        return Pruning(
            True, planned.payloads, planned.entries, planned.minimum, planned.payload_minimum
        )

    if dry_run:
        with log.reading() as connection:
            return plan(connection)
    done = log.alone(work)
    if done.payloads or done.entries:
        # Retention has no one waiting for it: what a reader holds now goes with the next run.
        log.store.scrub(("audit_payload", "audit_entry", "audit_tag", "audit_words"))
    return done


def _first_wanted(connection: Connection, record_class: RecordClass, cutoff: int, size: int) -> int:
    """The first index of this class whose time is not over; ``size`` when there is none."""
    rows = connection.execute(
        text("SELECT idx, kind FROM audit_entry WHERE time >= :cutoff ORDER BY idx"),
        {"cutoff": cutoff},
    )
    try:
        for index, kind in rows:
            if class_of(kind) is record_class:
                return int(index)
    finally:
        rows.close()
    return size


def _doomed(
    connection: Connection, minimum: Mapping[str, int], bound: int, held: set[str]
) -> list[int]:
    """The indexes of the payloads that go. Those of ``held`` subjects stay as long as their
    entries do."""
    highest = max([bound, *minimum.values()])
    rows = connection.execute(
        text(
            "SELECT p.idx, e.kind, p.subject FROM audit_payload p"
            " LEFT JOIN audit_entry e ON e.idx = p.idx WHERE p.idx < :highest"
        ),
        {"highest": highest},
    )
    return [
        index
        for index, kind, subject in rows
        if index < bound
        or (kind is not None and index < minimum[class_of(kind).value] and subject not in held)
    ]
