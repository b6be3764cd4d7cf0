"""C2SP tlog-tiles: the resources by which a log is published.

``checkpoint``, ``tile/<L>/<N>[.p/<W>]`` and ``tile/entries/<N>[.p/<W>]``, and beside them
``checkpoint.cosigned``, the newest that a witness cosigned, or the quorum of a policy did. All but
the checkpoints are immutable: a tile of width ``W`` has the same bytes whenever it is asked for.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import VERIFY_LOG, BadNote, LogCorrupt
from guarded_gen.audit.integrate import Snapshot, read_snapshot
from guarded_gen.audit.merkle import HASH_BYTES, TILE_WIDTH, leaf_hash, split_hashes
from guarded_gen.audit.note import open_note, parse_signature
from guarded_gen.audit.storage_types import as_bytes
from guarded_gen.audit.witness_policy import WitnessPolicy
from guarded_gen.errors import InvalidInput, NotFound

MAX_LEVEL = 63
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<n>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_COSIGNED = text("SELECT line FROM audit_cosignature WHERE size = :size ORDER BY witness")
_LINES = text(
    "SELECT size, line FROM audit_cosignature WHERE size > :above ORDER BY size DESC, witness"
)
_NOTE = text("SELECT note FROM audit_cosignature WHERE size = :size ORDER BY witness")
_NEWEST_COSIGNED = text(
    "SELECT size, note, line FROM audit_cosignature WHERE size ="
    " (SELECT max(size) FROM audit_cosignature WHERE size > :above) ORDER BY witness"
)
COSIGNED = "checkpoint.cosigned"
"""The newest cosigned checkpoint; it may be older than ``checkpoint``, which grows meanwhile."""
_MAX_PARTS = 7
_TILE = text("SELECT hashes FROM audit_tile WHERE level = :level AND n = :n")
_BUNDLE = text("SELECT idx, data FROM audit_entry WHERE idx >= :a AND idx < :b ORDER BY idx")


@dataclass(frozen=True, slots=True)
class TilePath:
    """The address of a tile. ``level`` is None for a bundle of entries; ``width`` is 256 for a
    full tile."""

    level: int | None
    n: int
    width: int = TILE_WIDTH

    def __str__(self) -> str:
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{index_path(self.n)}{partial}"

    @classmethod
    def parse(cls, path: str) -> TilePath:
        """Read a path; raises :class:`InvalidInput` for any other spelling of it."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise InvalidInput(f"no tile path: {path[:100]!r}")
        level = None if match["level"] == "entries" else int(match["level"])
        parts = match["n"].replace("x", "").split("/")
        n = int("".join(parts)) if len(parts) <= _MAX_PARTS else -1
        width = int(match["width"] or TILE_WIDTH)
        tile = cls(level, n, width)
        if (level or 0) > MAX_LEVEL or str(tile) != path or (match["width"] and width > 255):
            raise InvalidInput(f"no tile path: {path[:100]!r}")
        return tile


def index_path(n: int) -> str:
    """``1234067`` as ``x001/x234/067``."""
    parts = [f"{n % 1000:03d}"]
    while n >= 1000:
        n //= 1000
        parts.append(f"x{n % 1000:03d}")
    return "/".join(reversed(parts))


def tile_reader(connection: Connection, snapshot: Snapshot) -> Callable[[int, int], bytes]:
    """Reads tiles of the snapshot: full ones from the table, the right edge from the snapshot."""

    def read(level: int, n: int) -> bytes:
        count = snapshot.size >> (8 * level)
        if n == count // TILE_WIDTH and level < len(snapshot.edge):
            return snapshot.edge[level]
        row = connection.execute(_TILE, {"level": level, "n": n}).first()
        if row is None:
            if n < count // TILE_WIDTH:
                raise LogCorrupt(f"tile {level}/{n} is missing", VERIFY_LOG)
            return b""
        return as_bytes(row[0], f"tile {level}/{n}")

    return read


