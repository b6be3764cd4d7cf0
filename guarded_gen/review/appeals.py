"""Appeals: the user's link in every refusal, another reviewer, a reasoned answer.

The link carries an HMAC of the decision's id, so that only who was refused can appeal it, needs
no account, and cannot walk through other people's decisions.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from guarded_gen.audit import AuditLog, Event, LogEntry, Transaction
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.review import keyed_bits, strikes
from guarded_gen.review.cases import Clock, NewCase, deciders, now_ms, open_case
from guarded_gen.store import Store
from guarded_gen.store.comparing import same_secret
from guarded_gen.store.tables.review import Appeal, ReviewCase, ReviewVerdict

MAX_STATEMENT = 4000
_SHOWN = ("scores", "thresholds", "trace", "missing", "not_assessed")
"""What of the appealed decision its reviewer sees."""
_APART = ("appeal", "golden")
"""Cases that share a decision's id without deciding about it."""


def appeal_key(folder: Path) -> bytes:
    """The key of appeal links: made on first use, readable by the owner only."""
    path = folder / "appeals.key"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
    return hmac.new(path.read_bytes(), b"appeal links", hashlib.sha256).digest()


def appeal_token(key: bytes, decision: str) -> str:
    """The unguessable part of a decision's appeal link, 32 hex digits."""
    return hmac.new(key, b"appeal\0" + decision.encode(), hashlib.sha256).hexdigest()[:32]


def appeal_link(key: bytes, base_url: str, decision: str) -> str:
    """The address of a decision's appeal page."""
    return f"{base_url.rstrip('/')}/appeal/{decision}/{appeal_token(key, decision)}"


@dataclass(frozen=True, slots=True)
class AppealStatus:
    """What the one who appealed may know."""

    id: str
    decision: str
    state: str
    created_at: int
    decided_at: int | None
    statement_of_reasons: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Happened:
    """One step of what became of a request. ``people`` 0: an automatic decision; ``action`` is
    ``allow``, ``review`` (held for a person) or ``block``. ``at`` in milliseconds since 1970."""

    at: int
    people: int
    action: str
    reason: str
    category: str | None
    own: Sequence[Mapping[str, Any]] = ()


