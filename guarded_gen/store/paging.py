"""Pages of rows by their time and id, so that a row that comes in between shifts nothing."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session


class Dated(Protocol):
    """A table whose rows have a time of making (milliseconds since 1970) and an id."""

    id: Any
    created_at: Any


def page_of(
    session: Session,
    query: Select[Any],
    table: type[Dated],
    *,
    after: Dated | None,
    limit: int,
    ascending: bool = False,
) -> tuple[list[Any], bool]:
    """At most ``limit`` rows behind the row ``after``, newest first unless ``ascending``, and
    whether there are more."""
    at: InstrumentedAttribute[Any] = table.created_at
    id: InstrumentedAttribute[Any] = table.id
    if after is not None:
        place, anchor = tuple_(at, id), (after.created_at, after.id)
        query = query.where(place > anchor if ascending else place < anchor)
    order = (at.asc(), id.asc()) if ascending else (at.desc(), id.desc())
    rows = list(session.scalars(query.order_by(*order).limit(limit + 1)))
    return rows[:limit], len(rows) > limit
