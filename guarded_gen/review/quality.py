"""How well the reviewers decide, and what it costs them: agreement, golden cases, exposure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.store.tables.review import Appeal, Exposure, ReviewCase, ReviewVerdict


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement of two raters beyond chance, in [-1, 1].

    None when there is nothing to measure: no pair, or both raters always gave one same answer,
    where chance alone agrees fully. Cohen, Educational and Psychological Measurement 20 (1960).
    """
    if not pairs:
        return None
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[label] * second[label] for label in first) / n**2
    if expected == 1:
        return None
    return (observed - expected) / (1 - expected)


@dataclass(frozen=True, slots=True)
class PersonQuality:
    """One person's figures over the period. None: nothing to measure."""

    person: str
    decisions: int
    median_seconds: float | None
    exposure_seconds: float
    golden_right: int
    golden_seen: int
    overturned: int


@dataclass(frozen=True, slots=True)
class ReviewQuality:
    """The room's figures over the period."""

    people: tuple[PersonQuality, ...]
    kappa: float | None
    double_reviewed: int
    appeals_decided: int
    appeals_overturned: int

    @property
    def overturn_rate(self) -> float | None:
        if not self.appeals_decided:
            return None
        return self.appeals_overturned / self.appeals_decided


def quality(session: Session, since: int, until: int) -> ReviewQuality:
    """Figures of all decisions made from ``since`` to ``until`` (milliseconds since 1970)."""
    verdicts = list(
        session.scalars(
            select(ReviewVerdict)
            .where(
                ReviewVerdict.created_at >= since,
                ReviewVerdict.created_at < until,
                ReviewVerdict.undone.is_(False),
            )
            .order_by(ReviewVerdict.created_at)
        )
    )
    cases = {
        row.id: row
        for row in session.execute(
            select(ReviewCase.id, ReviewCase.kind, ReviewCase.decision, ReviewCase.expected)
            .join(ReviewVerdict, ReviewVerdict.case == ReviewCase.id)
            .where(ReviewVerdict.created_at >= since, ReviewVerdict.created_at < until)
        )
    }
    by_case: dict[str, list[ReviewVerdict]] = {}
    for verdict in verdicts:
        by_case.setdefault(verdict.case, []).append(verdict)
    doubles = [(v[0].action, v[1].action) for v in by_case.values() if len(v) >= 2]
    appeals = list(
        session.scalars(select(Appeal).where(Appeal.decided_at >= since, Appeal.decided_at < until))
    )
    overturned = {appeal.decision for appeal in appeals if appeal.state == "overturned"}
    seen = Counter[str]()
    for exposure in session.scalars(
        select(Exposure).where(Exposure.at >= since, Exposure.at < until)
    ):
        seen[exposure.person] += exposure.seconds  # type: ignore[assignment]
    people = []
    for person in sorted({verdict.person for verdict in verdicts}):
        mine = [verdict for verdict in verdicts if verdict.person == person]
        golden = [v for v in mine if (case := cases.get(v.case)) and case.expected]
        people.append(
            PersonQuality(
                person=person,
                decisions=len(mine),
                median_seconds=_median([verdict.seconds for verdict in mine]),
                exposure_seconds=float(seen[person]),
                golden_right=sum(cases[v.case].expected == v.action for v in golden),
                golden_seen=len(golden),
                overturned=sum(
                    cases[v.case].kind != "appeal" and cases[v.case].decision in overturned
                    for v in mine
                    if v.case in cases
                ),
            )
        )
    return ReviewQuality(
        tuple(people),
        cohen_kappa(doubles),
        len(doubles),
        len(appeals),
        len(overturned),
    )


def _median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    return (ordered[middle] + ordered[-middle - 1]) / 2
