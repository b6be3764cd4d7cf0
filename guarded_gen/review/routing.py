"""Named queues: which one a new case goes into, whom it is for, and how long it may wait.

The rules are conditions in CEL, evaluated by the engine that the policies use, over what a case
says of itself. The first queue whose rule holds takes the case; a case that no rule takes belongs
to none and is for everybody. A rule that fails (a score that is not there) does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, select, update
from sqlalchemy.orm import Session

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import InvalidInput, NotFound
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import Person, QueueMember, ReviewCase, ReviewQueue
from policies.conditions import ConditionNames

MAX_RULE = 2_000
MAX_QUEUES = 50
BATCH = 500
_NAME = re.compile(r"[a-z][a-z0-9-]{0,47}")
_LOOPS = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(")
VARIABLES: Mapping[str, str] = {
    "category": "string",
    "stage": "string",
    "kind": "string",
    "tenant": "string",
    "rule": "string",
    "reason": "string",
    "severity": "double",
    "reach": "int",
    "floor": "bool",
    "restricted": "bool",
    "scores": "map(string, double)",
}


@lru_cache(maxsize=1)
def _environment() -> Any:
    return ConditionNames(VARIABLES).environment


@lru_cache(maxsize=256)
def _compiled(rule: str) -> Any:
    return _environment().compile(rule).eval


def check_rule(rule: str) -> None:
    """Raise :class:`InvalidInput` for what is no condition about a case."""
    remedy = "write a condition over: " + ", ".join(VARIABLES)
    if not rule.strip() or len(rule) > MAX_RULE:
        raise InvalidInput(f"a rule has 1 to {MAX_RULE} characters", remedy, "rule")
    if _LOOPS.search(rule):
        raise InvalidInput("a rule of a queue has no loops", remedy, "rule")
    try:
        made = _environment().compile(rule)
    except RuntimeError as error:
        said = str(error).splitlines()[0][:200]
        raise InvalidInput(f"this is no condition: {said}", remedy, "rule") from None
    if made.return_type().name() != "BOOL":
        raise InvalidInput("the rule gives no true or false", remedy, "rule")


def holds(rule: str, case: ReviewCase) -> bool:
    """Whether a queue's rule takes this case. About 10 µs."""
    data = {
        "category": case.category or "",
        "stage": case.stage,
        "kind": case.kind,
        "tenant": case.tenant,
        "rule": case.rule or "",
        "reason": case.reason,
        "severity": float(case.severity),
        "reach": int(case.reach),
        "floor": bool(case.floor),
        "restricted": bool(case.restricted),
        "scores": {name: float(s) for name, s in case.details.get("scores", {}).items()},
    }
    # identity, not truth: a failed evaluation is a non-empty text
    return _compiled(rule)(_environment().Activation(data)).plain_value() is True


def queues(session: Session) -> list[ReviewQueue]:
    """All queues in the order in which their rules are asked."""
    return list(session.scalars(select(ReviewQueue).order_by(ReviewQueue.position)))


def route(case: ReviewCase, every: list[ReviewQueue]) -> None:
    """Put a case into the first queue that takes it; its time runs from when it was opened."""
    taken = next((queue for queue in every if holds(queue.rule, case)), None)
    case.queue = taken.name if taken is not None else None
    limit = taken.minutes if taken is not None else 0
    case.due_at = case.opened_at + limit * 60_000 if limit else None


def _shut(who: Member) -> Select[Any] | None:
    """Names of the queues that are for others only. Whoever assigns or audits knows of all."""
    if who.may(Permission.ASSIGN) or who.may(Permission.SEE_AUDIT):
        return None
    mine = exists().where(QueueMember.queue == ReviewQueue.name, QueueMember.person == who.id)
    return select(ReviewQueue.name).where(ReviewQueue.closed, ~mine)


def shut_to(session: Session | Connection, who: Member) -> set[str]:
    """Names of the queues that this person must not know of."""
    query = _shut(who)
    return set(session.scalars(query)) if query is not None else set()


