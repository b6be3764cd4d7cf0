"""Deciding a case: one person, or two where it cannot be taken back; with a moment to undo.

A decision stands on record at once and takes effect when its undo window closes
(:func:`Decisions.settle`), so that an undone one never published or refused anything.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import InvalidInput
from guarded_gen.review import notes
from guarded_gen.review.cases import Clock, held, now_ms, visible
from guarded_gen.review.errors import FloorRule, StaleCase
from guarded_gen.review.limits import ReviewLimits
from guarded_gen.review.people import Member, member
from guarded_gen.review.roles import Permission
from guarded_gen.store import Store
from guarded_gen.store.tables.review import Exposure, Person, ReviewCase, ReviewVerdict
from policies import taxonomy

Effect = Callable[[Transaction, ReviewCase], None]
"""What happens to the held item when a decision takes effect, in the same transaction."""

ACTIONS = ("allow", "block")
HANDED_ON = ("second", "escalated")
GOLDEN_ANSWER_MS = 3_600_000
"""After this time a golden copy that was handed on is closed, as if a colleague had decided; it
counts for nobody: to ask in doubt is no wrong answer."""

REASONS = ("no_violation", "context_changes_meaning", *taxonomy.REASONS, "technical", "other")


def reasons_of(case: ReviewCase) -> tuple[str, ...]:
    """The codes by which a reviewer can explain a decision of this case: those of the taxonomy,
    and those of the policy's own that the gate spoke of: its rule's and its categories'."""
    entries = case.details.get("categories", ())
    own = [code for entry in entries for code in entry.get("reasons", ())]
    if case.rule is not None and case.reason:
        own = list(dict.fromkeys([case.reason, *own]))
    return (*own, *(code for code in REASONS if code not in own))


@dataclass(frozen=True, slots=True)
class Decided:
    """``waits_for_second``: another person must agree before anything happens."""

    verdict: str
    entry: str
    waits_for_second: bool
    effective_at: int | None