def read_resource(connection: Connection, path: str, policy: WitnessPolicy | None = None) -> bytes:
    """The bytes of a resource below the log's prefix; ``policy`` says what counts as cosigned.

    Raises :class:`InvalidInput` for a malformed path, :class:`NotFound` for what the log does not
    have: a tile past its end, an empty tile, or entries below the minimum index.
    """
    snapshot = read_snapshot(connection)
    if path == "checkpoint":
        return (snapshot.note + cosignatures(connection, snapshot.size)).encode()
    if path == COSIGNED:
        cosigned = newest_cosigned(connection, policy=policy)
        if cosigned is None:
            who = "no witness has" if policy is None else "no quorum of witnesses has"
            raise NotFound(f"{who} cosigned a checkpoint of this log yet")
        return cosigned.note.encode()
    tile = TilePath.parse(path)
    count = snapshot.size >> (8 * (tile.level or 0))
    if not count or tile.n * TILE_WIDTH + tile.width > count:
        raise NotFound(f"the log has no {path}")
    if tile.level is None:
        return bundle(connection, snapshot, tile)
    return tile_reader(connection, snapshot)(tile.level, tile.n)[: tile.width * HASH_BYTES]


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A checkpoint of ours with the signature lines of the witnesses that cosigned it."""

    size: int
    note: str


def newest_cosigned(
    connection: Connection, above: int = 0, policy: WitnessPolicy | None = None
) -> CosignedCheckpoint | None:
    """The newest checkpoint of a tree of more than ``above`` entries that a witness cosigned, or
    with a policy its quorum."""
    if policy is not None:
        return _newest_of_quorum(connection, above, policy)
    rows = connection.execute(_NEWEST_COSIGNED, {"above": above}).all()
    if not rows:
        return None
    return CosignedCheckpoint(rows[0][0], rows[0][1] + "".join(row[2] for row in rows))


def _newest_of_quorum(
    connection: Connection, above: int, policy: WitnessPolicy
) -> CosignedCheckpoint | None:
    rows = connection.execute(_LINES, {"above": above})
    try:
        for size, group in groupby(rows, key=lambda row: int(row[0])):
            lines = [row[1] for row in group]
            # Who claims to have signed costs nothing; signatures are checked where it is enough.
            claims = [parse_signature(line.rstrip("\n")) for line in lines]
            named = [v for v in policy.verifiers if any(v.matches(claim) for claim in claims)]
            if not policy.satisfied_by(named):
                continue
            note = connection.execute(_NOTE, {"size": size}).scalars().first()
            whole = f"{note}{''.join(lines)}"
            try:
                signers = open_note(whole, named)[1] if named else []
            except BadNote as error:
                raise LogCorrupt(
                    f"the cosignatures of the checkpoint of size {size} are damaged: {error}",
                    VERIFY_LOG,
                ) from error
            if policy.satisfied_by(signers):
                return CosignedCheckpoint(size, whole)
    finally:
        rows.close()
    return None


def cosignatures(connection: Connection, size: int) -> str:
    """The signature lines of the witnesses that cosigned the checkpoint of this size."""
    rows = connection.execute(_COSIGNED, {"size": size})
    return "".join(row[0] for row in rows)


def bundle(connection: Connection, snapshot: Snapshot, tile: TilePath) -> bytes:
    """Entries with their uint16 lengths; :class:`LogCorrupt` when one is not what was signed."""
    start = tile.n * TILE_WIDTH
    if start < snapshot.minimum:
        raise NotFound(f"entries below {snapshot.minimum} were pruned")
    rows = connection.execute(_BUNDLE, {"a": start, "b": start + tile.width}).all()
    if [row[0] for row in rows] != list(range(start, start + tile.width)):
        raise LogCorrupt(f"entries are missing in {tile}", VERIFY_LOG)
    entries = [as_bytes(row[1], f"entry {row[0]}") for row in rows]
    leaves = split_hashes(tile_reader(connection, snapshot)(0, tile.n))
    for index, (data, leaf) in enumerate(zip(entries, leaves, strict=False), start):
        if leaf_hash(data) != leaf:
            raise LogCorrupt(
                f"entry {index} was altered: its bytes are not those that were signed",
                VERIFY_LOG,
            )
    return b"".join(struct.pack(">H", len(data)) + data for data in entries)


def split_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle; raises :class:`InvalidInput` when it is cut off."""
    entries = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise InvalidInput("the bundle is cut off")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def paths(snapshot: Snapshot) -> Iterator[TilePath]:
    """Every tile and bundle of the snapshot, the widest form of each."""
    level = 0
    while count := snapshot.size >> (8 * level):
        for n in range(-(-count // TILE_WIDTH)):
            yield TilePath(level, n, min(TILE_WIDTH, count - n * TILE_WIDTH))
        level += 1
    first = -(-snapshot.minimum // TILE_WIDTH)
    for n in range(first, -(-snapshot.size // TILE_WIDTH)):
        yield TilePath(None, n, min(TILE_WIDTH, snapshot.size - n * TILE_WIDTH))


def export_folder(
    connection: Connection,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    policy: WitnessPolicy | None = None,
) -> int:
    """Write the log as static files that any web server can serve; gives their number.

    Full tiles that the folder already has are kept, so that exporting again is cheap. The
    checkpoint is written last, by renaming, and never runs ahead of its tiles.
    """
    snapshot = read_snapshot(connection)
    read = tile_reader(connection, snapshot)
    wanted = list(paths(snapshot))
    for done, tile in enumerate(wanted):
        target = folder / str(tile)
        if tile.width == TILE_WIDTH and target.exists():
            continue
        if tile.level is None:
            data = bundle(connection, snapshot, tile)
        else:
            data = read(tile.level, tile.n)
        _write(target, data)
        if progress is not None and done % 64 == 0:
            progress(done, len(wanted))
    note = snapshot.note + cosignatures(connection, snapshot.size)
    cosigned = newest_cosigned(connection, policy=policy)
    if cosigned is not None:
        _write(folder / COSIGNED, cosigned.note.encode())
    _write(folder / "checkpoint", note.encode())
    return len(wanted) + 1 + (cosigned is not None)


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_bytes(data)
    part.replace(target)
