"""Making damaged tiles again from the entries, when the entries give the signed root."""

from __future__ import annotations

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import LogCorrupt
from guarded_gen.audit.integrate import load_checked, read_tree
from guarded_gen.audit.merkle import TILE_WIDTH, Tree, leaf_hash, split_hashes
from guarded_gen.audit.note import Verifier

_TILES_AT_ONCE = 16


def rebuild_tiles(connection: Connection, verifier: Verifier) -> int:
    """Replace every full tile that is missing or wrong; gives how many those were.

    Nothing is written unless the entries (and, below the minimum index, the tiles of pruned
    entries) give the root of the signed checkpoint; raises :class:`LogCorrupt` otherwise.
    """
    row = read_tree(connection)
    if row is None:
        raise LogCorrupt("the log has no tree", "restore the database from a backup")
    tree, good = Tree(), load_checked(row, verifier)
    wrong: list[dict[str, object]] = []
    step = TILE_WIDTH * _TILES_AT_ONCE
    for start in range(0, row.size, step):
        end = min(start + step, row.size)
        tree.extend(_leaves(connection, start, end, row.minimum))
        for level, n, hashes in tree.drain():
            stored = connection.execute(_TILE, {"level": level, "n": n}).scalar_one_or_none()
            if stored is None or bytes(stored) != hashes:
                wrong.append({"level": level, "n": n, "hashes": hashes})
    if tree.root() != good.root():
        raise LogCorrupt(
            "the entries do not give the signed root", "restore the database from a backup"
        )
    for values in wrong:
        connection.execute(
            text(
                "INSERT INTO audit_tile (level, n, hashes) VALUES (:level, :n, :hashes)"
                " ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes"
            ),
            values,
        )
    return len(wrong)


_TILE = text("SELECT hashes FROM audit_tile WHERE level = :level AND n = :n")


def _leaves(connection: Connection, start: int, end: int, minimum: int) -> list[bytes]:
    if start < minimum:
        return [
            leaf
            for n in range(start // TILE_WIDTH, min(end, minimum) // TILE_WIDTH)
            for leaf in split_hashes(
                bytes(connection.execute(_TILE, {"level": 0, "n": n}).scalar_one_or_none() or b"")
            )
        ] + (_leaves(connection, minimum, end, minimum) if end > minimum else [])
    rows = connection.execute(
        text("SELECT data FROM audit_entry WHERE idx >= :a AND idx < :b ORDER BY idx"),
        {"a": start, "b": end},
    )
    leaves = [leaf_hash(bytes(data)) for (data,) in rows]
    if len(leaves) != end - start:
        raise LogCorrupt("entries are missing", "restore the database from a backup")
    return leaves
