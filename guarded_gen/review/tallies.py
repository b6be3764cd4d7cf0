"""How many cases wait, and which values they have: the two things that every look at the queue
asks, over the indexes alone, so that 100,000 cases cost little more than ten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, text

from guarded_gen.review import routing
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission

COLUMNS = frozenset({"tenant", "category", "stage", "kind", "rule"})
"""Columns that stand second in an index after the state."""


def waiting(connection: Connection, who: Member, states: tuple[str, ...]) -> dict[str, int]:
    """How many cases of each state the person may know of; golden ones are not counted."""
    where, values = _known(connection, who)
    count_all = f"SELECT count(*) FROM review_case WHERE state = :state{where}"  # noqa: S608
    every = _statement(count_all, values)
    # Counted apart: the index over restricted cases does not know their kind.
    golden = _statement(f"{count_all} AND kind = 'golden'", values)
    found: dict[str, int] = {}
    for state in states:
        given = {**values, "state": state}
        count = connection.execute(every, given).scalar_one()
        count -= connection.execute(golden, given).scalar_one() if count else 0
        if count:
            found[state] = int(count)
    return found


def distinct(
    connection: Connection, who: Member, column: str, states: tuple[str, ...], most: int
) -> Iterator[str]:
    """The values of one of :data:`COLUMNS` in cases that the person may know of; hops from value
    to value over the index. A value can come once for each state."""
    assert column in COLUMNS  # it goes into the statement's text
    where, values = _known(connection, who)
    least = f"SELECT min({column}) FROM review_case WHERE state = :state"  # noqa: S608
    hops = (
        f"WITH RECURSIVE found(value) AS ({least}{where} UNION ALL"  # noqa: S608
        f" SELECT ({least} AND {column} > found.value{where}) FROM found"
        " WHERE found.value IS NOT NULL)"
        " SELECT value FROM found WHERE value IS NOT NULL LIMIT :most"
    )
    hop = _statement(hops, values)
    for state in states:
        for value in connection.execute(hop, {**values, "state": state, "most": most}).scalars():
            if value:
                yield value


def _known(connection: Connection, who: Member) -> tuple[str, dict[str, Any]]:
    """The conditions of :func:`guarded_gen.review.cases.seen_by` as text and values; those that
    hold for every case are left out, since each costs a look into the table."""
    where, values = "", {}
    if who.tenants:
        where += " AND tenant IN :tenants"
        values["tenants"] = sorted(who.tenants)
    if not who.may(Permission.SEE_RESTRICTED):
        where += " AND NOT restricted"
    shut = routing.shut_to(connection, who)
    if shut:
        where += " AND coalesce(queue, '') NOT IN :shut"
        values["shut"] = sorted(shut)
    return where, values


def _statement(sql: str, values: dict[str, Any]) -> TextClause:
    return text(sql).bindparams(*(bindparam(name, expanding=True) for name in values))