class Appeals:
    """Filing and answering of appeals. ``key`` signs the links."""

    def __init__(self, store: Store, log: AuditLog, key: bytes, clock: Clock = now_ms) -> None:
        self.store = store
        self.log = log
        self._key = key
        self.clock = clock

    def link(self, base_url: str, decision: str) -> str:
        """The appeal page of a decision."""
        return appeal_link(self._key, base_url, decision)

    def check(self, decision: str, token: str) -> None:
        """Raise :class:`NotFound` unless the token belongs to the decision."""
        if not same_secret(appeal_token(self._key, decision), token):
            raise NotFound("this appeal link is not valid", "use the link of the refusal")

    def judged(self, decision: str) -> LogEntry:
        """The gate's decision behind a refusal; raises :class:`NotFound`.

        A refusal by a person names that person's entry, and a link may carry either.
        """
        entry = self.log.entry(decision)
        if entry.kind == "case.decided" and entry.related is not None:
            entry = self.log.entry(entry.related)
        if entry.decision is None:
            raise NotFound("there is no such decision", "use the link of the refusal")
        return entry

    def happened(self, decision: str) -> list[Happened]:
        """What became of a request until now, oldest first: the gate's decision, and what people
        said of it once that holds. Appeals apart; nothing that can still be undone."""
        entry = self.judged(decision)
        taken = dict(entry.decision or {})
        own = tuple(entry.body.get("categories", ()))
        found = [
            Happened(
                entry.time,
                0,
                str(taken.get("action", "")),
                str(taken.get("reason", "")),
                first_category(taken),
                own,
            )
        ]
        with self.store.read() as session:
            case = session.scalar(
                select(ReviewCase)
                .where(ReviewCase.decision == entry.id, ReviewCase.kind.not_in(_APART))
                .order_by(ReviewCase.opened_at)
                .limit(1)
            )
            if case is not None and case.state == "closed":
                said = session.scalars(
                    select(ReviewVerdict)
                    .where(
                        ReviewVerdict.case == case.id,
                        ReviewVerdict.undone.is_(False),
                        ReviewVerdict.action == case.action,
                    )
                    .order_by(ReviewVerdict.created_at)
                ).all()
                if said:
                    people = len({verdict.person for verdict in said})
                    last = said[-1]
                    found.append(
                        Happened(
                            last.created_at, people, last.action, last.reason, case.category, own
                        )
                    )
        return found

    def file(self, decision: str, statement: str) -> str:
        """File an appeal against a recorded refusal; returns the appeal's id.

        Raises :class:`InvalidInput` for an empty or overlong statement, :class:`NotFound` for a
        decision that is not on record, :class:`Conflict` for a second appeal, or one against a
        decision that refused nothing or that a person has still to take.
        """
        if not statement.strip() or len(statement) > MAX_STATEMENT:
            raise InvalidInput(
                f"a statement has 1 to {MAX_STATEMENT} characters", "say why", "statement"
            )
        entry = self.judged(decision)
        decision, taken = entry.id, entry.decision or {}
        if taken.get("action") == "allow":
            raise Conflict("this decision refused nothing", "there is nothing to appeal")

        def work(tx: Transaction) -> str:
            session = tx.session
            if session.scalar(select(Appeal.id).where(Appeal.decision == decision)):
                raise Conflict("this decision was already appealed", "look at its state")
            earlier = session.scalar(select(ReviewCase).where(ReviewCase.decision == decision))
            require_standing(taken, earlier)
            appeal = f"app_{uuid.uuid4().hex}"
            filed = tx.append(
                Event(
                    kind="appeal.filed",
                    tenant=entry.tenant,
                    subject=earlier.subject if earlier else None,
                    actor="user",
                    related=decision,
                    body={"appeal": appeal},
                    payload={"statement": statement},
                )
            )
            case = open_case(
                tx,
                NewCase(
                    kind="appeal",
                    item=str(entry.body.get("clip", "")),
                    tenant=entry.tenant,
                    subject=earlier.subject if earlier else "",
                    stage=str(taken.get("stage", "prompt")),
                    decision=decision,
                    category=first_category(taken),
                    rule=taken.get("rule_id"),
                    reason=str(taken.get("reason", "")),
                    policy_digest=str(taken.get("policy_digest", "")),
                    floor=bool(taken.get("floor", False)),
                    details={
                        **{name: taken[name] for name in _SHOWN if name in taken},
                        "categories": list(entry.body.get("categories", ())),
                        "appeal": appeal,
                        "statement": filed,
                    },
                    barred=sorted(deciders(session, decision)),
                ),
                self.clock,
            )
            session.add(
                Appeal(
                    id=appeal,
                    decision=decision,
                    case=case,
                    state="open",
                    entry=filed,
                    statement_of_reasons=None,
                    created_at=self.clock(),
                    decided_at=None,
                )
            )
            return appeal

        return self.log.write(work)

    def status(self, decision: str) -> AppealStatus | None:
        """The state of the appeal against a decision; None when there is none."""
        decision = self.judged(decision).id
        with self.store.read() as session:
            appeal = session.scalar(select(Appeal).where(Appeal.decision == decision))
            if appeal is None:
                return None
            verdict = session.scalar(
                select(ReviewVerdict)
                .where(ReviewVerdict.case == appeal.case, ReviewVerdict.undone.is_(False))
                .order_by(ReviewVerdict.created_at.desc())
                .limit(1)
            )
        reasons = None
        if appeal.state != "open" and verdict is not None:
            reasons = {"outcome": appeal.state, "reason": verdict.reason}
        return AppealStatus(
            appeal.id, decision, appeal.state, appeal.created_at, appeal.decided_at, reasons
        )


def answer(tx: Transaction, case: ReviewCase, at: int) -> Appeal | None:
    """Give an appeal its outcome when its case is settled; None for cases of other kinds."""
    appeal = tx.session.scalar(select(Appeal).where(Appeal.case == case.id))
    if appeal is None:
        return None
    appeal.state = "overturned" if case.action == "allow" else "upheld"
    appeal.decided_at = at
    if appeal.state == "overturned":
        strikes.settle(tx.session, appeal.decision, False)
        keyed_bits.settle(tx.session, appeal.decision, False)
    appeal.statement_of_reasons = tx.append(
        Event(
            kind="appeal.decided",
            tenant=case.tenant,
            subject=case.subject or None,
            related=appeal.entry,
            body={"appeal": appeal.id, "outcome": appeal.state, "decision": appeal.decision},
        )
    )
    return appeal


def first_category(decision: object) -> str | None:
    """The category of the rule that decided, if the trace names it."""
    if not isinstance(decision, dict):
        return None
    for match in decision.get("trace", ()):
        if match.get("rule_id", match.get("rule")) == decision.get("rule_id"):
            return match.get("category")
    return None


def require_standing(taken: Mapping[str, Any], case: ReviewCase | None) -> None:
    """Raise :class:`Conflict` unless the decision refused something for good.

    What is held for a person is not refused yet: an appeal against it would use up the only one
    before there is anything to appeal.
    """
    if taken.get("action") == "block":
        return
    if case is None or case.state != "closed":
        raise Conflict(
            "a person has still to decide this", "appeal when it was refused, with the same link"
        )
    if case.action != "block":
        raise Conflict("this decision refused nothing", "there is nothing to appeal")
