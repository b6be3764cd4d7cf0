"""Which entries of the log a person may know of: those of their tenants, and what belongs to a
restricted case by permission only, as on every page of a case."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.audit import LogEntry
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import ReviewCase
from policies.decision import Action
from policies.taxonomy import CATEGORIES


def knows_of(session: Session, who: Member) -> Callable[[LogEntry], bool]:
    """Whether this person may know of an entry. Reads the restricted cases once."""
    if who.may(Permission.SEE_RESTRICTED):
        return lambda entry: who.sees(entry.tenant)
    decisions = set(session.scalars(select(ReviewCase.decision).where(ReviewCase.restricted)))

    def knows(entry: LogEntry) -> bool:
        if not who.sees(entry.tenant) or entry.id in decisions or entry.related in decisions:
            return False
        return not restricted(entry)

    return knows


def restricted(entry: LogEntry) -> bool:
    """Whether a rule on a restricted category of the taxonomy matched, or the entry names one."""
    matched = [
        match.get("category")
        for match in (entry.decision or {}).get("trace", ())
        if match.get("action") != Action.ALLOW.value
    ]
    named = (*matched, entry.body.get("category"))
    return any(name in CATEGORIES and CATEGORIES[name].restricted for name in named if name)
