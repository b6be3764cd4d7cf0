"""The queue: cases come in, are leased to one person at a time, and leave decided.

A lease is a promise with an end: whoever holds it may decide; when it ran out, or a person gave
it back, the next one may take the case. Taking is one conditional UPDATE, so two people who
press at the same moment never hold one case.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import NotFound
from guarded_gen.review import holds, routing, tallies
from guarded_gen.review.errors import LeaseLost, NotAllowed, StaleCase
from guarded_gen.review.limits import ReviewLimits
from guarded_gen.review.people import Member
from guarded_gen.review.priority import rank, severity
from guarded_gen.review.roles import Permission
from guarded_gen.store import Store
from guarded_gen.store.tables.review import ReviewCase, ReviewVerdict
from policies.decision import Action
from policies.taxonomy import CATEGORIES

Clock = Callable[[], int]


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a gate (or an appeal, or a sampler) hands to the reviewers."""

    item: str
    tenant: str
    subject: str
    stage: str
    decision: str
    category: str | None
    rule: str | None
    reason: str
    policy_digest: str
    floor: bool = False
    kind: str = "review"
    cluster: str | None = None
    reach: int = 1
    details: Mapping[str, Any] = field(default_factory=dict)
    expected: str | None = None
    barred: Sequence[str] = ()
    look: str | None = None
    severity: float | None = None
    """Of a category of the policy's own; by default the taxonomy's."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What part of the queue somebody looks at. None means any."""

    tenant: str | None = None
    category: str | None = None
    policy_digest: str | None = None
    rule: str | None = None
    stage: str | None = None
    kind: str | None = None
    assignee: str | None = None
    state: str | None = None
    item: str | None = None
    queue: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        pairs = (
            (ReviewCase.tenant, self.tenant),
            (ReviewCase.category, self.category),
            (ReviewCase.policy_digest, self.policy_digest),
            (ReviewCase.rule, self.rule),
            (ReviewCase.stage, self.stage),
            (ReviewCase.kind, self.kind),
            (ReviewCase.assignee, self.assignee),
            (ReviewCase.item, self.item),
            (ReviewCase.queue, self.queue),
        )
        return [column == value for column, value in pairs if value is not None]

    def fit(self, case: ReviewCase) -> bool:
        """Whether a case is among what was asked for, as far as a golden one can be."""
        if self.kind not in (None, "review") or self.state not in (None, "open"):
            return False
        if self.assignee is not None or self.item is not None:
            return False
        names = ("tenant", "category", "policy_digest", "rule", "stage", "queue")
        return all(getattr(self, n) in (None, getattr(case, n)) for n in names)


WAITING = ("open", "second", "escalated")


def is_restricted(new: NewCase) -> bool:
    """Whether a rule on a restricted category of the taxonomy matched, or somebody who is shown
    says that the video is one.

    A restricted category that nothing has *assessed* accuses nobody and makes no case restricted.
    """
    matched = [
        match.get("category")
        for match in new.details.get("trace", ())
        if match.get("action") != Action.ALLOW.value
    ]
    if new.rule is not None or new.kind == "removal":
        matched.append(new.category)
    return any(name in CATEGORIES and CATEGORIES[name].restricted for name in matched if name)


def open_case(tx: Transaction, new: NewCase, clock: Clock = now_ms) -> str:
    """Add a case within the transaction of the decision that needs it; returns its id."""
    at = clock()
    weight = new.severity if new.severity is not None else severity(new.category)
    case = ReviewCase(
        id=f"case_{uuid.uuid4().hex}",
        kind=new.kind,
        state="open",
        tenant=new.tenant,
        subject=new.subject,
        item=new.item,
        stage=new.stage,
        decision=new.decision,
        category=new.category,
        rule=new.rule,
        reason=new.reason,
        policy_digest=new.policy_digest,
        floor=new.floor,
        restricted=is_restricted(new),
        cluster=new.cluster,
        severity=weight,
        reach=new.reach,
        rank=rank(weight, new.reach, at),
        details=dict(new.details),
        expected=new.expected,
        source=None,
        look=new.look,
        assignee=None,
        holder=None,
        lease_until=0,
        hold_until=0,
        first_reviewer=None,
        barred=list(new.barred),
        action=None,
        effective_at=None,
        opened_at=at,
        closed_at=None,
        version=1,
        queue=None,
        due_at=None,
        alerted=False,
    )
    routing.route(case, routing.queues(tx.session))
    tx.session.add(case)
    tx.append(
        Event(
            kind="case.opened",
            tenant=new.tenant,
            subject=new.subject,
            related=new.decision,
            # whether a case is golden must not be readable by those whom it tests
            body={"case": case.id, "item": new.item, "category": new.category},
        )
    )
    if case.restricted and case.kind in ("review", "report"):
        holds.begin(tx, case, at)
    return case.id


