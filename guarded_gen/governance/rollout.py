"""The policies that are being rolled out: kept in the store, every change on record.

While no policy has been activated here, the one that the settings name is the active one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.audit import AuditLog, Event, Transaction
from guarded_gen.errors import InvalidInput, LogCorrupt, NotFound
from guarded_gen.store import Store
from guarded_gen.store.tables.policies import PolicyRollout
from policies import Policy
from policies.cases import CaseOutcome, CaseStatus, Judge, of_policy, run
from policies.engine import known_text
from policies.errors import RolloutRefused
from policies.rollout import Choice, Rollout, RolloutPlan, RolloutState, step

REFRESH_SECONDS = 2.0
"""A change made by another process acts here after this time at the latest."""

T = TypeVar("T")
MAX_REASON = 2_000
DECIDING = frozenset({RolloutState.CANARY, RolloutState.ACTIVE})
"""States in which a policy decides about people."""


@dataclass(frozen=True, slots=True)
class RolloutEntry:
    """A policy in the rollout and where it stands."""

    digest: str
    policy: str
    version: str
    state: RolloutState
    percent: float
    author: str
    reason: str
    changed_at: int

    def to_json(self) -> dict[str, Any]:
        return {
            "digest": self.digest,
            "policy": self.policy,
            "version": self.version,
            "state": self.state.value,
            "percent": self.percent,
            "author": self.author,
            "reason": self.reason,
            "changed_at": self.changed_at,
        }


class PolicyRollouts:
    """Which policies decide. Any number of threads may use it.

    ``judge`` scores the examples that are written as prompts, for a policy.
    """

    def __init__(
        self, store: Store, configured: Policy, judge: Callable[[Policy], Judge] | None = None
    ) -> None:
        self._judge = judge
        self._store = store
        self._configured = configured
        self._lock = threading.Lock()
        self._plan: RolloutPlan | None = None
        self._read_at = 0.0

    def plan(self) -> RolloutPlan:
        """What decides at present; at most ``REFRESH_SECONDS`` old."""
        with self._lock:
            if self._plan is None or time.monotonic() - self._read_at > REFRESH_SECONDS:
                self._plan = self._read()
                self._read_at = time.monotonic()
            return self._plan

    def choose(self, subject: str | None, tenant: str) -> Choice:
        """The policy that acts for somebody, and those that are recorded beside it."""
        return self.plan().choose(subject or tenant)

    def text(self, digest: str) -> bytes | None:
        """The canonical JSON of a policy that decided here, overlays laid over it included."""
        plan = self.plan()
        every = [plan.active, *plan.shadows, self._configured]
        if plan.canary is not None:
            every.append(plan.canary[0])
        for policy in every:
            found = known_text(policy, digest)
            if found is not None:
                return found
        return None

    def standings(self) -> list[RolloutEntry]:
        """Every policy of the rollout, the newest change first."""
        with self._store.read() as session:
            rows = session.scalars(
                select(PolicyRollout).order_by(PolicyRollout.changed_at.desc())
            ).all()
            return [_standing(row) for row in rows]

    def policy(self, named: str) -> Policy:
        """A policy of the rollout, by its digest or the beginning of it."""
        with self._store.read() as session:
            return _parsed(_find(session, named))

    def source(self, named: str) -> str | None:
        """A policy's text as it was written, by its digest or the beginning of it; None where
        only the policy itself was given."""
        with self._store.read() as session:
            row = _find(session, named)
            return bytes(row.source).decode("utf-8") if row.source is not None else None

    def propose(
        self, log: AuditLog, policy: Policy, author: str, reason: str, source: str | None = None
    ) -> RolloutEntry:
        """Take a policy in as a draft; ``source`` is the text that it was read from.

        Raises :class:`InvalidInput` when it is there already.
        """
        _said(author, reason)

        def work(tx: Transaction) -> RolloutEntry:
            if tx.session.get(PolicyRollout, policy.digest) is not None:
                raise InvalidInput(
                    f"policy {policy.digest[:16]}… is in the rollout already",
                    "see: guarded-gen policy rollout list",
                )
            row = PolicyRollout(
                digest=policy.digest,
                policy=policy.id,
                version=policy.version,
                canonical=policy.canonical,
                source=source.encode("utf-8") if source is not None else None,
                state=RolloutState.DRAFT.value,
                percent=0.0,
                author=author,
                reason=reason,
                changed_at=_now(),
            )
            tx.session.add(row)
            tx.append(_event(row, None, author, reason))
            return _standing(row)

        return self._changed(log, work)

    def move(
        self,
        log: AuditLog,
        named: str,
        to: RolloutState,
        author: str,
        reason: str,
        percent: float | None = None,
        also: Callable[[Transaction], None] = lambda tx: None,
    ) -> RolloutEntry:
        """Take a policy one step on or back; activating one retires the one before it.

        ``also`` belongs to the same transaction; when it raises, nothing changes.
        Raises :class:`policies.errors.RolloutRefused`, also for a policy whose own examples fail
        where it would decide about people, :class:`NotFound`, :class:`InvalidInput`.
        """
        _said(author, reason)
        if to in DECIDING:
            self.require_examples(self.policy(named))

        def work(tx: Transaction) -> RolloutEntry:
            also(tx)
            row = _find(tx.session, named)
            others = [
                other for other in tx.session.scalars(select(PolicyRollout)) if other is not row
            ]
            after = step(_rollout(row), to, percent, [_rollout(other) for other in others])
            before = row.state
            if to is RolloutState.ACTIVE:
                for other in others:
                    if other.state == RolloutState.ACTIVE:
                        other.state, was = RolloutState.RETIRED.value, other.state
                        other.author, other.reason = author, _replaced_by(row.digest)
                        other.changed_at = _now()
                        tx.append(_event(other, was, author, other.reason))
            row.state, row.percent = after.state.value, after.percent
            row.author, row.reason, row.changed_at = author, reason, _now()
            tx.append(_event(row, before, author, reason))
            return _standing(row)

        return self._changed(log, work)

    def examples(self, policy: Policy) -> list[CaseOutcome]:
        """How the policy's own examples end."""
        judge = self._judge(policy) if self._judge is not None else None
        return run(policy, of_policy(policy), judge)

    def require_examples(self, policy: Policy) -> None:
        """Raise :class:`RolloutRefused` unless every example of the policy passes: else it does
        not decide as its author said that it would, or nobody knows."""
        failed = [o for o in self.examples(policy) if o.status is not CaseStatus.PASSED]
        if failed:
            named = "; ".join(f"{o.case.origin} {o.case.name}" for o in failed[:3])
            raise RolloutRefused(
                f"{len(failed)} of the policy's own examples fail: {named}",
                "mend the rule or the example, and propose it anew",
            )

    def rollback(self, log: AuditLog, author: str, reason: str) -> RolloutEntry | None:
        """Back to what decided before the active policy, in one step: the policy that it
        replaced, or, where it replaced none, the one that the settings name (None).

        Raises :class:`NotFound` while the settings' policy decides.
        """
        _said(author, reason)

        def work(tx: Transaction) -> RolloutEntry | None:
            rows = list(tx.session.scalars(select(PolicyRollout)))
            now = next((row for row in rows if row.state == RolloutState.ACTIVE), None)
            if now is None:
                raise NotFound(
                    "no policy was activated here", "the settings name the one that decides"
                )
            replaced = [
                row
                for row in rows
                if row.state == RolloutState.RETIRED and row.reason == _replaced_by(now.digest)
            ]
            before = max(replaced, key=lambda row: row.changed_at, default=None)
            for row, to in ((now, RolloutState.RETIRED), (before, RolloutState.ACTIVE)):
                if row is not None:
                    was, row.state, row.percent = row.state, to.value, 0.0
                    row.author, row.reason, row.changed_at = author, reason, _now()
                    tx.append(_event(row, was, author, reason))
            return _standing(before) if before is not None else None

        return self._changed(log, work)

    def _changed(self, log: AuditLog, work: Callable[[Transaction], T]) -> T:
        standing = log.write(work)
        with self._lock:
            self._plan = None
        return standing

    def _read(self) -> RolloutPlan:
        acting = (RolloutState.ACTIVE.value, RolloutState.CANARY.value, RolloutState.SHADOW.value)
        with self._store.read() as session:
            rows = session.scalars(
                select(PolicyRollout)
                .where(PolicyRollout.state.in_(acting))
                .order_by(PolicyRollout.changed_at, PolicyRollout.digest)
            ).all()
            active, canary, shadows = self._configured, None, []
            for row in rows:
                if row.state == RolloutState.ACTIVE:
                    active = _parsed(row)
                elif row.state == RolloutState.CANARY:
                    canary = (_parsed(row), row.percent)
                else:
                    shadows.append(_parsed(row))
        return RolloutPlan(active, canary, tuple(shadows))


