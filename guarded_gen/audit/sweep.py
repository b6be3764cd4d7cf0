"""The full check's fast pass: worker processes that look for anything at all that is wrong.

Each worker checks stretches of the log on a connection of its own. It names nothing: as soon as
one row is not as it must be, the exact check of :mod:`guarded_gen.audit.verify` runs over one
snapshot and says what it is. So a log that is in order is checked at the speed of all cores, and
the finding about one that is not comes from a single place.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Engine, create_engine

from guarded_gen.audit.errors import LogCorrupt
from guarded_gen.audit.event import action_of, commitment, tags_of
from guarded_gen.audit.ids import iso
from guarded_gen.audit.merkle import HASH_BYTES, TILE_WIDTH, perfect_root, split_hashes
from guarded_gen.audit.sealing import Sealer

FROM_ENTRIES = 50_000
"""Below it, starting processes takes longer than the check."""
STRETCH = 128 * TILE_WIDTH
"""Entries that a worker checks before it takes the next."""
_PAGE = 16 * TILE_WIDTH
_REMEMBERED_KEYS = 32_768

_workers: dict[str, Any] = {}
"""What one worker process keeps between its stretches: nothing of it is shared."""


@dataclass(slots=True)
class Stretch:
    """What one stretch gave; ``fine`` is False when a row is not as it must be."""

    start: int
    fine: bool = True
    entries: int = 0
    payloads: int = 0
    missing: list[tuple[int, str, str | None, str]] = field(default_factory=list)
    notable: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    """Entries that tell of erasures and prunings."""
    tags: dict[str, list[int]] = field(default_factory=dict)
    """Count and sum of indexes for each tag."""
    roots: list[bytes] = field(default_factory=list)
    """The roots of the full tiles of level 0, in order."""


def sweep(
    engine: Engine,
    seal_key: bytes,
    size: int,
    minimum: int,
    edge: bytes,
    workers: int,
    progress: Callable[[int, int], None],
) -> list[Stretch] | None:
    """Check the first ``size`` entries; None when anything is wrong or a worker died.

    ``edge`` is the partial tile of level 0. Every entry from ``minimum`` on must be there, hash
    to its stored leaf and repeat its columns; every payload must open and fit its commitment.
    """
    url = engine.url.render_as_string(hide_password=False)
    starts = range(0, size, STRETCH)
    done: list[Stretch] = []
    # spawned, not forked: the parent has threads, and connections that must not be shared
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(starts)), context, _begin, (url, seal_key))
    try:
        waiting = [
            pool.submit(_check, at, min(at + STRETCH, size), size, minimum, edge) for at in starts
        ]
        for future in as_completed(waiting):
            stretch = future.result()
            if not stretch.fine:
                return None
            done.append(stretch)
            progress(min(size, len(done) * STRETCH), size)
    except (OSError, RuntimeError):  # a worker could not start or was killed
        return None
    finally:
        pool.shutdown(cancel_futures=True)
    return sorted(done, key=lambda stretch: stretch.start)


def _begin(url: str, seal_key: bytes) -> None:
    gc.disable()  # the rows make no cycles, and looking for some costs time in every million
    _workers["engine"] = create_engine(url, pool_size=1)
    _workers["sealer"] = Sealer(seal_key, _REMEMBERED_KEYS)


def _check(start: int, end: int, size: int, minimum: int, edge: bytes) -> Stretch:
    found = Stretch(start)
    with _workers["engine"].connect() as connection:
        cursor = connection.connection.cursor()
        try:
            for at in range(start, end, _PAGE):
                _page(found, cursor, at, min(at + _PAGE, end), size, minimum, edge)
        except _Odd:
            found.fine = False
        except _UNREADABLE:
            found.fine = False
        finally:
            cursor.close()
    return found


_UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    LogCorrupt,
    sqlite3.Error,
)


class _Odd(Exception):
    """Something is not as it must be."""


def _page(
    found: Stretch, cursor: Any, start: int, end: int, size: int, minimum: int, edge: bytes
) -> None:
    leaves = _stored(cursor, start, end, size, edge, found.roots)
    first = max(start, minimum)
    if first >= end:
        return
    # integers of our own: no values from outside stand in these statements
    cursor.execute(
        "SELECT p.idx, p.subject, p.sealed, k.wrapped FROM audit_payload p"  # noqa: S608
        " LEFT JOIN audit_subject_key k ON k.subject = p.subject"
        f" WHERE p.idx >= {first} AND p.idx < {end}"
    )
    payloads = {row[0]: row for row in cursor.fetchall()}
    cursor.execute(
        "SELECT idx, id, time, kind, tenant, subject, action, data FROM audit_entry"  # noqa: S608
        f" WHERE idx >= {first} AND idx < {end} ORDER BY idx"
    )
    rows = cursor.fetchall()
    if len(rows) != end - first:
        raise _Odd
    tags, hashing = found.tags, sha256
    for position, row in enumerate(rows, first):
        index, id, time, kind, tenant, subject, action, data = row
        if index != position or hashing(b"\x00" + data).digest() != leaves[index - start]:
            raise _Odd
        record = orjson.loads(data)
        decision = record.get("decision")
        if (
            record["id"] != id
            or record["kind"] != kind
            or record["tenant"] != tenant
            or record.get("subject") != subject
            or record["time"] != iso(time)
            or action_of(decision, record.get("body")) != action
        ):
            raise _Odd
        for tag in tags_of(kind, record["actor"], decision):
            count = tags.get(tag)
            if count is None:
                tags[tag] = [1, index]
            else:
                count[0] += 1
                count[1] += index
        if kind.startswith(("payload.", "log.")):
            found.notable.append((index, kind, record.get("body", {})))
        commit = record.get("commit")
        payload = payloads.pop(index, None)
        if payload is not None:
            _open(id, commit, payload)
            found.payloads += 1
        elif commit is not None:
            found.missing.append((index, id, subject, kind))
    found.entries += len(rows)
    if payloads:
        raise _Odd


def _open(id: str, commit: str | None, payload: Any) -> None:
    sealer: Sealer = _workers["sealer"]
    _, owner, sealed, wrapped = payload
    if not sealer.known(owner):
        if wrapped is None:
            raise _Odd
        sealer.learn(owner, bytes(wrapped))
    salt, plain = sealer.open(owner, id, bytes(sealed))
    if commitment(salt, plain) != commit:
        raise _Odd


def _stored(
    cursor: Any, start: int, end: int, size: int, edge: bytes, roots: list[bytes]
) -> list[bytes]:
    """The stored leaf hashes of a page; the roots of its full tiles go into ``roots``."""
    first, last = start // TILE_WIDTH, -(-end // TILE_WIDTH)
    cursor.execute(
        "SELECT n, hashes FROM audit_tile"  # noqa: S608
        f" WHERE level = 0 AND n >= {first} AND n < {last}"
    )
    tiles = dict(cursor.fetchall())
    leaves: list[bytes] = []
    for n in range(first, last):
        width = min(TILE_WIDTH, size - n * TILE_WIDTH)
        tile = edge if width < TILE_WIDTH else bytes(tiles.get(n, b""))
        if len(tile) != width * HASH_BYTES:
            raise _Odd
        hashes = split_hashes(tile)
        if width == TILE_WIDTH:
            roots.append(perfect_root(hashes))
        leaves += hashes
    return leaves


def processors() -> int:
    """How many workers this machine can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
