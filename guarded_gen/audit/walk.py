"""The exact pass over a log: every row against its bytes, every entry into two trees.

Tree A trusts the stored hashes of level 0, tree B the entries. As long as every entry hashes to
its stored leaf they are one; after a difference, the signed root says which of the two is telling
the truth, and so whether the entry or the tile was altered (:mod:`guarded_gen.audit.verify`).
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import LogCorrupt
from guarded_gen.audit.event import action_of, commitment, tags_of
from guarded_gen.audit.findings import Findings
from guarded_gen.audit.ids import iso
from guarded_gen.audit.integrate import TreeRow
from guarded_gen.audit.keys import LogKeys
from guarded_gen.audit.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    Tree,
    leaf_hash,
    split_edge,
    split_hashes,
)
from guarded_gen.audit.note import Checkpoint
from guarded_gen.audit.sealing import Sealer
from guarded_gen.audit.storage_types import raw

TILES_AT_ONCE = 16
REMEMBERED_KEYS = 65_536
_NOTHING = b"\0" * HASH_BYTES
_decode = json.JSONDecoder().decode

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
TILE = text("SELECT hashes FROM audit_tile WHERE level = :level AND n = :n")

Progress = Callable[[int, int], None]


class Walk:
    """One pass. Afterwards :meth:`judge` names what it found; ``roots`` holds (size, root) at
    every kept checkpoint."""

    def __init__(
        self, connection: Connection, keys: LogKeys, progress: Progress, findings: Findings
    ) -> None:
        self.connection = connection
        self.progress = progress
        self.findings = findings
        self.add = findings.add
        self.sealer = Sealer(keys.seal, REMEMBERED_KEYS)
        self.stored = Tree()
        self.computed: Tree | None = None  # None as long as it is the same as `stored`
        self.differing: list[tuple[int, str]] = []
        self.upper: dict[str, list[tuple[int, int]]] = {"stored": [], "computed": []}
        self.roots: list[tuple[int, bytes]] = []

    def run(self, row: TreeRow, kept: dict[int, Checkpoint]) -> None:
        """Read every row; memory does not grow with the log."""
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
        tiles = {n: raw(h) for n, h in self.connection.execute(_TILES, {"a": first, "b": last})}
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
            data = raw(row[7])
            leaf = leaf_hash(data)
            if stored[index - start] not in (None, leaf):
                self.differing.append((index, row[1]))
            self._entry(index, row, data, payloads.pop(index, None))
            yield leaf
            row = next(rows, None)
        for index in payloads:
            self.add("payload", f"audit_payload idx {index}", "it has no entry", index)

    def _entry(self, index: int, row: Any, data: bytes, payload: Any) -> None:
        self.findings.report.entries += 1
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
                self.findings.count_tag(tag, 1, index)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            self.add("entry", where, f"its bytes are no entry: {error}", index)
            return
        if wrong:
            self.add("entry", where, f"columns differ from its bytes: {', '.join(wrong)}", index)
        if record["kind"].startswith(("payload.", "log.")):
            self.findings.remember(index, record["kind"], record.get("body", {}))
        if commit is None and payload is None:
            return
        self._payload(index, record, commit, payload)

    def _payload(
        self, index: int, record: dict[str, Any], commit: str | None, payload: Any
    ) -> None:
        id = record["id"]
        where = f"audit_payload idx {index} ({id})"
        if payload is None:
            self.findings.missing.append((index, id, record.get("subject"), record["kind"]))
            return
        self.findings.report.payloads += 1
        if commit is None:
            self.add("payload", where, "the entry commits to no payload", index)
            return
        _, owner, sealed, wrapped = payload
        try:
            if not self.sealer.known(owner):
                if wrapped is None:
                    self.add("payload", where, f"the key of subject {owner} is missing", index)
                    return
                self.sealer.learn(owner, raw(wrapped))
            salt, plain = self.sealer.open(owner, id, raw(sealed))
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
                row = self.connection.execute(TILE, {"level": level, "n": n}).first()
                if row is None or raw(row[0]) != hashes:
                    self.upper[name].append((level, n))

    def judge(self, row: TreeRow, head: Checkpoint | None) -> None:
        """Say which rows are wrong, by the root that was signed."""
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
        if tree.edge() != row.edge and not any(
            p.where.startswith("right") for p in self.findings.found
        ):
            self.add("tile", "right edge", "it does not follow from the tiles")
        self.findings.report.root = computed.root().hex()