class CaseQueue:
    """Reading and leasing of cases. Cheap to make; holds no state.

    ``mix`` may put a golden case before the next one, see :mod:`guarded_gen.review.golden`.
    """

    def __init__(
        self,
        store: Store,
        log: AuditLog,
        limits: ReviewLimits | None = None,
        clock: Clock = now_ms,
        mix: Callable[[Member, Filters], str | None] = lambda who, filters: None,
    ) -> None:
        self._mix = mix
        self.store = store
        self.log = log
        self.limits = limits or ReviewLimits()
        self.clock = clock

    def page(self, who: Member, filters: Filters, after: str | None = None) -> list[ReviewCase]:
        """The next ``limits.page`` cases in order of rank, below the case ``after``."""
        who.require(Permission.SEE_QUEUE)
        wanted = (filters.state,) if filters.state else WAITING
        # a golden case is there for the one whom it tests, and looks like any other
        mine = or_(ReviewCase.kind != "golden", ReviewCase.assignee == who.id)
        rules = [*filters.conditions(), mine, *seen_by(who)]
        with self.store.read() as session:
            if after is not None:
                rules.append(below(visible(session, who, after)))
            return foremost(session, wanted, rules, self.limits.page)

    def values(self, who: Member, column: InstrumentedAttribute[Any], most: int = 100) -> list[str]:
        """The values that a column has in waiting cases, at most ``most``.

        Hops from value to value over the index, so it costs as little for 100,000 cases as for
        ten; ``column`` stands second in an index after the state.
        """
        who.require(Permission.SEE_QUEUE)
        with self.store.read() as session:
            found = tallies.distinct(session.connection(), who, column.key, WAITING, most)
            return sorted(set(found))

    def counts(self, who: Member) -> dict[str, int]:
        """How many cases wait, by state."""
        with self.store.read() as session:
            return tallies.waiting(session.connection(), who, WAITING)

    def get(self, who: Member, id: str) -> ReviewCase:
        """One case; :class:`NotFound` also for those of tenants that the person may not see."""
        who.require(Permission.SEE_QUEUE)
        with self.store.read() as session:
            return visible(session, who, id)

    def next(
        self, who: Member, filters: Filters | None = None, after: str | None = None
    ) -> ReviewCase | None:
        """Lease the foremost case that this person may decide; None when none waits.

        ``after`` names a case: what comes before it was skipped.
        """
        who.require(Permission.DECIDE)
        filters = filters or Filters()
        states: Sequence[str] = (
            WAITING if who.may(Permission.DECIDE_ESCALATED) else ("open", "second")
        )
        if filters.state is not None:
            states = [state for state in states if state == filters.state]
        golden = self._mix(who, filters)
        if golden is not None:
            return self.take(who, golden)
        for _ in range(5):  # another person may take the same one first
            with self.store.read() as session:
                rules = [*self._available(who), *filters.conditions()]
                if after is not None:
                    rules.append(below(visible(session, who, after)))
                candidates = foremost(session, states, rules, 20)
                ids = [c.id for c in candidates if may_decide(session, c, who)]
            for id in ids:
                try:
                    return self.take(who, id)
                except (LeaseLost, StaleCase):
                    continue
            if not ids:
                return None
        return None

    def take(self, who: Member, id: str) -> ReviewCase:
        """Lease one case, or renew the person's own lease.

        Raises :class:`LeaseLost` when another person holds it, :class:`StaleCase` when it is
        decided, :class:`NotAllowed` when this person must not decide it.
        """
        who.require(Permission.DECIDE)
        at = self.clock()

        def work(tx: Transaction) -> ReviewCase:
            case = visible(tx.session, who, id)
            if case.state not in WAITING:
                raise StaleCase("this case is already decided", "take the next one")
            if not may_decide(tx.session, case, who):
                raise NotAllowed("this case needs another person", "take the next one")
            taken = tx.session.execute(
                update(ReviewCase)
                .where(
                    ReviewCase.id == id,
                    ReviewCase.state.in_(WAITING),
                    or_(
                        ReviewCase.holder == who.id,
                        ReviewCase.holder.is_(None),
                        ReviewCase.lease_until < at,
                    ),
                )
                .values(holder=who.id, lease_until=at + int(self.limits.lease * 1000))
            )
            if not taken.rowcount:  # type: ignore[attr-defined]
                raise LeaseLost("somebody else is deciding this case", "take the next one")
            if case.holder != who.id:
                tx.append(
                    Event(
                        kind="case.taken",
                        tenant=case.tenant,
                        actor=who.id,
                        related=case.decision,
                        body={"case": id},
                    )
                )
            tx.session.refresh(case)
            return case

        return self.log.write(work)

    def give_back(self, who: Member, id: str, hold: bool = False) -> None:
        """Skip (``hold`` False) or put aside for ``limits.hold`` seconds."""
        at = self.clock()

        def work(tx: Transaction) -> None:
            case = held(tx.session, who, id, at)
            case.holder, case.lease_until = None, 0
            if hold:
                case.hold_until = at + int(self.limits.hold * 1000)
            tx.append(
                Event(
                    kind="case.held" if hold else "case.skipped",
                    tenant=case.tenant,
                    actor=who.id,
                    related=case.decision,
                    body={"case": id},
                )
            )

        self.log.write(work)

    def assign(self, who: Member, id: str, to: str | None) -> None:
        """Reserve a case for one person, or free it again."""
        who.require(Permission.ASSIGN)

        def work(tx: Transaction) -> None:
            case = visible(tx.session, who, id)
            case.assignee = to
            case.version += 1
            tx.append(
                Event(
                    kind="case.assigned",
                    tenant=case.tenant,
                    actor=who.id,
                    related=case.decision,
                    body={"case": id, "to": to},
                )
            )

        self.log.write(work)

    def _available(self, who: Member) -> list[ColumnElement[bool]]:
        at = self.clock()
        rules: list[ColumnElement[bool]] = [
            ReviewCase.hold_until < at,
            or_(
                ReviewCase.holder.is_(None),
                ReviewCase.holder == who.id,
                ReviewCase.lease_until < at,
            ),
            or_(ReviewCase.assignee.is_(None), ReviewCase.assignee == who.id),
        ]
        if who.refuses:
            category = func.coalesce(ReviewCase.category, "")
            rules.append(category.not_in(sorted(who.refuses)))
        return [*rules, *seen_by(who)]


