"""Finding entries, by the columns of their rows, by tags, and by what they say inside.

Time, tenant, subject and action have indexes; rules, matched categories, policies and reviewers
are found by tags (``audit_tag``); score ranges and everything else are filtered from what these
leave, newest first, until the limit is reached.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, text

from guarded_gen.audit.errors import VERIFY_LOG, LogCorrupt
from guarded_gen.audit.event import (
    ANY_CATEGORY,
    MAX_TAG,
    REVIEWED,
    SCORE_FROM,
    LogEntry,
    score_bucket,
    score_tag,
)
from guarded_gen.audit.ids import time_of
from guarded_gen.audit.keys import LogKeys
from guarded_gen.audit.reading import CheckedReader
from guarded_gen.audit.storage_types import as_bytes
from guarded_gen.errors import InvalidInput

PAGE = 256
_FIRST_PAGE = 32
"""Most searches want a screenful."""
_TAGGED = "EXISTS (SELECT 1 FROM audit_tag x WHERE x.tag = :tag{0} AND x.idx = e.idx)"
Rows = Generator[tuple[int, bytes], None, None]


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; empty fields do not restrict. Times are milliseconds since 1970."""

    since: int | None = None
    until: int | None = None
    tenant: str | None = None
    subject: str | None = None
    """As the caller knows him, of ``tenant`` (or of ``default``)."""
    pseudonym: str | None = None
    """The subject as the log knows him."""
    kind: str | None = None
    """A kind, or with a trailing dot all kinds that begin with it."""
    action: str | None = None
    category: str | None = None
    """A category that a rule matched; with a score range, the category of that score."""
    rule: str | None = None
    policy: str | None = None
    """The digest of the policy that decided."""
    actor: str | None = None
    min_score: float | None = None
    max_score: float | None = None
    related: str | None = None
    """The id of the entry that it refers to."""
    before: int | None = None
    """For paging: only entries that this order lists after the entry of this index."""
    oldest_first: bool = False
    limit: int | None = None
    acted: bool = False
    """Only entries with an action: what gates and people decided."""

    @property
    def ranged(self) -> bool:
        return self.min_score is not None or self.max_score is not None


def search(connection: Connection, query: Query, keys: LogKeys) -> Iterator[LogEntry]:
    """The entries that fit, newest first unless the query says otherwise.

    Each is compared with the signed tree first: raises :class:`LogCorrupt` at one that was altered.
    """
    left = query.limit
    reader = CheckedReader(connection, keys)
    low = query.min_score
    if low is not None and SCORE_FROM <= low <= 1:
        rows = _scored(connection, query, keys)
    else:
        rows = _plain(connection, query, keys)
    try:
        for index, data in rows:
            if left is not None and left <= 0:
                return
            try:
                entry = LogEntry.parse(index, as_bytes(data, f"entry {index}"))
            except (ValueError, KeyError, TypeError) as error:
                raise LogCorrupt(f"entry {index} is damaged: {error}", VERIFY_LOG) from error
            if fits(entry, query):
                reader.check(index, entry.data)
                yield entry
                left = None if left is None else left - 1
    finally:
        rows.close()


def _plain(connection: Connection, query: Query, keys: LogKeys) -> Rows:
    sql, values = _statement(connection, query, keys)
    rows = connection.execution_options(stream_results=True, yield_per=PAGE).execute(
        text(sql), values
    )
    try:
        yield from rows
    finally:
        rows.close()


def _scored(connection: Connection, query: Query, keys: LogKeys) -> Rows:
    """The entries with a score in the range's buckets: a superset, in the order asked for."""
    high = 1.0 if query.max_score is None else min(query.max_score, 1.0)
    buckets = range(score_bucket(query.min_score or 0.0), score_bucket(high) + 1)
    streams = [
        _filed(connection, score_tag(query.category or ANY_CATEGORY, bucket)[:MAX_TAG], query)
        for bucket in buckets
    ]
    merged = (i for i, _ in groupby(merge(*streams, reverse=not query.oldest_first)))
    for page in among(connection, query, keys, merged):
        yield from (row for row in page if _scores_fit(row[1], query))


def among(
    connection: Connection, query: Query, keys: LogKeys, indexes: Iterator[int]
) -> Iterator[list[tuple[int, bytes]]]:
    """Index and bytes of those of these entries, which stand in the order asked for, whose
    columns and tags fit; page by page."""
    parts, values = _conditions(query, keys)
    for number, tag in enumerate(_tags(query)):
        parts.append(_TAGGED.format(number))
        values[f"tag{number}"] = tag
    where = "".join(f" AND {part}" for part in parts)
    sql = text(
        f"SELECT e.idx, e.data FROM audit_entry e WHERE e.idx IN :found{where}"  # noqa: S608
    ).bindparams(bindparam("found", expanding=True))
    size = _FIRST_PAGE
    while found := list(islice(indexes, size)):
        rows = connection.execute(sql, {**values, "found": found}).all()
        page = [(row[0], as_bytes(row[1], f"entry {row[0]}")) for row in rows]
        yield sorted(page, reverse=not query.oldest_first)
        size = min(2 * size, PAGE)


