"""Legal holds: nothing of a restricted case is erased or discarded while its date runs.

A hold begins with the case, before anybody has looked, so that no request can outrun the people who
must decide. It ends when two people find no violation, or on its date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from guarded_gen.audit import Event
from guarded_gen.errors import Conflict, InvalidInput
from guarded_gen.store.tables.preservation import LegalHold

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from guarded_gen.audit import Transaction
    from guarded_gen.store.tables.review import ReviewCase

DAY_MS = 86_400_000
HOLD_DAYS = 365
"""What 18 U.S.C. 2258A(h) asks of a provider after a report."""
LONGEST_DAYS = 3653
"""How far from now a hold may be made to run."""


def begin(tx: Transaction, case: ReviewCase, at: int) -> None:
    """Hold everything of a case's subject and item from now on; on record."""
    until = at + HOLD_DAYS * DAY_MS
    tx.session.add(
        LegalHold(
            case=case.id,
            tenant=case.tenant,
            subject=case.subject,
            item=case.item,
            since=at,
            until=until,
            ended=False,
        )
    )
    tx.append(
        Event(
            kind="hold.begun",
            tenant=case.tenant,
            subject=case.subject or None,
            related=case.decision,
            body={"case": case.id, "until": until},
        )
    )


def extend(tx: Transaction, case: ReviewCase, until: int, actor: str, at: int) -> None:
    """Make a running hold longer, on record. Raises :class:`Conflict` where none runs and
    :class:`InvalidInput` for a date before its end or more than ten years away."""
    hold = tx.session.get(LegalHold, case.id)
    if hold is None or hold.ended or hold.until <= at:
        raise Conflict("no hold of this case runs", "look at its state")
    if not hold.until < until <= at + LONGEST_DAYS * DAY_MS:
        raise InvalidInput(
            "a hold can only be made longer, to ten years from now", "give a later date", "until"
        )
    body = {"case": case.id, "until": until, "before": hold.until}
    hold.until = until
    tx.append(
        Event(
            kind="hold.extended", tenant=case.tenant, actor=actor,
            related=case.decision, body=body,
        )
    )  # fmt: skip


def end(tx: Transaction, case: ReviewCase) -> None:
    """End a case's hold: two people found no violation."""
    ended = tx.session.execute(
        update(LegalHold)
        .where(LegalHold.case == case.id, LegalHold.ended.is_(False))
        .values(ended=True)
    )
    if ended.rowcount:  # type: ignore[attr-defined]
        tx.append(
            Event(
                kind="hold.ended",
                tenant=case.tenant,
                related=case.decision,
                body={"case": case.id, "why": "no violation was found"},
            )
        )


def item_held(session: Session, item: str, at: int) -> bool:
    """Whether an item's files must stay."""
    found = session.scalar(
        select(LegalHold.case)
        .where(LegalHold.item == item, LegalHold.ended.is_(False), LegalHold.until > at)
        .limit(1)
    )
    return found is not None
