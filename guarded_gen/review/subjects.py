"""What is known of one end user, or of one tenant, as far as the person who asks may know it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import ColumnElement, and_, func, select, true
from sqlalchemy.orm import Session

from guarded_gen.review.cases import seen_by
from guarded_gen.review.people import Member
from guarded_gen.review.strikes import DAY_MS, STANDS
from guarded_gen.store.tables.review import Appeal, GoldenCase, ReviewCase, Strike
from media.hashing import MATCH_DISTANCE, distance, from_hex

SHOWN = 50
COMPARED = 1_000
"""Newest clips of a tenant whose look is compared."""


@dataclass(frozen=True, slots=True)
class StrikeRow:
    """One refusal that was counted, and until when it counts."""

    decision: str
    state: str
    at: int
    until: int
    counts: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """One end user of a tenant. ``linked``: cases of others with the same words or picture."""

    tenant: str
    name: str
    cases: list[ReviewCase]
    strikes: list[StrikeRow]
    appeals: list[Appeal]
    linked: list[tuple[ReviewCase, str]]

    @property
    def counting(self) -> int:
        return sum(strike.counts for strike in self.strikes)


@dataclass(frozen=True, slots=True)
class TenantHistory:
    """One tenant: its cases by state, category and outcome, and the newest of them."""

    name: str
    states: dict[str, int]
    categories: list[tuple[str, int]]
    outcomes: dict[str, int]
    appeals: dict[str, int]
    cases: list[ReviewCase]
    striking: int
    """End users with a refusal that counts now."""


def known(who: Member, tenant: str, met: ReviewCase | None = None) -> list[ColumnElement[bool]]:
    """Which cases of a tenant may be shown beside the case ``met``: none that the person may not
    know of, no golden copies, and not the original of a copy: it would give the answer away."""
    rules = [ReviewCase.tenant == tenant, ReviewCase.kind != "golden", *seen_by(who)]
    if met is not None and met.source is not None:
        original = select(GoldenCase.case).where(GoldenCase.id == met.source).scalar_subquery()
        rules.append(ReviewCase.id != func.coalesce(original, ""))
    return rules


def subject_of(
    session: Session,
    who: Member,
    case: ReviewCase,
    pseudonym: Callable[[str, str], str],
    days: float,
    now: int,
) -> Subject:
    """The end user whom a case is about. ``days``: how long a strike counts."""
    rules = known(who, case.tenant, case)
    cases = list(
        session.scalars(
            select(ReviewCase)
            .where(ReviewCase.subject == case.subject, *rules)
            .order_by(ReviewCase.opened_at.desc())
            .limit(SHOWN)
        )
    )
    return Subject(
        case.tenant,
        case.subject,
        cases,
        _strikes(session, who, case.tenant, pseudonym(case.tenant, case.subject), days, now),
        _appeals(session, cases),
        _linked(session, cases, rules, case.subject),
    )


def _strikes(
    session: Session, who: Member, tenant: str, pseudonym: str, days: float, now: int
) -> list[StrikeRow]:
    """Strikes of decisions that the person may know of: a restricted case hides its own."""
    rows = session.scalars(
        select(Strike)
        .where(Strike.tenant == tenant, Strike.subject == pseudonym)
        .order_by(Strike.at.desc())
        .limit(SHOWN)
    ).all()
    decided = {row.decision for row in rows}
    every = select(ReviewCase.decision).where(ReviewCase.decision.in_(decided))
    hidden = set(session.scalars(every)) - set(session.scalars(every.where(*seen_by(who))))
    until = int(days * DAY_MS)
    return [
        StrikeRow(
            row.decision,
            row.state,
            row.at,
            row.at + until,
            row.state == STANDS and row.at + until > now,
        )
        for row in rows
        if row.decision not in hidden
    ]


def _appeals(session: Session, cases: list[ReviewCase]) -> list[Appeal]:
    decisions = {case.decision for case in cases}
    query = select(Appeal).where(Appeal.decision.in_(decisions))
    return list(session.scalars(query.order_by(Appeal.created_at.desc())))


def _linked(
    session: Session, cases: list[ReviewCase], rules: list[ColumnElement[bool]], name: str
) -> list[tuple[ReviewCase, str]]:
    others = [*rules, ReviewCase.subject != name]
    newest = ReviewCase.opened_at.desc()
    clusters = {case.cluster for case in cases if case.cluster}
    found = {
        case.id: (case, "the same words")
        for case in session.scalars(
            select(ReviewCase)
            .where(ReviewCase.cluster.in_(clusters), *others)
            .order_by(newest)
            .limit(SHOWN)
        )
    }
    looks = [from_hex(case.look) for case in cases if case.look]
    if looks:
        rows = session.execute(
            select(ReviewCase.id, ReviewCase.look)
            .where(ReviewCase.look.is_not(None), *others)
            .order_by(newest)
            .limit(COMPARED)
        ).all()
        if rows:
            hashes = np.stack([from_hex(str(look)) for _, look in rows])
            near = np.min([distance(hashes, look) for look in looks], axis=0) <= MATCH_DISTANCE
            ids = [row[0] for row, alike in zip(rows, near.tolist(), strict=True) if alike]
            query = select(ReviewCase).where(ReviewCase.id.in_(ids[:SHOWN]))
            for case in session.scalars(query):
                found.setdefault(case.id, (case, "the same picture"))
    return sorted(found.values(), key=lambda pair: pair[0].opened_at, reverse=True)[:SHOWN]


def tenant_of(session: Session, who: Member, name: str, days: float, now: int) -> TenantHistory:
    """One tenant, over the cases of the last 30 days that the person may know of."""
    rules = [*known(who, name), ReviewCase.opened_at > now - 30 * DAY_MS]

    def counted(column: object, *more: ColumnElement[bool]) -> list[tuple[str, int]]:
        query = select(column, func.count()).where(*rules, *more).group_by(column)  # type: ignore[call-overload]
        pairs = [(str(value), int(n)) for value, n in session.execute(query) if value]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    appeals = session.execute(
        select(Appeal.state, func.count())
        .join(ReviewCase, ReviewCase.id == Appeal.case)
        .where(*rules)
        .group_by(Appeal.state)
    )
    hidden = select(ReviewCase.decision).where(
        ReviewCase.tenant == name, ReviewCase.restricted, ~and_(true(), *seen_by(who))
    )
    striking = session.scalar(
        select(func.count(func.distinct(Strike.subject))).where(
            Strike.tenant == name,
            Strike.state == STANDS,
            Strike.at > now - int(days * DAY_MS),
            Strike.decision.not_in(hidden),
        )
    )
    newest = select(ReviewCase).where(*rules).order_by(ReviewCase.opened_at.desc()).limit(SHOWN)
    return TenantHistory(
        name,
        dict(counted(ReviewCase.state)),
        counted(ReviewCase.category)[:12],
        dict(counted(ReviewCase.action, ReviewCase.state == "closed")),
        {str(state): int(n) for state, n in appeals},
        list(session.scalars(newest)),
        striking or 0,
    )