class Decisions:
    """Deciding, undoing, escalating. ``effect`` is called once per settled case."""

    def __init__(
        self,
        store: Store,
        log: AuditLog,
        effect: Effect,
        limits: ReviewLimits | None = None,
        clock: Clock = now_ms,
    ) -> None:
        self.store = store
        self.log = log
        self.effect = effect
        self.limits = limits or ReviewLimits()
        self.clock = clock

    def decide(
        self,
        who: Member,
        id: str,
        action: str,
        reason: str,
        *,
        version: int,
        note: str = "",
        seconds: float = 0.0,
    ) -> Decided:
        """Say allow or block of a case that this person holds.

        ``version`` is the case's version when the form was made; the same form sent twice, or a
        case that changed since, raises :class:`StaleCase`. A floor rule's case cannot be
        allowed (:class:`FloorRule`), and closing it needs a second person who agrees; when the
        two differ the case is escalated to a lead.
        """
        who.require(Permission.DECIDE)
        if action not in ACTIONS:
            raise InvalidInput(f"{action!r} is no decision", "say allow or block", "action")
        require_seconds(seconds)
        note = notes.worded(note)
        at = self.clock()

        def work(tx: Transaction) -> Decided:
            case = held(tx.session, who, id, at)
            if case.version != version:
                raise StaleCase("the case changed since you opened it", "look at it again")
            if not reason:
                raise InvalidInput(
                    "a decision needs a reason", "choose why, then decide again", "reason"
                )
            if reason not in reasons_of(case):
                raise InvalidInput(
                    f"{reason[:80]!r} is no reason code", "choose one of the list", "reason"
                )
            if case.floor and action == "allow":
                raise FloorRule(
                    f"rule {case.rule} is a floor rule: no reviewer can relax it",
                    "block it, or escalate it with a note",
                )
            entry = tx.append(
                Event(
                    kind="case.decided",
                    tenant=case.tenant,
                    subject=case.subject,
                    actor=who.id,
                    related=case.decision,
                    body={"case": id, "action": action, "reason": reason, "from": case.state},
                    payload=notes.payload(note),
                )
            )
            notes.keep(tx, case, who, "verdict", entry, note, at)
            verdict = ReviewVerdict(
                id=f"ver_{uuid.uuid4().hex}",
                case=id,
                person=who.id,
                action=action,
                reason=reason,
                entry=entry,
                undone=False,
                seconds=seconds,
                exposure=seen_seconds(tx.session, id, who.id),
                created_at=at,
            )
            tx.session.add(verdict)
            self._advance(tx, case, who, action, at)
            # a golden case answers as the one that it was made from would
            waits = case.state == "second" or (case.kind == "golden" and case.floor)
            return Decided(verdict.id, entry, waits, case.effective_at)

        return self.log.write(work)

    def _advance(
        self, tx: Transaction, case: ReviewCase, who: Member, action: str, at: int
    ) -> None:
        case.version += 1
        case.holder, case.lease_until = None, 0
        # a second opinion can be asked for before anybody has decided: then this is the first
        second = case.state == "second" and case.action is not None
        if not second and (needs_two(case) or self._sampled(tx.session, case, who)):
            case.state, case.first_reviewer, case.action = "second", who.id, action
            return
        if second and case.action != action:
            case.state, case.action = "escalated", None
            case.barred = [*case.barred, who.id]
            tx.append(
                Event(
                    kind="case.escalated",
                    tenant=case.tenant,
                    actor="system",
                    related=case.decision,
                    body={"case": case.id, "why": "two reviewers differ"},
                )
            )
            return
        case.state, case.action = "deciding", action
        person = tx.session.get(Person, who.id)
        own = person.preferences.get("undo", 0) if person is not None else 0
        case.effective_at = at + int(max(self.limits.undo, float(own)) * 1000)

    def _sampled(self, session: Session, case: ReviewCase, who: Member) -> bool:
        """Whether a second person decides this one too, to measure how far people agree.

        Never where nobody else could: the case would wait for ever.
        """
        if (
            case.kind != "review"
            or case.state != "open"
            or not drawn(case, self.limits.double_rate)
        ):
            return False
        others = session.scalars(select(Person).where(Person.active, Person.id != who.id))
        return any(
            m.may(Permission.DECIDE) and m.sees(case.tenant) and m.id not in case.barred
            for m in map(member, others)
        )

    def undo(self, who: Member, id: str) -> None:
        """Take one's own decision back while the undo window is open."""
        at = self.clock()

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, id)
            verdict = tx.session.scalar(
                select(ReviewVerdict)
                .where(ReviewVerdict.case == id, ReviewVerdict.undone.is_(False))
                .order_by(ReviewVerdict.created_at.desc())
                .limit(1)
            )
            mine = verdict is not None and verdict.person == who.id
            waits = case.state == "second" and case.first_reviewer == who.id
            if verdict is None or not mine or not (case.state == "deciding" or waits):
                raise StaleCase("there is nothing left to undo", "file it as an appeal")
            if case.effective_at is not None and case.effective_at <= at:
                raise StaleCase("the undo window is over", "ask a lead to reopen it")
            verdict.undone = True
            two_step = case.state == "deciding" and case.first_reviewer is not None
            before = str(self.log.entry(verdict.entry).body.get("from", ""))
            case.state = before or ("second" if two_step else "open")
            if case.state != "second" or not two_step:
                case.action = None
                if case.state != "escalated":
                    case.first_reviewer = None
            case.effective_at = None
            case.version += 1
            case.holder, case.lease_until = who.id, at + int(self.limits.lease * 1000)
            tx.append(
                Event(
                    kind="case.undone",
                    tenant=case.tenant,
                    actor=who.id,
                    related=verdict.entry,
                    body={"case": id},
                )
            )

        self.log.write(work)

    def ask_second(self, who: Member, id: str, note: str = "", *, escalate: bool = False) -> None:
        """Hand a held case to another person, or up to a lead, with a question or a remark."""
        at, note = self.clock(), notes.worded(note)

        def work(tx: Transaction) -> None:
            case = held(tx.session, who, id, at)
            case.version += 1
            case.holder, case.lease_until = None, 0
            case.barred = [*case.barred, who.id]
            if case.kind == "golden":  # nobody else ever meets this copy
                case.effective_at = at + GOLDEN_ANSWER_MS
            if escalate:
                case.state = "escalated"
            elif case.state == "open":
                case.state = "second"
            entry = tx.append(
                Event(
                    kind="case.escalated" if escalate else "case.second_asked",
                    tenant=case.tenant,
                    subject=case.subject,
                    actor=who.id,
                    related=case.decision,
                    body={"case": id},
                    payload=notes.payload(note),
                )
            )
            notes.keep(tx, case, who, "escalation" if escalate else "question", entry, note, at)

        self.log.write(work)

    def settle(self, limit: int = 100) -> int:
        """Put decisions whose undo window is over into effect; returns how many."""
        at = self.clock()
        with self.store.read() as session:
            due = list(
                session.scalars(
                    select(ReviewCase.id)
                    .where(
                        or_(
                            ReviewCase.state == "deciding",
                            and_(ReviewCase.state.in_(HANDED_ON), ReviewCase.kind == "golden"),
                        ),
                        ReviewCase.effective_at <= at,
                    )
                    .limit(limit)
                )
            )
        done = 0
        for id in due:

            def work(tx: Transaction, id: str = id) -> bool:
                case = tx.session.get(ReviewCase, id)
                if case is None or case.state not in ("deciding", *HANDED_ON):
                    return False
                if case.effective_at is None or case.effective_at > at:
                    return False
                if case.state in HANDED_ON:
                    if case.kind != "golden":
                        return False
                    case.action = case.expected  # as the colleague who knows would have said
                case.state, case.closed_at = "closed", at
                case.version += 1
                self.effect(tx, case)
                tx.append(
                    Event(
                        kind="case.closed",
                        tenant=case.tenant,
                        subject=case.subject,
                        related=case.decision,
                        body={"case": id, "action": case.action, "kind": case.kind},
                    )
                )
                return True

            done += self.log.write(work)
        return done

    def revealed(self, who: Member, id: str, seconds: float) -> None:
        """Record that the person saw ``seconds`` of the case's media."""
        who.require(Permission.SEE_MEDIA)
        require_seconds(seconds)

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, id)
            tx.session.add(
                Exposure(
                    id=f"exp_{uuid.uuid4().hex}",
                    case=id,
                    person=who.id,
                    seconds=min(max(seconds, 0.0), 3600.0),
                    restricted=case.restricted,
                    at=self.clock(),
                )
            )
            tx.append(
                Event(
                    kind="case.media_viewed",
                    tenant=case.tenant,
                    actor=who.id,
                    related=case.decision,
                    body={"case": id, "seconds": round(seconds, 1)},
                )
            )

        self.log.write(work)


def require_seconds(seconds: float) -> None:
    """Raise :class:`InvalidInput` for what is no length of time (a NaN passes every comparison)."""
    if not math.isfinite(seconds) or seconds < 0:
        raise InvalidInput("seconds is a number from 0 up", None, "seconds")


def needs_two(case: ReviewCase) -> bool:
    """Floor rules and restricted cases end in what cannot be taken back: two people must agree."""
    return (case.floor or case.restricted) and case.kind != "golden"


def drawn(case: ReviewCase, rate: float) -> bool:
    """Whether a case belongs to the sample: by a hash of its id, so that asking again gives the
    same answer and nobody chooses."""
    number = int.from_bytes(hashlib.sha256(case.id.encode()).digest()[:8])
    return number < rate * 2**64


def seen_seconds(session: Session, case: str, person: str) -> float:
    """Seconds of this case's media that this person revealed."""
    total = session.scalar(
        select(func.coalesce(func.sum(Exposure.seconds), 0.0)).where(
            Exposure.case == case, Exposure.person == person
        )
    )
    return float(total or 0.0)
