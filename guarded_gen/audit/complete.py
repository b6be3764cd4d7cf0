"""What makes an export complete: every entry of a range of the log, and a proof of that range.

Entries hold no personal data, so an export can carry also those that do not fit its query. The
auditor hashes all of them, which together with the hashes beside the range must give the signed
root (so none was left out of the range), and applies the query to each of them himself.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from guarded_gen.audit.errors import VERIFY_LOG, LogCorrupt
from guarded_gen.audit.ids import iso
from guarded_gen.audit.keys import LogKeys
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.reading import CheckedReader
from guarded_gen.audit.search import Query
from guarded_gen.audit.storage_types import as_bytes
from guarded_gen.errors import InvalidInput

RANGE = "range.entries"
"""The entries of the range in order, each after its uint16 length, as in a bundle of tlog-tiles."""
MARGIN_MS = 60_000
"""How far writers' clocks may differ: a period's range reaches that far past both of its ends."""
_ROWS = text("SELECT idx, data FROM audit_entry WHERE idx >= :a AND idx < :b ORDER BY idx")
_FIRST = text("SELECT min(idx) FROM audit_entry WHERE time >= :t AND idx < :size")
_LAST = text("SELECT max(idx) FROM audit_entry WHERE time < :t AND idx < :size")
_TIME = text("SELECT time FROM audit_entry WHERE idx = :i")


@dataclass(frozen=True, slots=True)
class EntryRange:
    """Entries ``start`` to ``end`` (exclusive) of the tree of ``size``."""

    start: int
    end: int
    size: int


def asked_for(query: Query, keys: LogKeys) -> dict[str, str]:
    """The query as an auditor can apply it to entries. Raises :class:`InvalidInput` for a query
    whose answer is a part of what fits."""
    if query.limit is not None or query.before is not None or query.ranged or query.acted:
        raise InvalidInput(
            "a complete export has no limit, page or score range",
            "narrow it by time, subject, kind, action, category, rule, policy, actor or tenant",
        )
    pseudonym = query.pseudonym
    if query.subject is not None:
        pseudonym = keys.pseudonym(query.tenant or "default", query.subject)
    found = {
        "since": None if query.since is None else iso(query.since),
        "until": None if query.until is None else iso(query.until),
        # A pseudonym already belongs to one tenant.
        "tenant": query.tenant if query.subject is None else None,
        "subject": pseudonym,
        "kind": query.kind,
        "action": query.action,
        "category": query.category,
        "rule": query.rule,
        "policy": query.policy,
        "actor": query.actor,
        "related": query.related,
    }
    return {name: value for name, value in found.items() if value is not None}


def range_of(connection: Connection, query: Query, size: int, minimum: int) -> EntryRange:
    """The range that holds every entry of the query's period, with a neighbour on both sides.

    Raises :class:`InvalidInput` where a part of the period was pruned, or the log is empty.
    """
    if size <= minimum:
        raise InvalidInput("the log has no entries to be complete about")
    start, end = minimum, size
    if query.until is not None:
        last = connection.execute(_LAST, {"t": query.until + MARGIN_MS, "size": size}).scalar()
        end = min(size, (minimum if last is None else last) + 2)
    if query.since is not None:
        first = connection.execute(_FIRST, {"t": query.since - MARGIN_MS, "size": size}).scalar()
        start = min(max(minimum, (size if first is None else first) - 1), end - 1)
        begins = connection.execute(_TIME, {"i": start}).scalar()
        if start > 0 and (begins is None or begins >= query.since):
            raise InvalidInput(
                f"entries of this period were pruned: the log begins at index {minimum}",
                "ask for a later period",
            )
    return EntryRange(start, end, size)


def write_range(
    connection: Connection,
    keys: LogKeys,
    prover: Prover,
    found: EntryRange,
    folder: Path,
    progress: Callable[[int], None],
) -> list[str]:
    """Write the range's entries, each compared with the signed tree; gives the proof's hashes."""
    reader = CheckedReader(connection, keys)
    rows = connection.execution_options(stream_results=True, yield_per=256).execute(
        _ROWS, {"a": found.start, "b": found.end}
    )
    expected = found.start
    with (folder / RANGE).open("wb") as file:
        for index, data in rows:
            if index != expected:
                break
            entry = as_bytes(data, f"entry {index}")
            reader.check(index, entry)
            file.write(struct.pack(">H", len(entry)) + entry)
            expected += 1
            if expected % 4096 == 0:
                progress(expected - found.start)
    if expected != found.end:
        raise LogCorrupt(f"entry {expected} is missing", VERIFY_LOG)
    return [
        base64.b64encode(node).decode()
        for node in prover.beside(found.start, found.end, found.size)
    ]


def described(
    found: EntryRange, note: str, query: dict[str, str], beside: list[str]
) -> dict[str, Any]:
    """What the manifest says of it."""
    return {
        "start": found.start,
        "end": found.end,
        "size": found.size,
        "query": query,
        "checkpoint": note,
        "beside": beside,
    }
