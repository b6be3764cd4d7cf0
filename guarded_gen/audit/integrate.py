"""Integration: from drafts to leaves, tiles, right edge and a signed checkpoint.

Everything happens inside the caller's database transaction. The tree in memory is a copy of the
row ``audit_tree``; it is used only while the row still carries the note that it was made with, so
two processes can take turns, and it is loaded anew after any failed commit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import chain
from typing import Any

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import VERIFY_LOG, BadNote, LogCorrupt
from guarded_gen.audit.event import EntryDraft
from guarded_gen.audit.ids import now_ms
from guarded_gen.audit.keys import LogKeyRing
from guarded_gen.audit.merkle import Tree, split_edge
from guarded_gen.audit.note import Checkpoint, Verifier, open_note, signed
from guarded_gen.audit.sealing import Sealer
from guarded_gen.audit.storage_types import as_bytes

BATCH = 4096
"""Most entries of one transaction: bounds the time that a submitter waits for others."""

_TREE = text("SELECT size, edge, note, time, erasures, minimum FROM audit_tree WHERE id = 1")
_UPDATE_TREE = text(
    "UPDATE audit_tree SET size=:size, edge=:edge, note=:note, time=:time WHERE id=1"
)
_INSERT_TREE = text(
    "INSERT INTO audit_tree (id, size, edge, note, time, erasures, minimum)"
    " VALUES (1, :size, :edge, :note, :time, 0, 0) ON CONFLICT DO NOTHING"
)
_REPLACE_CHECKPOINT = text(
    "UPDATE audit_checkpoint SET size=:size, time=:time, note=:note WHERE size=:before"
)
_ADD_CHECKPOINT = text(
    "INSERT INTO audit_checkpoint (size, time, note) VALUES (:size, :time, :note)"
)
_ENTRY = ("idx", "id", "time", "kind", "tenant", "subject", "action", "data")
_TILE = ("level", "n", "hashes")
_TAG = ("tag", "idx")
_PAYLOAD = ("idx", "subject", "sealed")
_TYPES = {
    "idx": "int8",
    "id": "varchar",
    "time": "int8",
    "kind": "varchar",
    "tenant": "varchar",
    "subject": "varchar",
    "action": "varchar",
    "data": "bytea",
    "level": "int4",
    "n": "int8",
    "hashes": "bytea",
    "sealed": "bytea",
    "tag": "varchar",
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One immutable state of the tree: a checkpoint with the partial tiles that belong to it."""

    size: int
    root: bytes
    note: str
    time: int
    """When it was signed, milliseconds since 1970."""
    minimum: int
    """Entries below this index were pruned."""
    edge: tuple[bytes, ...]
    """The partial tile of each level, lowest first; empty where the level has none."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """A draft with its sealed payload."""

    draft: EntryDraft
    sealed: bytes | None = None
    payload_subject: str | None = None


@dataclass(frozen=True, slots=True)
class TreeRow:
    size: int
    edge: bytes
    note: str
    time: int
    erasures: int
    minimum: int


def read_tree(connection: Connection) -> TreeRow | None:
    """The tree's row as the database has it, unchecked."""
    row = connection.execute(_TREE).first()
    if row is None:
        return None
    return TreeRow(row[0], as_bytes(row[1], "audit_tree row 1"), row[2], row[3], row[4], row[5])


def read_snapshot(connection: Connection) -> Snapshot:
    """The newest snapshot, unchecked but well-formed; raises :class:`LogCorrupt`."""
    row = read_tree(connection)
    if row is None:
        raise LogCorrupt("the log has no tree", "restore the database from a backup")
    try:
        edge = tuple(split_edge(row.size, row.edge))
        head = Checkpoint.parse(row.note.rpartition("\n\n")[0] + "\n")
    except (ValueError, struct.error, BadNote) as error:
        raise LogCorrupt(f"the tree's state is damaged: {error}", VERIFY_LOG) from error
    return Snapshot(row.size, head.root, row.note, row.time, row.minimum, edge)


