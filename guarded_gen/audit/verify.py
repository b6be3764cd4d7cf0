"""The full check of a log: rows, tiles, root, signatures, payload commitments.

The tree is built twice in one pass. Tree A trusts the stored hashes of level 0, tree B the
entries. As long as every entry hashes to its stored leaf they are one; after a difference, the
signed root says which of the two is telling the truth, and so whether the entry or the tile was
altered.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import BadNote, BadProof, LogCorrupt
from guarded_gen.audit.event import action_of, commitment, tags_of
from guarded_gen.audit.ids import iso
from guarded_gen.audit.integrate import Snapshot, TreeRow, read_tree
from guarded_gen.audit.keys import Keys
from guarded_gen.audit.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    Tree,
    leaf_hash,
    split_edge,
    split_hashes,
)
from guarded_gen.audit.note import Checkpoint, open_note
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.sealing import Sealer
from guarded_gen.audit.sweep import FROM_ENTRIES, Stretch, processors, sweep
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.audit_settings import class_of

TILES_AT_ONCE = 16
_PROOFS_AT_ONCE = 256
REMEMBERED_KEYS = 65_536
_NOTHING = b"\0" * HASH_BYTES
_decode = json.JSONDecoder().decode
MAX_PROBLEMS = 100
"""More findings than this say nothing new."""

_ENTRIES = text(
    "SELECT idx, id, time, kind, tenant, subject, action, data FROM audit_entry"
    " WHERE idx >= :a AND idx < :b ORDER BY idx"
)
_PAYLOADS = text(
    "SELECT p.idx, p.subject, p.sealed, k.wrapped FROM audit_payload p"
    " LEFT JOIN audit_subject_key k ON k.subject = p.subject"
    " WHERE p.idx >= :a AND p.idx < :b ORDER BY p.idx"
)
_TILES = text("SELECT n, hashes FROM audit_tile WHERE level = 0 AND n >= :a AND n < :b")
_TILE = text("SELECT hashes FROM audit_tile WHERE level = :level AND n = :n")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. ``what`` is ``entry``, ``tile``, ``checkpoint``, ``payload``, ``tag`` or
    ``tree``; ``where`` names the row; ``index`` is the entry's, where the finding is about one."""

    what: str
    where: str
    message: str
    index: int | None = None

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"what": self.what, "where": self.where, "message": self.message}
        if self.index is not None:
            record["index"] = self.index
        return record


@dataclass(slots=True)
class VerifyReport:
    """What the check found; ``ok`` when it found nothing. Problems about entries come first, in
    the order of the log."""

    size: int = 0
    root: str = ""
    entries: int = 0
    payloads: int = 0
    erased: int = 0
    pruned: int = 0
    checkpoints: int = 0
    problems: list[Problem] = field(default_factory=list)
    more: bool = False
    """There were more than :data:`MAX_PROBLEMS`."""

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def first(self) -> Problem | None:
        """The first bad row."""
        return self.problems[0] if self.problems else None

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "size": self.size,
            "root": self.root,
            "entries": self.entries,
            "payloads": self.payloads,
            "erased": self.erased,
            "pruned": self.pruned,
            "checkpoints": self.checkpoints,
            "problems": [p.to_json() for p in self.problems],
            "more": self.more,
        }


Progress = Callable[[int, int], None]


