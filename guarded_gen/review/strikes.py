"""Strikes: the refusals of one end user that stand, for rules about repeated violations.

A strike is one refused request of an end user whom the caller named. It counts when a rule, or a
person, refused something for what it is; a request that nobody could judge is none. An
overturned appeal takes its strike back, and after ``review.strike_days`` it is not counted any
more. Rows hold the log's pseudonym of the user, never the name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from guarded_gen.review.cases import Clock, now_ms
from guarded_gen.store import Store
from guarded_gen.store.tables.review import Strike

DAY_MS = 86_400_000
PENDING, STANDS, REVERSED = "pending", "stands", "reversed"
NO_VIOLATION = ("no_violation", "technical")
"""Reasons of a person that refuse a clip without saying that anybody did wrong."""


@dataclass(frozen=True, slots=True)
class Strikes:
    """Counts strikes. ``pseudonym`` is the log's, of a tenant and the caller's name for a user."""

    store: Store
    pseudonym: Callable[[str, str], str]
    days: float
    clock: Clock = now_ms

    def count(self, tenant: str, subject: str) -> int:
        """Strikes of this user that count now: one look into an index."""
        since = self.clock() - int(self.days * DAY_MS)
        query = select(func.count()).where(
            Strike.tenant == tenant,
            Strike.subject == self.pseudonym(tenant, subject),
            Strike.state == STANDS,
            Strike.at > since,
        )
        with self.store.read() as session:
            return session.scalar(query) or 0


def note(
    session: Session,
    decision: str,
    tenant: str,
    pseudonym: str,
    *,
    pending: bool,
    clock: Clock = now_ms,
) -> None:
    """Keep a refusal, in its transaction; a ``pending`` one waits for a person's word."""
    state = PENDING if pending else STANDS
    row = Strike(decision=decision, tenant=tenant, subject=pseudonym, state=state, at=clock())
    session.add(row)


def settle(session: Session, decision: str, stands: bool) -> None:
    """A person's word on the refusal, or on the appeal against it; without effect on others."""
    strike = session.get(Strike, decision)
    if strike is not None:
        strike.state = STANDS if stands else REVERSED