class Integrator:
    """Grows the one tree. Used by one thread, inside transactions that exclude other writers."""

    def __init__(self, dialect: str, ring: LogKeyRing, sealer: Sealer) -> None:
        self._ring = ring
        self.sealer = sealer
        self._postgres = dialect == "postgresql"
        self._tree: Tree | None = None
        self._note = ""
        self._erasures = -1
        self.last_time = 0

    def twin(self) -> Integrator:
        """Another one for the same tree, for another thread."""
        twin = Integrator("sqlite", self._ring, self.sealer.twin())
        twin._postgres = self._postgres
        return twin

    def reset(self) -> None:
        """Forget the state in memory: the last transaction may not have been committed."""
        self._tree = None
        self._erasures = -1
        self.sealer.forget()

    def create(self, connection: Connection) -> None:
        """Give a new database its tree of size 0."""
        tree, ms = Tree(), now_ms()
        connection.execute(
            _INSERT_TREE, {"size": 0, "edge": b"", "note": self._sign(tree), "time": ms}
        )

    def sync(self, connection: Connection) -> None:
        """Take over what other processes did; refuses (:class:`LogCorrupt`) a damaged state."""
        row = read_tree(connection)
        if row is None:
            raise LogCorrupt("the log has no tree", "restore the database from a backup")
        if row.erasures != self._erasures:
            self.sealer.forget()
            self._erasures = row.erasures
        self.last_time = row.time
        self._ring.fresh()
        if self._tree is not None and row.note == self._note:
            return
        self._tree = load_checked(row, self._ring.keys.signer.verifier)
        self._note = row.note

    def append(self, connection: Connection, rows: Sequence[NewRow]) -> int:
        """Integrate rows and sign; gives the index of the first. Needs ``sync`` before."""
        tree = self._tree
        if tree is None:
            raise RuntimeError("sync() comes first")
        first, before, ms = tree.size, self._note, now_ms()
        tree.extend([sha256(b"\x00" + row.draft.data).digest() for row in rows])
        entries: list[Any] = []
        payloads: list[Any] = []
        tags: list[tuple[str, int]] = []
        for index, row in enumerate(rows, first):
            d = row.draft
            entries.append((index, d.id, d.time, d.kind, d.tenant, d.subject, d.action, d.data))
            tags.extend((tag, index) for tag in d.tags)
            if row.sealed is not None:
                payloads.append((index, row.payload_subject, row.sealed))
        self._insert(connection, "audit_entry", _ENTRY, entries)
        self._insert(connection, "audit_payload", _PAYLOAD, payloads)
        tags.sort()  # neighbours go to the same page
        self._insert(connection, "audit_tag", _TAG, tags)
        self._insert(connection, "audit_tile", _TILE, tree.drain())
        self._note = self._sign(tree)
        connection.execute(
            _UPDATE_TREE,
            {"size": tree.size, "edge": tree.edge(), "note": self._note, "time": ms},
        )
        self._keep_checkpoint(connection, first, tree.size, ms)
        assert self._note != before
        return first

    def _keep_checkpoint(self, connection: Connection, before: int, size: int, ms: int) -> None:
        # One kept checkpoint a minute is enough for anyone to compare with; the newest always.
        values = {"size": size, "time": ms, "note": self._note}
        replaced = 0
        if ms // 60_000 == self.last_time // 60_000:
            done = connection.execute(_REPLACE_CHECKPOINT, {**values, "before": before})
            replaced = done.rowcount
        if not replaced:
            connection.execute(_ADD_CHECKPOINT, values)
        self.last_time = ms

    def _sign(self, tree: Tree) -> str:
        signers = self._ring.keys.signers
        body = Checkpoint(signers[0].name, tree.size, tree.root()).text()
        return signed(body, [signer.sign(body) for signer in signers])

    def _insert(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Any]
    ) -> None:
        rows = list(rows)
        if not rows:
            return
        if not self._postgres:
            insert_many(connection, table, columns, rows)
            return
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            copy = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
            with cursor.copy(copy) as stream:
                stream.set_types([_TYPES[name] for name in columns])
                for row in rows:
                    stream.write_row(row)


def insert_many(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Any]
) -> None:
    """Insert rows into SQLite in few statements.

    Python gives up the interpreter lock around every statement, and under load waits long to get
    it back; besides, one statement of 512 rows costs half of 512 statements.
    """
    driver: Any = connection.connection.driver_connection
    cursor = driver.cursor()
    at = 0
    for many in _ROWS_AT_ONCE:
        while len(rows) - at >= many:
            cursor.execute(
                _insert_sql(table, tuple(columns), many),
                tuple(chain.from_iterable(rows[at : at + many])),
            )
            at += many
    cursor.close()


_ROWS_AT_ONCE = (2048, 512, 128, 32, 8, 1)
"""2,048 rows of eight columns are half of the values that one statement may have."""


@cache
def _insert_sql(table: str, columns: tuple[str, ...], many: int) -> str:
    marks = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES " + ", ".join([marks] * many)  # noqa: S608


def load_checked(row: TreeRow, verifier: Verifier) -> Tree:
    """The tree of a row whose note is ours, for this size and this edge; else LogCorrupt."""
    remedy = f"{VERIFY_LOG}; then restore the database from a backup"
    try:
        note, _ = open_note(row.note, [verifier])
        head = Checkpoint.parse(note.text)
        tree = Tree.load(row.size, row.edge)
    except (BadNote, ValueError, struct.error) as error:
        raise LogCorrupt(f"the tree's state is damaged: {error}", remedy) from error
    if (head.origin, head.size, head.root) != (verifier.name, row.size, tree.root()):
        raise LogCorrupt("the tree's right edge does not belong to its checkpoint", remedy)
    return tree
