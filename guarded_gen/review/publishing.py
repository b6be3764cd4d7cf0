"""Publishing a policy takes two people: one asks with a reason, another one agrees.

What decides about people (``canary``, ``active``) needs both; what only looks on, and every way
out (back to draft, retired), is one person's step, so that a mistake can be stopped at once.
Whoever has a shell on the server can use ``guarded-gen policy rollout`` alone; both ways go
through :class:`~guarded_gen.governance.rollout.PolicyRollouts` and leave the same entries.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import select

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import Conflict, InvalidInput, NotFound
from guarded_gen.governance.rollout import DECIDING, PolicyRollouts, RolloutEntry
from guarded_gen.review.cases import Clock, now_ms
from guarded_gen.review.errors import NotAllowed, StaleCase
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store import Store
from guarded_gen.store.tables.policies import PolicyRollout
from guarded_gen.store.tables.review import Person, PolicyRequest
from policies import Policy
from policies.rollout import Rollout, RolloutState, step

NEEDS_TWO = DECIDING
MAX_REASON = 2_000


@dataclass(frozen=True, slots=True)
class Publishing:
    """The steps of a rollout, with the rule of two people."""

    store: Store
    log: AuditLog
    rollouts: PolicyRollouts
    clock: Clock = now_ms

    def propose(
        self, who: Member, policy: Policy, reason: str, source: str | None = None
    ) -> RolloutEntry:
        """Take a policy in as a draft, with the text it was read from; decides nothing yet."""
        who.require(Permission.EDIT_POLICY)
        return self.rollouts.propose(self.log, policy, who.name, said(reason), source)

    def rollback(self, who: Member, reason: str) -> RolloutEntry | None:
        """Back to the policy before, at once and by one person: a mistake must be stopped."""
        who.require(Permission.PUBLISH_POLICY)
        return self.rollouts.rollback(self.log, who.name, said(reason))

    def move(
        self, who: Member, digest: str, to: RolloutState, reason: str, percent: float | None = None
    ) -> PolicyRequest | None:
        """Take a step, or ask for it where it needs two; gives the request if there is one.

        Raises :class:`~policies.errors.RolloutRefused` for a step that cannot be taken now, and
        :class:`Conflict` when the same policy waits for an answer already.
        """
        who.require(Permission.PUBLISH_POLICY)
        reason = said(reason)
        if to not in NEEDS_TWO:
            self.rollouts.move(self.log, digest, to, who.name, reason, percent)
            return None
        self._possible(digest, to, percent)
        request = PolicyRequest(
            id=f"polr_{uuid.uuid4().hex}",
            digest=digest,
            state=to.value,
            percent=percent,
            asked_by=who.id,
            reason=reason,
            asked_at=self.clock(),
            outcome="open",
            decided_by=None,
            decided_at=None,
        )

        def work(tx: Transaction) -> PolicyRequest:
            waits = select(PolicyRequest.id).where(
                PolicyRequest.digest == digest, PolicyRequest.outcome == "open"
            )
            if tx.session.scalar(waits):
                raise Conflict("this policy waits for an answer already", "answer that one first")
            tx.session.add(request)
            tx.append(
                Event(
                    kind="policy.publish_asked",
                    actor=who.id,
                    body={"digest": digest, "to": to.value, "percent": percent, "reason": reason},
                )
            )
            return request

        return self.log.write(work)

    def answer(self, who: Member, id: str, agree: bool, reason: str = "") -> None:
        """Agree, which takes the step at once, or decline. Never the one who asked, who may
        only take the request back (``agree`` False)."""
        who.require(Permission.PUBLISH_POLICY)
        request = self.request(id)
        if agree and request.asked_by == who.id:
            raise NotAllowed(
                "who asks cannot agree as well", "another person with the right to publish must"
            )
        if agree:
            agreed = f"agreed by {who.name}{': ' if reason else ''}{reason}"
            self.rollouts.move(
                self.log,
                request.digest,
                RolloutState(request.state),
                self._name(request.asked_by),
                f"{request.reason} ({agreed})"[:MAX_REASON],
                request.percent,
                also=lambda tx: self._close(tx, who, id, "approved", reason),
            )
        else:
            self.log.write(lambda tx: self._close(tx, who, id, "declined", reason))

    def waiting(self) -> list[PolicyRequest]:
        """Requests that wait for a second person, oldest first."""
        with self.store.read() as session:
            return list(
                session.scalars(
                    select(PolicyRequest)
                    .where(PolicyRequest.outcome == "open")
                    .order_by(PolicyRequest.asked_at)
                )
            )

    def _name(self, person: str) -> str:
        with self.store.read() as session:
            found = session.get(Person, person)
        return found.name if found is not None else person

    def request(self, id: str) -> PolicyRequest:
        """What was asked for; raises :class:`NotFound`."""
        with self.store.read() as session:
            request = session.get(PolicyRequest, id)
        if request is None:
            raise NotFound(f"there is no request {id[:60]}", "look at the list again")
        return request

    def _close(self, tx: Transaction, who: Member, id: str, outcome: str, reason: str) -> None:
        request = tx.session.get(PolicyRequest, id)
        if request is None or request.outcome != "open":
            raise StaleCase("somebody has answered this already", "look at the list again")
        row = tx.session.get(PolicyRollout, request.digest)
        if outcome == "approved" and row is not None and row.changed_at > request.asked_at:
            raise StaleCase(
                "the policy has moved since it was asked for", "decline it and ask again"
            )
        request.outcome, request.decided_by = outcome, who.id
        request.decided_at = self.clock()
        tx.append(
            Event(
                kind="policy.publish_approved"
                if outcome == "approved"
                else "policy.publish_declined",
                actor=who.id,
                body={"digest": request.digest, "to": request.state, "reason": reason},
            )
        )

    def _possible(self, digest: str, to: RolloutState, percent: float | None) -> None:
        """Say now, not at the second person's desk, what cannot be done."""
        every = [Rollout(s.digest, s.state, s.percent) for s in self.rollouts.standings()]
        mine = next((one for one in every if one.digest == digest), None)
        if mine is None:
            raise NotFound(f"no policy {digest[:16]} in the rollout", "propose it first")
        step(mine, to, percent, [one for one in every if one is not mine])
        self.rollouts.require_examples(self.rollouts.policy(digest))


def said(reason: str) -> str:
    """A reason that says something; raises :class:`InvalidInput`."""
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise InvalidInput("a change needs a reason", "say why; it goes on record", "reason")
    return reason
