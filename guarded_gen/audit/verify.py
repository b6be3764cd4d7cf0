"""The full check of a log: rows, tiles, root, signatures, payload commitments.

A large log is first swept by several processes (:mod:`guarded_gen.audit.sweep`); where they do
not find it whole, one exact pass names what is wrong (:mod:`guarded_gen.audit.walk`).
"""

from __future__ import annotations

import struct

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import BadNote, BadProof, LogCorrupt
from guarded_gen.audit.findings import Findings, VerifyReport
from guarded_gen.audit.integrate import Snapshot, TreeRow, read_tree
from guarded_gen.audit.keys import LogKeys
from guarded_gen.audit.merkle import TILE_WIDTH, Tree, split_edge, split_hashes
from guarded_gen.audit.note import Checkpoint, open_note
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.storage_types import any_text, raw, wrong_types
from guarded_gen.audit.sweep import FROM_ENTRIES, Stretch, processors, sweep
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.audit.walk import TILE, Progress, Walk

_PROOFS_AT_ONCE = 256


def verify(
    connection: Connection,
    keys: LogKeys,
    progress: Progress | None = None,
    workers: int | None = None,
) -> VerifyReport:
    """Check everything on one snapshot of the database.

    Every row's columns must repeat its bytes, every leaf must hash to what its tile holds, every
    upper tile and the right edge must follow from the tiles below, every kept checkpoint must be
    signed by the log's key over the root of its size, and every payload must open and fit its
    commitment. A payload may be missing only when the log says that it was erased or pruned.
    ``progress(done, total)`` is called now and then. Memory does not grow with the log.

    Large logs are first swept by ``workers`` processes (left out: as many as there are cores; 0:
    none); what they find wrong is then named by this process.
    """
    with any_text(connection):
        return _Check(connection, keys, progress or (lambda done, total: None), workers).run()