def foremost(
    session: Session, states: Sequence[str], rules: Sequence[ColumnElement[bool]], most: int
) -> list[ReviewCase]:
    """The cases of these states in order of rank. One query for each state: the index gives
    each in order, and merging a few rows is cheaper than sorting a hundred thousand."""
    found: list[ReviewCase] = []
    for state in states:
        query = select(ReviewCase).where(ReviewCase.state == state, *rules)
        order = (ReviewCase.rank.desc(), ReviewCase.id.desc())
        found.extend(session.scalars(query.order_by(*order).limit(most)))
    return sorted(found, key=lambda case: (case.rank, case.id), reverse=True)[:most]


def below(case: ReviewCase) -> ColumnElement[bool]:
    """What comes after this case in the order of the queue."""
    return or_(
        ReviewCase.rank < case.rank,
        and_(ReviewCase.rank == case.rank, ReviewCase.id < case.id),
    )


def deciders(session: Session, decision: str) -> set[str]:
    """Everybody who gave a verdict about a gate's decision, other than on its appeal."""
    query = (
        select(ReviewVerdict.person)
        .join(ReviewCase, ReviewCase.id == ReviewVerdict.case)
        .where(
            ReviewCase.decision == decision,
            ReviewCase.kind != "appeal",
            ReviewVerdict.undone.is_(False),
        )
    )
    return set(session.scalars(query))


def seen_by(who: Member) -> list[ColumnElement[bool]]:
    """Which cases a person may know of: the tenants', restricted ones only by permission, those of
    a closed queue only as one of its members."""
    rules: list[ColumnElement[bool]] = []
    if who.tenants:
        rules.append(ReviewCase.tenant.in_(sorted(who.tenants)))
    if not who.may(Permission.SEE_RESTRICTED):
        rules.append(ReviewCase.restricted.is_(False))
    return [*rules, *routing.open_to(who)]


def visible(session: Session, who: Member, id: str) -> ReviewCase:
    """The case, if the person may know of it (as :func:`seen_by`); else :class:`NotFound`."""
    case = session.get(ReviewCase, id)
    hidden = case is not None and case.restricted and not who.may(Permission.SEE_RESTRICTED)
    known = case is not None and not hidden and who.sees(case.tenant)
    if case is None or not known or routing.closed_to(session, case, who):
        raise NotFound(f"there is no case {id[:60]}", "look into the queue")
    return case


def held(session: Session, who: Member, id: str, at: int) -> ReviewCase:
    """The case, if this person holds a living lease on it; else :class:`LeaseLost`."""
    case = visible(session, who, id)
    if case.state not in WAITING:
        raise StaleCase("this case is already decided", "take the next one")
    if case.holder != who.id or case.lease_until < at:
        raise LeaseLost("your lease on this case ran out", "take it again if nobody else has it")
    if not may_decide(session, case, who):
        raise NotAllowed("you decided what is appealed here", "leave it to another person")
    return case


def may_decide(session: Session, case: ReviewCase, who: Member) -> bool:
    """Never the first reviewer again, never one who decided what is now appealed.

    Who decided is looked up each time: a verdict may have come after the appeal was filed.
    """
    if who.id == case.first_reviewer or who.id in case.barred:
        return False
    if case.kind == "appeal" and who.id in deciders(session, case.decision):
        return False
    if case.assignee not in (None, who.id):
        return False
    return case.state != "escalated" or who.may(Permission.DECIDE_ESCALATED)