def verify(
    connection: Connection,
    keys: Keys,
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
    return _Check(connection, keys, progress or (lambda done, total: None), workers).run()


class _Check:
    def __init__(
        self, connection: Connection, keys: Keys, progress: Progress, workers: int | None
    ) -> None:
        self.connection = connection
        self.workers = workers
        self.keys = keys
        self.progress = progress
        self.report = VerifyReport()
        self.found: list[Problem] = []
        self.sealer = Sealer(keys.seal, REMEMBERED_KEYS)
        self.stored = Tree()
        self.computed: Tree | None = None  # None as long as it is the same as `stored`
        self.differing: list[tuple[int, str]] = []
        self.upper: dict[str, list[tuple[int, int]]] = {"stored": [], "computed": []}
        self.roots: list[tuple[int, bytes]] = []
        self.missing: list[tuple[int, str, str | None, str]] = []
        self.erasures: dict[str, int] = {}
        self.payload_minimum: dict[str, int] = {}
        self.prunings: set[int] = set()
        self.tags: dict[str, list[int]] = {}

    def run(self) -> VerifyReport:
        report = self.report
        row = read_tree(self.connection)
        if row is None:
            self.add("tree", "audit_tree", "the log has no tree")
        else:
            report.size = row.size
            report.pruned = row.minimum
            head = self._head(row)
            kept = self._checkpoints()
            if not self._swept(row, head, kept):
                self._leaves(row, kept)
                self._judge(row, head)
                self._judge_checkpoints(kept)
            self._judge_missing()
            self._beyond(row)
            self._judge_tags()
        self.found.sort(key=lambda p: (p.index is None, p.index or 0))
        report.problems = self.found[:MAX_PROBLEMS]
        report.more = len(self.found) > MAX_PROBLEMS
        return report

    def add(self, what: str, where: str, message: str, index: int | None = None) -> None:
        if len(self.found) <= MAX_PROBLEMS:
            self.found.append(Problem(what, where, message, index))

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
        if not workers or head is None or head.size != row.size or self.found:
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
            self.connection.engine, self.keys.seal, row.size, row.minimum,
            edge[0] if edge else b"", workers, self.progress,
        )  # fmt: skip
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
            self.missing += stretch.missing
            for index, kind, body in stretch.notable:
                self._remember(index, kind, body)
            for tag, (count, total) in stretch.tags.items():
                known = self.tags.setdefault(tag, [0, 0])
                known[0] += count
                known[1] += total
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
            stored = self.connection.execute(_TILE, {"level": level, "n": n}).first()
            if stored is None or bytes(stored[0]) != hashes:
                return False
        return tree.root() == head.root and tree.edge() == row.edge

    # --- the pass over the log -----------------------------------------------------------

    def _leaves(self, row: TreeRow, kept: dict[int, Checkpoint]) -> None:
        stops = sorted(size for size in kept if size <= row.size)
        at_stop = 0
        edge = self._edge(row)
        step = TILES_AT_ONCE * TILE_WIDTH
        for start in range(0, row.size, step):
            end = min(start + step, row.size)
            hashes = self._stored_hashes(start, end, row.size, edge)
            leaves = list(self._entries(start, end, row.minimum, hashes))
            done = start
            while at_stop < len(stops) and stops[at_stop] <= end:
                self._grow(hashes, leaves, done - start, stops[at_stop] - start)
                done = stops[at_stop]
                self.roots.append((done, self._root_now()))
                at_stop += 1
            self._grow(hashes, leaves, done - start, end - start)
            self._compare_full_tiles()
            self.progress(end, row.size)

    def _root_now(self) -> bytes:
        return (self.computed or self.stored).root()

    def _grow(
        self, stored: list[bytes | None], computed: list[bytes | None], start: int, end: int
    ) -> None:
        """Add the leaves of one stretch to both trees; what is missing is taken from the other."""
        if start == end:
            return
        there = [a or b or _NOTHING for a, b in zip(stored[start:end], computed[start:end])]  # noqa: B905
        made = [b or a for a, b in zip(there, computed[start:end])]  # noqa: B905
        if made != there and self.computed is None:
            self.computed = copy.deepcopy(self.stored)
        self.stored.extend(there)
        if self.computed is not None:
            self.computed.extend(made)

    def _edge(self, row: TreeRow) -> list[bytes]:
        try:
            return split_edge(row.size, row.edge)
        except (ValueError, struct.error) as error:
            self.add("tile", "audit_tree row 1, right edge", str(error))
            return []

    def _stored_hashes(
        self, start: int, end: int, size: int, edge: list[bytes]
    ) -> list[bytes | None]:
        first, last = start // TILE_WIDTH, -(-end // TILE_WIDTH)
        tiles = {n: bytes(h) for n, h in self.connection.execute(_TILES, {"a": first, "b": last})}
        hashes: list[bytes | None] = []
        for n in range(first, last):
            width = min(TILE_WIDTH, size - n * TILE_WIDTH)
            if width < TILE_WIDTH:
                tile = edge[0] if edge else b""
            else:
                tile = tiles.get(n, b"")
                if not tile:
                    self.add("tile", f"tile 0/{n}", "the row is missing")
                elif len(tile) != TILE_WIDTH * HASH_BYTES:
                    self.add("tile", f"tile 0/{n}", f"it has {len(tile)} bytes")
            whole = len(tile) == width * HASH_BYTES
            hashes.extend(split_hashes(tile) if whole else [None] * width)
        return hashes

    def _entries(
        self, start: int, end: int, minimum: int, stored: list[bytes | None]
    ) -> Iterator[bytes | None]:
        """The leaf hash of each entry, None where there is no entry to hash."""
        rows = iter(self.connection.execute(_ENTRIES, {"a": start, "b": end}).all())
        payloads = {p[0]: p for p in self.connection.execute(_PAYLOADS, {"a": start, "b": end})}
        row = next(rows, None)
        for index in range(start, end):
            if row is None or row[0] != index:
                if index >= minimum:
                    self.add("entry", f"audit_entry idx {index}", "the row was deleted", index)
                payloads.pop(index, None)
                yield None
                continue
            data = bytes(row[7])
            leaf = leaf_hash(data)
            if stored[index - start] not in (None, leaf):
                self.differing.append((index, row[1]))
            self._entry(index, row, data, payloads.pop(index, None))
            yield leaf
            row = next(rows, None)
        for index in payloads:
            self.add("payload", f"audit_payload idx {index}", "it has no entry", index)

    def _entry(self, index: int, row: Any, data: bytes, payload: Any) -> None:
        report = self.report
        report.entries += 1
        where = f"audit_entry idx {index} ({row[1]})"
        try:
            record = _decode(data.decode("utf-8"))
            wrong = [
                name
                for name, said, column in (
                    ("id", record["id"], row[1]),
                    ("time", record["time"], iso(row[2])),
                    ("kind", record["kind"], row[3]),
                    ("tenant", record["tenant"], row[4]),
                    ("subject", record.get("subject"), row[5]),
                    ("action", action_of(record.get("decision"), record.get("body")), row[6]),
                )
                if said != column
            ]
            commit = record.get("commit")
            for tag in tags_of(record["kind"], record["actor"], record.get("decision")):
                count = self.tags.setdefault(tag, [0, 0])
                count[0] += 1
                count[1] += index
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            self.add("entry", where, f"its bytes are no entry: {error}", index)
            return
        if wrong:
            self.add("entry", where, f"columns differ from its bytes: {', '.join(wrong)}", index)
        if record["kind"].startswith(("payload.", "log.")):
            self._remember(index, record["kind"], record.get("body", {}))
        if commit is None and payload is None:
            return
        self._payload(index, record, commit, payload)

    def _remember(self, index: int, kind: str, body: dict[str, Any]) -> None:
        if kind == "payload.erased":
            for subject in body.get("subjects", ()):
                self.erasures[subject] = index
        elif kind == "payload.pruned":
            for name, minimum in body.get("minimum", {}).items():
                self.payload_minimum[name] = max(self.payload_minimum.get(name, 0), minimum)
        elif kind == "log.pruned":
            self.prunings.add(int(body.get("minimum", 0)))

    def _payload(
        self, index: int, record: dict[str, Any], commit: str | None, payload: Any
    ) -> None:
        id = record["id"]
        where = f"audit_payload idx {index} ({id})"
        if payload is None:
            self.missing.append((index, id, record.get("subject"), record["kind"]))
            return
        self.report.payloads += 1
        if commit is None:
            self.add("payload", where, "the entry commits to no payload", index)
            return
        _, owner, sealed, wrapped = payload
        try:
            if not self.sealer.known(owner):
                if wrapped is None:
                    self.add("payload", where, f"the key of subject {owner} is missing", index)
                    return
                self.sealer.learn(owner, bytes(wrapped))
            salt, plain = self.sealer.open(owner, id, bytes(sealed))
        except (ValueError, LogCorrupt) as error:
            self.add("payload", where, str(error), index)
            return
        if commitment(salt, plain) != commit:
            self.add("payload", where, "it does not fit the entry's commitment", index)

    def _compare_full_tiles(self) -> None:
        for name, tree in (("stored", self.stored), ("computed", self.computed)):
            if tree is None:
                continue
            for level, n, hashes in tree.drain():
                if level == 0:
                    continue
                row = self.connection.execute(_TILE, {"level": level, "n": n}).first()
                if row is None or bytes(row[0]) != hashes:
                    self.upper[name].append((level, n))

    # --- judging -------------------------------------------------------------------------

    def _judge(self, row: TreeRow, head: Checkpoint | None) -> None:
        report = self.report
        computed = self.computed or self.stored
        root = None if head is None or head.size != row.size else head.root
        entries_true = root is not None and computed.root() == root
        tiles_true = root is not None and self.stored.root() == root
        for index, id in self.differing:
            if entries_true and not tiles_true:
                n = index // TILE_WIDTH
                where = "right edge" if n == row.size // TILE_WIDTH else f"tile 0/{n}"
                self.add("tile", where, f"its hash of entry {index} is wrong", index)
            else:
                self.add(
                    "entry", f"audit_entry idx {index} ({id})", "its bytes were altered", index
                )
        if root is not None and not entries_true and not tiles_true:
            self.add("tree", "root", "neither entries nor tiles give the signed root")
        truth = "computed" if entries_true and self.computed is not None else "stored"
        tree = computed if truth == "computed" else self.stored
        for level, n in self.upper[truth]:
            self.add("tile", f"tile {level}/{n}", "it does not follow from the tiles below")
        if tree.edge() != row.edge and not any(p.where.startswith("right") for p in self.found):
            self.add("tile", "right edge", "it does not follow from the tiles")
        report.root = computed.root().hex()

    def _judge_checkpoints(self, kept: dict[int, Checkpoint]) -> None:
        # After an alteration every later root differs, which names nothing new.
        if self.differing or any(p.what == "entry" for p in self.found):
            return
        for size, root in self.roots:
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

    def _judge_missing(self) -> None:
        for index, id, subject, kind in self.missing:
            pruned = index < self.payload_minimum.get(class_of(kind).value, 0)
            if pruned or index < self.erasures.get(subject or "", -1):
                self.report.erased += 1
            else:
                self.add(
                    "payload",
                    f"audit_payload idx {index} ({id})",
                    "the row was deleted, and the log knows of no erasure",
                    index,
                )

    def _judge_tags(self) -> None:
        # Tags only help to find entries; a wrong one hides an entry, it does not change it.
        if any(p.what == "entry" for p in self.found):
            return
        stored = {
            tag: [count, int(total)]
            for tag, count, total in self.connection.execute(
                text("SELECT tag, count(*), sum(idx) FROM audit_tag GROUP BY tag")
            )
        }
        for tag in sorted(stored.keys() | self.tags.keys()):
            if stored.get(tag) != self.tags.get(tag):
                self.add("tag", f"audit_tag {tag}", "it does not list the entries that have it")

    def _beyond(self, row: TreeRow) -> None:
        if row.minimum and row.minimum not in self.prunings:
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
