"""Finding entries by what their sealed payloads say.

Whole words are found by an index (:mod:`guarded_gen.audit.words`), any other piece of text by
opening every payload that the query leaves. Both give only what was opened, compared, and checked
against the signed tree. Erased payloads do not match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, text

from guarded_gen.audit.errors import VERIFY_LOG, LogCorrupt
from guarded_gen.audit.event import LogEntry
from guarded_gen.audit.integrate import read_snapshot
from guarded_gen.audit.keys import LogKeys
from guarded_gen.audit.reading import CheckedReader
from guarded_gen.audit.sealing import Sealer
from guarded_gen.audit.search import Query, among, fits, search
from guarded_gen.audit.storage_types import as_bytes
from guarded_gen.audit.words import (
    SEARCHED,
    Progress,
    folded,
    payload_text,
    proposed,
    says,
    words_of,
)
from guarded_gen.errors import InvalidInput

_SEALED = text(
    "SELECT p.idx, p.subject, p.sealed, k.wrapped FROM audit_payload p"
    " LEFT JOIN audit_subject_key k ON k.subject = p.subject WHERE p.idx IN :found"
).bindparams(bindparam("found", expanding=True))


def wanted_words(said: str) -> list[str]:
    """The words to look for; raises :class:`InvalidInput` when there are none."""
    words = words_of(said)
    if not words:
        raise InvalidInput("no word to look for", "give letters or digits, or search anywhere")
    return words


def search_words(
    connection: Connection, query: Query, keys: LogKeys, wanted: Sequence[str]
) -> Iterator[LogEntry]:
    """The entries that fit and whose payload holds these words one after the other, in any case.

    Costs one read for each 2,048 entries and each word, and an opened payload for each entry that
    the index proposes; whatever has no index yet is opened too.
    """
    reader = CheckedReader(connection, keys)
    size, newest = reader.snapshot.size, not query.oldest_first
    low, high = reader.snapshot.minimum, size
    if query.before is not None:
        low, high = (low, min(size, query.before)) if newest else (query.before + 1, size)
    left = query.limit
    sealer = Sealer(keys.seal)
    found = proposed(connection, keys.seal, wanted, range(low, high), newest)
    for page in among(connection, query, keys, found):
        payloads = _payloads(connection, sealer, [index for index, _ in page])
        for index, data in page:
            if left is not None and left <= 0:
                return
            sealed = payloads.get(index)
            entry = _parsed(index, data)
            if sealed is None or entry.kind == SEARCHED or not fits(entry, query):
                continue
            if says(_opened(sealer, entry, *sealed), wanted):
                reader.check(index, entry.data)
                yield entry
                left = None if left is None else left - 1


def search_anywhere(
    connection: Connection,
    query: Query,
    keys: LogKeys,
    needle: str,
    progress: Progress | None = None,
) -> Iterator[LogEntry]:
    """The entries that fit and whose decrypted payload contains ``needle``, in any case.

    Costs one decryption for each entry that fits the query; ``progress(done, size)`` is told how
    far through the log it is.
    """
    wanted = folded(needle)
    if not wanted:
        raise InvalidInput("nothing to look for", "give the words to find")
    sealer = Sealer(keys.seal)
    left, size = query.limit, read_snapshot(connection).size
    for entry in search(connection, replace(query, limit=None), keys):
        if left is not None and left <= 0:
            return
        if progress is not None:
            progress(entry.index if query.oldest_first else size - entry.index, size)
        if entry.commit is None or entry.kind == SEARCHED:
            continue  # a search is not a hit of itself
        sealed = _payloads(connection, sealer, [entry.index]).get(entry.index)
        if sealed is None:
            continue
        if wanted in folded(payload_text(_opened(sealer, entry, *sealed))):
            yield entry
            left = None if left is None else left - 1


def _payloads(
    connection: Connection, sealer: Sealer, indexes: Sequence[int]
) -> dict[int, tuple[str, bytes]]:
    """Subject and sealed bytes of the payloads that are still there; the sealer learns their
    keys."""
    found = {}
    rows = connection.execute(_SEALED, {"found": list(indexes)}).all() if indexes else ()
    for index, subject, sealed, wrapped in rows:
        if wrapped is None:
            continue
        sealer.learn(subject, as_bytes(wrapped, f"the key of entry {index}"))
        found[index] = subject, as_bytes(sealed, f"the payload of entry {index}")
    return found


def _opened(sealer: Sealer, entry: LogEntry, subject: str, sealed: bytes) -> bytes:
    try:
        return sealer.open(subject, entry.id, sealed)[1]
    except ValueError as error:
        raise LogCorrupt(f"{entry.id}: {error}", VERIFY_LOG) from error


def _parsed(index: int, data: bytes) -> LogEntry:
    try:
        return LogEntry.parse(index, data)
    except (ValueError, KeyError, TypeError) as error:
        raise LogCorrupt(f"entry {index} is damaged: {error}", VERIFY_LOG) from error