def _scores_fit(data: bytes, query: Query) -> bool:
    """Whether the entry is worth parsing: a bucket is wider than the range that was asked for."""
    try:
        scores = orjson.loads(data)["decision"]["scores"]
    except (ValueError, KeyError, TypeError):
        return True  # damaged: whoever parses it says so
    return _in_range(scores, query)


def _in_range(scores: Mapping[str, float], query: Query) -> bool:
    names = [query.category] if query.category is not None else list(scores)
    low = 0.0 if query.min_score is None else query.min_score
    high = 1.0 if query.max_score is None else query.max_score
    return any(name in scores and low <= scores[name] <= high for name in names)


def _filed(connection: Connection, tag: str, query: Query) -> Iterator[int]:
    """The indexes filed under a tag, page by page."""
    sign, order = (">", "ASC") if query.oldest_first else ("<", "DESC")
    at = query.before if query.before is not None else (-1 if query.oldest_first else 2**62)
    size = _FIRST_PAGE
    sql = text(
        f"SELECT idx FROM audit_tag WHERE tag = :tag AND idx {sign} :at"  # noqa: S608
        f" ORDER BY idx {order} LIMIT :size"
    )
    while True:
        page = connection.execute(sql, {"tag": tag, "at": at, "size": size}).scalars().all()
        yield from page
        if len(page) < size:
            return
        at, size = page[-1], min(2 * size, PAGE)


def fits(entry: LogEntry, query: Query) -> bool:
    """What no column and no tag says of an entry: its relation, its actor, its scores."""
    decision = entry.decision or {}
    if query.related is not None and entry.related != query.related:
        return False
    if query.actor is not None and entry.actor != query.actor:
        return False
    if query.ranged:
        return _in_range(decision.get("scores", {}), query)
    return True


def _conditions(query: Query, keys: LogKeys) -> tuple[list[str], dict[str, Any]]:
    """What the columns of an entry must be, whichever index finds it."""
    parts: list[str] = []
    values: dict[str, Any] = {}

    def add(part: str, name: str, value: Any) -> None:
        if value is not None:
            parts.append(part)
            values[name] = value

    since = query.since
    if query.related is not None:
        # Nothing can refer to an entry before that entry was made.
        since = max(since or 0, _time_of(query.related))
    add("e.time >= :since", "since", since)
    add("e.time < :until", "until", query.until)
    if query.subject is None:  # a pseudonym already belongs to one tenant
        add("e.tenant = :tenant", "tenant", query.tenant)
    add("e.action = :action", "action", query.action)
    if query.ranged and query.action is None:
        parts.append("e.action IS NOT NULL")
    if query.acted and query.action is None:
        # Not "IS NOT NULL": the index over actions is not in the order of time.
        parts.append("coalesce(e.action, '') <> ''")
    pseudonym = query.pseudonym
    if query.subject is not None:
        pseudonym = keys.pseudonym(query.tenant or "default", query.subject)
    add("e.subject = :subject", "subject", pseudonym)
    if query.kind is not None and query.kind.endswith("."):
        add("substr(e.kind, 1, :kind_length) = :kind", "kind", query.kind)
        values["kind_length"] = len(query.kind)
    else:
        add("e.kind = :kind", "kind", query.kind)
    return parts, values


def _statement(connection: Connection, query: Query, keys: LogKeys) -> tuple[str, dict[str, Any]]:
    parts, values = _conditions(query, keys)

    def add(part: str, name: str, value: Any) -> None:
        if value is not None:
            parts.append(part)
            values[name] = value

    pseudonym = values.get("subject")
    tags = _tags(query)
    order = "ASC" if query.oldest_first else "DESC"
    sign = ">" if query.oldest_first else "<"
    if tags:
        source = "audit_tag t JOIN audit_entry e ON e.idx = t.idx"
        add("t.tag = :tag0", "tag0", tags[0])
        for number, tag in enumerate(tags[1:], 1):
            add(_TAGGED.format(number), f"tag{number}", tag)
        add(f"t.idx {sign} :before", "before", query.before)
        ordering = f"t.idx {order}"
    elif not parts or pseudonym is not None:
        # The index over subjects lists them by index, so this order costs nothing.
        source, ordering = "audit_entry e", f"e.idx {order}"
        add(f"e.idx {sign} :before", "before", query.before)
    else:
        source, ordering = "audit_entry e", f"e.time {order}, e.idx {order}"
        if query.before is not None:
            parts.append(f"(e.time, e.idx) {sign} (:before_time, :before)")
            values["before"] = query.before
            values["before_time"] = connection.execute(
                text("SELECT time FROM audit_entry WHERE idx = :i"), {"i": query.before}
            ).scalar_one_or_none() or (0 if query.oldest_first else 2**62)
    where = " WHERE " + " AND ".join(parts) if parts else ""
    return f"SELECT e.idx, e.data FROM {source}{where} ORDER BY {ordering}", values  # noqa: S608


def _tags(query: Query) -> list[str]:
    named = {
        "rule": query.rule,
        "category": None if query.ranged else query.category,
        "policy": query.policy,
        "actor": query.actor if (query.kind or "").startswith(REVIEWED) else None,
    }
    return [f"{name}:{value}"[:MAX_TAG] for name, value in named.items() if value is not None]


def _time_of(id: str) -> int:
    try:
        return time_of(id)
    except ValueError as error:
        raise InvalidInput(f"no entry id: {id[:80]!r}") from error
