"""Erasing a person's payloads, and letting old records go, without changing the tree.

A payload is gone when its subject's key is: the sealed bytes are useless then, and they are
deleted too. What stays is the entry with its commitment, whose salt went with the payload, so
that nobody can even try guesses against it. Both kinds of deletion are entries of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from guarded_gen.audit.event import Event
from guarded_gen.audit.ids import iso, now_ms
from guarded_gen.audit.integrate import read_snapshot
from guarded_gen.audit.merkle import TILE_WIDTH
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.audit_settings import Days, RecordClass, class_of

if TYPE_CHECKING:
    from guarded_gen.audit.log import AuditLog

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did. ``root_before`` and ``root_after`` are both the root of the tree of
    ``size``, computed from the tiles before and after; they are the same."""

    entry: str
    subject: str
    payloads: int
    key: bool
    size: int
    root_before: str
    root_after: str

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def erase(log: AuditLog, subject: str, tenant: str, actor: str, reason: str) -> Erasure:
    """Delete every payload of a subject and his key, and say so in the log."""
    pseudonym = log.keys.pseudonym(tenant, subject)
    found: dict[str, Any] = {}

    def work(connection: Connection, append: Callable[[Event], str]) -> str:
        found["size"], found["root"] = _root(connection)
        values = {"s": pseudonym}
        deleted = connection.execute(text("DELETE FROM audit_payload WHERE subject = :s"), values)
        key = connection.execute(text("DELETE FROM audit_subject_key WHERE subject = :s"), values)
        connection.execute(text("UPDATE audit_tree SET erasures = erasures + 1 WHERE id = 1"))
        found["payloads"], found["key"] = deleted.rowcount, key.rowcount > 0
        body = {"subjects": [pseudonym], "payloads": deleted.rowcount, "reason": reason}
        return append(Event("payload.erased", tenant, actor=actor, body=body))

    entry = log.alone(work)
    log.store.scrub("audit_payload", "audit_subject_key")
    with log.reading() as connection:
        after = Prover(tile_reader(connection, read_snapshot(connection))).root(found["size"])
    return Erasure(
        entry,
        pseudonym,
        found["payloads"],
        found["key"],
        found["size"],
        found["root"].hex(),
        after.hex(),
    )


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
        doomed = _doomed(connection, payload_minimum, bound)
        return Pruning(False, len(doomed), bound - minimum, bound, payload_minimum)

    def work(connection: Connection, append: Callable[[Event], str]) -> Pruning:
        planned = plan(connection)
        for index in _doomed(connection, planned.payload_minimum, planned.minimum):
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
        log.store.scrub("audit_payload", "audit_entry", "audit_tag")
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


def _doomed(connection: Connection, minimum: Mapping[str, int], bound: int) -> list[int]:
    """The indexes of the payloads that go."""
    highest = max([bound, *minimum.values()])
    rows = connection.execute(
        text(
            "SELECT p.idx, e.kind FROM audit_payload p LEFT JOIN audit_entry e ON e.idx = p.idx"
            " WHERE p.idx < :highest"
        ),
        {"highest": highest},
    )
    return [
        index
        for index, kind in rows
        if index < bound or (kind is not None and index < minimum[class_of(kind).value])
    ]
