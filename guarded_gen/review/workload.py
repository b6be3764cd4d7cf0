"""Who has how much to do: by queue what waits and for how long, by person what was done."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from guarded_gen.review.cases import WAITING, seen_by
from guarded_gen.review.people import Member, member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import Exposure, Person, ReviewCase, ReviewVerdict

SHIFT_MS = 8 * 3_600_000


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """One queue, ``""`` for what belongs to none."""

    name: str
    waiting: int
    overdue: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class PersonLoad:
    """One person in the last eight hours. ``exposure`` in seconds, without saying of what, and how
    many of these were ``restricted``."""

    id: str
    name: str
    holding: int
    assigned: int
    decided: int
    exposure: float
    restricted: float


def by_queue(session: Session, who: Member, now: int) -> dict[str, QueueLoad]:
    """What waits, as far as the person may know of it."""
    name = func.coalesce(ReviewCase.queue, "")
    late = func.sum(case((ReviewCase.due_at <= now, 1), else_=0))
    rows = session.execute(
        select(name, func.count(), late, func.min(ReviewCase.opened_at))
        .where(ReviewCase.state.in_(WAITING), ReviewCase.kind != "golden", *seen_by(who))
        .group_by(name)
    )
    return {str(r[0]): QueueLoad(str(r[0]), int(r[1]), int(r[2] or 0), r[3]) for r in rows}


def by_person(session: Session, who: Member, now: int) -> list[PersonLoad]:
    """Everybody who may decide, the one with most to do first."""
    who.require(Permission.ASSIGN)

    def counted(column: object, *rules: object) -> dict[str, int]:
        query = select(column, func.count()).where(*rules).group_by(column)  # type: ignore[call-overload]
        return {str(row[0]): int(row[1]) for row in session.execute(query)}

    waits = (ReviewCase.state.in_(WAITING), *seen_by(who))
    holding = counted(ReviewCase.holder, ReviewCase.lease_until > now, *waits)
    assigned = counted(ReviewCase.assignee, ReviewCase.kind != "golden", *waits)
    decided = counted(
        ReviewVerdict.person,
        ReviewVerdict.created_at > now - SHIFT_MS,
        ReviewVerdict.undone.is_(False),
    )
    gravest = func.sum(case((Exposure.restricted, Exposure.seconds), else_=0.0))
    seen = {
        person: (float(seconds or 0), float(part or 0))
        for person, seconds, part in session.execute(
            select(Exposure.person, func.sum(Exposure.seconds), gravest)
            .where(Exposure.at > now - SHIFT_MS)
            .group_by(Exposure.person)
        )
    }
    people = session.scalars(select(Person).where(Person.active).order_by(Person.name))
    found = [
        PersonLoad(
            p.id,
            p.name,
            holding.get(p.id, 0),
            assigned.get(p.id, 0),
            decided.get(p.id, 0),
            *seen.get(p.id, (0.0, 0.0)),
        )
        for p in people
        if member(p).may(Permission.DECIDE)
    ]
    return sorted(found, key=lambda load: (-load.holding - load.assigned, load.name))