def open_to(who: Member) -> list[ColumnElement[bool]]:
    """Conditions on the cases of queues that are for some people only."""
    query = _shut(who)
    return [func.coalesce(ReviewCase.queue, "").not_in(query)] if query is not None else []


def closed_to(session: Session, case: ReviewCase, who: Member) -> bool:
    """As :func:`open_to`, of one case."""
    rules = open_to(who) if case.queue else []
    if not rules:
        return False
    return session.scalar(select(ReviewCase.id).where(ReviewCase.id == case.id, *rules)) is None


def save(
    log: AuditLog, who: Member, name: str, title: str, rule: str, minutes: int, people: set[str]
) -> None:
    """Add or change a queue; ``people`` empty: for everybody. ``minutes`` 0: no limit."""
    who.require(Permission.ASSIGN)
    if not _NAME.fullmatch(name):
        raise InvalidInput("a name has small letters, digits and -", "such as elections", "name")
    if not 1 <= len(title.strip()) <= 64:
        raise InvalidInput("a title has 1 to 64 characters", None, "title")
    if not 0 <= minutes <= 60 * 24 * 365:
        raise InvalidInput("the time is 0 (no limit) to one year", "in minutes", "minutes")
    check_rule(rule)

    def work(tx: Transaction) -> None:
        session = tx.session
        unknown = people - set(session.scalars(select(Person.id).where(Person.id.in_(people))))
        if unknown:
            raise InvalidInput("one of these people is not there any more", "choose again")
        queue = session.get(ReviewQueue, name)
        if queue is None:
            last = session.scalar(select(func.max(ReviewQueue.position)))
            count = session.scalar(select(func.count()).select_from(ReviewQueue)) or 0
            if count >= MAX_QUEUES:
                raise InvalidInput(f"there are {MAX_QUEUES} queues", "remove one first")
            queue = ReviewQueue(name=name, position=(last or 0) + 1)
            session.add(queue)
        queue.title, queue.rule, queue.minutes = title.strip(), rule, minutes
        queue.closed = bool(people)
        session.flush()
        session.execute(delete(QueueMember).where(QueueMember.queue == name))
        session.add_all(QueueMember(queue=name, person=person) for person in sorted(people))
        body = {"queue": name, "rule": rule, "minutes": minutes, "people": sorted(people)}
        tx.append(Event(kind="queue.changed", actor=who.id, body=body))

    log.write(work)


def remove(log: AuditLog, who: Member, name: str) -> None:
    """Remove a queue; its cases are for everybody again."""
    who.require(Permission.ASSIGN)

    def work(tx: Transaction) -> None:
        queue = tx.session.get(ReviewQueue, name)
        if queue is None:
            raise NotFound(f"there is no queue {name[:48]}", "look into the list")
        tx.session.execute(delete(QueueMember).where(QueueMember.queue == name))
        tx.session.delete(queue)
        tx.session.execute(
            update(ReviewCase).where(ReviewCase.queue == name).values(queue=None, due_at=None)
        )
        tx.append(Event(kind="queue.removed", actor=who.id, body={"queue": name}))

    log.write(work)


def route_waiting(log: AuditLog, who: Member, waiting: tuple[str, ...]) -> int:
    """Ask the rules anew for every waiting case, a few hundred in each transaction; how many
    changed their queue."""
    who.require(Permission.ASSIGN)
    moved, last = 0, ""
    while True:

        def work(tx: Transaction, after: str = last) -> tuple[int, str]:
            every, changed, at = queues(tx.session), 0, ""
            query = select(ReviewCase).where(
                ReviewCase.state.in_(waiting), ReviewCase.kind != "golden", ReviewCase.id > after
            )
            for case in tx.session.scalars(query.order_by(ReviewCase.id).limit(BATCH)):
                before, at = (case.queue, case.due_at), case.id
                route(case, every)
                changed += before != (case.queue, case.due_at)
            return changed, at

        changed, last = log.write(work)
        moved += changed
        if not last:
            break
    log.append(Event(kind="queue.routed", actor=who.id, body={"moved": moved}))
    return moved