def _replaced_by(digest: str) -> str:
    """The reason that a policy has for being retired by another one."""
    return f"replaced by {digest[:16]}"


def _find(session: Session, named: str) -> PolicyRollout:
    if not 6 <= len(named) <= 64 or not all(c in "0123456789abcdef" for c in named):
        raise InvalidInput(
            f"no digest: {named[:80]}", "give the first 6 or more digits, see `policy rollout list`"
        )
    rows = session.scalars(
        select(PolicyRollout).where(PolicyRollout.digest.startswith(named))
    ).all()
    if not rows:
        raise NotFound(f"no policy {named} in the rollout", "see: guarded-gen policy rollout list")
    if len(rows) > 1:
        raise InvalidInput(f"{named} could be {len(rows)} policies", "give more digits")
    return rows[0]


@lru_cache(maxsize=32)
def _policy(digest: str, canonical: bytes) -> Policy:
    if sha256(canonical).hexdigest() != digest:
        raise LogCorrupt(
            f"the text of policy {digest[:16]}… was altered in the database",
            "retire it and propose it again",
        )
    return Policy.from_canonical(canonical)


def _parsed(row: PolicyRollout) -> Policy:
    return _policy(row.digest, bytes(row.canonical))


def _rollout(row: PolicyRollout) -> Rollout:
    return Rollout(row.digest, RolloutState(row.state), row.percent)


def _standing(row: PolicyRollout) -> RolloutEntry:
    return RolloutEntry(
        row.digest,
        row.policy,
        row.version,
        RolloutState(row.state),
        row.percent,
        row.author,
        row.reason,
        row.changed_at,
    )


def _event(row: PolicyRollout, before: str | None, author: str, reason: str) -> Event:
    body: dict[str, Any] = {
        "policy": row.policy,
        "version": row.version,
        "digest": row.digest,
        "from": before,
        "to": row.state,
        "reason": reason,
    }
    if row.percent:
        body["percent"] = row.percent
    return Event(kind="policy.rollout", actor=author, body=body)


def _said(author: str, reason: str) -> None:
    if not author.strip() or len(author) > 128:
        raise InvalidInput("a change needs an author", "give --author NAME")
    if not reason.strip() or len(reason) > MAX_REASON:
        raise InvalidInput("a change needs a reason", 'give --reason "why"')


def _now() -> int:
    return time.time_ns() // 1_000_000