class _Check:
    def __init__(
        self, connection: Connection, keys: LogKeys, progress: Progress, workers: int | None
    ) -> None:
        self.connection = connection
        self.workers = workers
        self.keys = keys
        self.progress = progress
        self.findings = Findings()
        self.report = self.findings.report
        self.add = self.findings.add

    def run(self) -> VerifyReport:
        try:
            row = read_tree(self.connection)
        except LogCorrupt as error:
            self.add("tree", "audit_tree row 1", str(error))
            return self.findings.closed()
        if row is None:
            self.add("tree", "audit_tree", "the log has no tree")
            return self.findings.closed()
        self.report.size = row.size
        self.report.pruned = row.minimum
        head = self._head(row)
        kept = self._checkpoints()
        if row.size and row.size not in kept and not self.findings.found:
            # The newest checkpoint is always kept too: its absence shows that rows were removed.
            self.add(
                "checkpoint",
                f"audit_checkpoint size {row.size}",
                "the history of checkpoints lacks the newest one",
            )
        if not self._swept(row, head, kept):
            self._exactly(row, head, kept)
        self.findings.judge_missing()
        self._beyond(row)
        self._judge_tags()
        return self.findings.closed()

    def _exactly(self, row: TreeRow, head: Checkpoint | None, kept: dict[int, Checkpoint]) -> None:
        for table, key, column, found in wrong_types(self.connection):
            index = int(key) if table in ("audit_entry", "audit_payload") else None
            self.add(
                table.removeprefix("audit_"), f"{table} {key}", f"{column} became {found}", index
            )
        if not isinstance(row.size, int) or not isinstance(row.note, str):
            return
        walk = Walk(self.connection, self.keys, self.progress, self.findings)
        walk.run(row, kept)
        walk.judge(row, head)
        self._judge_checkpoints(kept, walk)

    # --- what is signed ------------------------------------------------------------------

    def _head(self, row: TreeRow) -> Checkpoint | None:
        """The newest checkpoint; reported when it is not ours, and then only a hint."""
        head = self._signed("audit_tree row 1", row.note)
        if head is not None:
            try:
                open_note(row.note, [self.keys.signer.verifier])
            except BadNote:
                self.add("checkpoint", "audit_tree row 1", "the present key did not sign it")
        if head is not None and head.size != row.size:
            self.add("checkpoint", "audit_tree row 1", f"it is for size {head.size}")
        return head or _unsigned(row.note)

    def _signed(self, where: str, note: str) -> Checkpoint | None:
        name = self.keys.signer.name
        try:
            head = self.keys.open_own(note)
        except BadNote as error:
            self.add("checkpoint", where, str(error))
            return None
        if head.origin != name:
            self.add("checkpoint", where, f"it is of another log: {head.origin[:80]}")
            return None
        return head

    def _checkpoints(self) -> dict[int, Checkpoint]:
        kept = {}
        rows = self.connection.execute(text("SELECT size, note FROM audit_checkpoint"))
        for size, note in rows:
            self.report.checkpoints += 1
            head = self._signed(f"audit_checkpoint size {size}", note)
            if head is not None and head.size != size:
                self.add("checkpoint", f"audit_checkpoint size {size}", f"is for {head.size}")
            elif head is not None:
                kept[size] = head
        return kept

    # --- the fast pass -------------------------------------------------------------------

    def _swept(self, row: TreeRow, head: Checkpoint | None, kept: dict[int, Checkpoint]) -> bool:
        """Whether worker processes found the whole log in order; then what they counted is
        taken over. Otherwise nothing is."""
        workers = processors() if self.workers is None else self.workers
        forced = bool(self.workers)
        if not workers or head is None or head.size != row.size or self.findings.found:
            return False
        if row.size < FROM_ENTRIES and not (forced and row.size):
            return False
        below = text("SELECT 1 FROM audit_entry WHERE idx < :n LIMIT 1")
        if row.minimum and self.connection.execute(below, {"n": row.minimum}).first():
            return False
        try:
            edge = split_edge(row.size, row.edge)
        except (ValueError, struct.error):
            return False
        done = sweep(
            self.connection.engine,
            self.keys.seal,
            row.size,
            row.minimum,
            edge[0] if edge else b"",
            workers,
            self.progress,
        )
        if done is None or not self._grown(row, head, edge, done):
            return False
        snapshot = Snapshot(row.size, head.root, row.note, row.time, row.minimum, tuple(edge))
        read = tile_reader(self.connection, snapshot)
        sizes = sorted(kept)
        try:
            for at in range(0, len(sizes), _PROOFS_AT_ONCE):
                prover = Prover(read)  # remembers every tile that it has read
                for n in sizes[at : at + _PROOFS_AT_ONCE]:
                    if n > row.size or prover.root(n) != kept[n].root:
                        return False
        except (BadProof, LogCorrupt, ValueError, IndexError):
            return False
        report = self.report
        report.root = head.root.hex()
        for stretch in done:
            report.entries += stretch.entries
            report.payloads += stretch.payloads
            self.findings.missing += stretch.missing
            for index, kind, body in stretch.notable:
                self.findings.remember(index, kind, body)
            for tag, (count, total) in stretch.tags.items():
                self.findings.count_tag(tag, count, total)
        return True

    def _grown(
        self, row: TreeRow, head: Checkpoint, edge: list[bytes], done: list[Stretch]
    ) -> bool:
        """Whether the tiles of level 0 give the upper tiles, the right edge and the root."""
        tree = Tree()
        for stretch in done:
            for root in stretch.roots:
                tree.append_tile(root)
        if row.size % TILE_WIDTH:
            tree.extend(split_hashes(edge[0]))
        for level, n, hashes in tree.drain():
            stored = self.connection.execute(TILE, {"level": level, "n": n}).first()
            if stored is None or raw(stored[0]) != hashes:
                return False
        return tree.root() == head.root and tree.edge() == row.edge

    # --- judging -------------------------------------------------------------------------

    def _judge_checkpoints(self, kept: dict[int, Checkpoint], walk: Walk) -> None:
        # After an alteration every later root differs, which names nothing new.
        if walk.differing or self.findings.entries_differ:
            return
        for size, root in walk.roots:
            if kept[size].root != root:
                self.add(
                    "checkpoint", f"audit_checkpoint size {size}", "another root was signed then"
                )
        for size in kept:
            if size > self.report.size:
                self.add(
                    "checkpoint",
                    f"audit_checkpoint size {size}",
                    f"the log once had {size} entries, now it has {self.report.size}",
                )

    def _judge_tags(self) -> None:
        # Tags only help to find entries; a wrong one hides an entry, it does not change it.
        if self.findings.entries_differ:
            return
        stored = {
            tag: [count, int(total)]
            for tag, count, total in self.connection.execute(
                text("SELECT tag, count(*), sum(idx) FROM audit_tag GROUP BY tag")
            )
        }
        for tag in sorted(stored.keys() | self.findings.tags.keys()):
            if stored.get(tag) != self.findings.tags.get(tag):
                self.add("tag", f"audit_tag {tag}", "it does not list the entries that have it")

    def _beyond(self, row: TreeRow) -> None:
        if row.minimum and row.minimum not in self.findings.prunings:
            self.add("tree", "audit_tree row 1", f"no entry tells of pruning to {row.minimum}")
        for (index,) in self.connection.execute(
            text("SELECT idx FROM audit_entry WHERE idx >= :n ORDER BY idx LIMIT 10"),
            {"n": row.size},
        ):
            self.add("entry", f"audit_entry idx {index}", "it stands past the tree's end", index)


def _unsigned(note: str) -> Checkpoint | None:
    try:
        return Checkpoint.parse(note.rpartition("\n\n")[0] + "\n")
    except BadNote:
        return None
