"""What people write on a case: a thread that stays with it, its words encrypted in the log."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import InvalidInput
from guarded_gen.review.cases import Clock, now_ms, visible
from guarded_gen.review.errors import NotAllowed
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import CaseNote, ReviewCase

MAX_NOTE = 4000


def worded(note: str) -> str:
    """A note without the space around it; raises :class:`InvalidInput` when it is too long."""
    note = note.strip()
    if len(note) > MAX_NOTE:
        raise InvalidInput(
            f"the note has {len(note)} characters, more than {MAX_NOTE}", "shorten it", "note"
        )
    return note


def payload(note: str) -> dict[str, str] | None:
    """The note as what the log encrypts; None without one."""
    return {"note": note} if note else None


def keep(
    tx: Transaction, case: ReviewCase, who: Member, kind: str, entry: str, note: str, at: int
) -> None:
    """Put a note that ``entry`` carries into the case's thread; nothing without words."""
    if note:
        tx.session.add(CaseNote(entry=entry, case=case.id, person=who.id, kind=kind, at=at))


def add(log: AuditLog, who: Member, id: str, note: str, clock: Clock = now_ms) -> None:
    """A remark on a case, by whoever decides or assigns; raises :class:`InvalidInput` without
    words, :class:`NotAllowed` for the first of two reviewers while the second one is awaited."""
    if not who.may(Permission.DECIDE):
        who.require(Permission.ASSIGN)
    note = worded(note)
    if not note:
        raise InvalidInput("the note is empty", "write something first", "note")

    def work(tx: Transaction) -> None:
        case = visible(tx.session, who, id)
        if not may_write(case, who):
            raise NotAllowed(
                "the second person decides without knowing what you think",
                "write after the case was decided",
            )
        entry = tx.append(
            Event(
                kind="case.noted",
                tenant=case.tenant,
                subject=case.subject or None,
                actor=who.id,
                related=case.decision,
                body={"case": id},
                payload=payload(note),
            )
        )
        keep(tx, case, who, "remark", entry, note, clock())

    log.write(work)


def may_write(case: ReviewCase, who: Member) -> bool:
    """Whether the person may add a remark now."""
    may = who.may(Permission.DECIDE) or who.may(Permission.ASSIGN)
    return may and not (blind(case) and who.id == case.first_reviewer)


def blind(case: ReviewCase) -> bool:
    """Whether the next decision must be made without knowing an earlier one of the same case:
    agreement would be copying. A lead to whom a case was escalated weighs what was said."""
    return case.state in ("open", "second")


def thread(session: Session, case: ReviewCase, who: Member) -> list[CaseNote]:
    """The notes of a case that the person may read now, oldest first."""
    rows = session.scalars(
        select(CaseNote).where(CaseNote.case == case.id).order_by(CaseNote.at, CaseNote.entry)
    )
    hidden = blind(case)
    return [n for n in rows if not (hidden and n.kind == "verdict" and n.person != who.id)]
