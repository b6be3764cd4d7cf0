"""Tables of the review room. Times are milliseconds since 1970.

Notes and statements are personal data: they stand encrypted in the audit log's payloads, and
these tables hold the ids of the entries.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from guarded_gen.store.tables.base import Base

Big = BigInteger().with_variant(Integer(), "sqlite")


class Person(Base):
    """Somebody who signs in. ``secret`` is a salted scrypt hash of the access token."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    roles: Mapped[list[str]] = mapped_column(JSON)
    tenants: Mapped[list[str]] = mapped_column(JSON)
    """Tenants whose cases the person may see; empty: all."""
    secret: Mapped[str] = mapped_column(String(256))
    external: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of issuer and subject, of somebody who comes from an identity provider."""
    active: Mapped[bool] = mapped_column(Boolean)
    preferences: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(Big)


class SignIn(Base):
    """One signed-in browser; ``id`` is the SHA-256 of the cookie's secret."""

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    person: Mapped[str] = mapped_column(String(48))
    csrf: Mapped[str] = mapped_column(String(64))
    means: Mapped[str] = mapped_column(String(16))
    """``token`` or ``oidc``."""
    agent: Mapped[str] = mapped_column(String(200))
    """What the browser says it is, to tell one's own sessions apart."""
    created_at: Mapped[int] = mapped_column(Big)
    seen_at: Mapped[int] = mapped_column(Big)
    expires_at: Mapped[int] = mapped_column(Big)

    __table_args__ = (Index("ix_sign_in_person", "person"),)


class SignInFailures(Base):
    """Wrong tokens in a row, by the SHA-256 of the name that was given."""

    __tablename__ = "sign_in_failures"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    until: Mapped[int] = mapped_column(Big)
    """Locked until then."""
    at: Mapped[int] = mapped_column(Big)


class ReviewCase(Base):
    """One item that a person must decide."""

    __tablename__ = "review_case"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """``review``, ``report``, ``appeal``, ``removal`` (asked by somebody who is shown), ``golden``
    or ``sample`` (a second look for quality)."""
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``second`` (waits for another person), ``escalated``, ``deciding`` (in the undo
    window) or ``closed``."""
    tenant: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(128))
    """The caller's name for its end user."""
    item: Mapped[str] = mapped_column(String(48))
    """The clip or job that is held."""
    stage: Mapped[str] = mapped_column(String(16))
    decision: Mapped[str] = mapped_column(String(48))
    """The audit entry of the gate's decision."""
    category: Mapped[str | None] = mapped_column(String(48))
    rule: Mapped[str | None] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(String(64))
    policy_digest: Mapped[str] = mapped_column(String(64))
    floor: Mapped[bool] = mapped_column(Boolean)
    restricted: Mapped[bool] = mapped_column(Boolean)
    """A rule on a restricted category matched: only people with that permission know of it."""
    cluster: Mapped[str | None] = mapped_column(String(64))
    """The same for cases with the same words: a digest of tenant and normalised prompt."""
    look: Mapped[str | None] = mapped_column(String(64))
    """PDQ hash of the clip's middle frame in hex; None where there is no clip."""
    severity: Mapped[float] = mapped_column(Float)
    reach: Mapped[int] = mapped_column(Integer)
    rank: Mapped[float] = mapped_column(Float)
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Scores, thresholds, segments, checks; no prompt text."""
    expected: Mapped[str | None] = mapped_column(String(16))
    """The right answer of a golden case; never shown before the decision."""
    source: Mapped[str | None] = mapped_column(String(48))
    """The :class:`GoldenCase` that this is a copy of."""
    assignee: Mapped[str | None] = mapped_column(String(48))
    holder: Mapped[str | None] = mapped_column(String(48))
    lease_until: Mapped[int] = mapped_column(Big)
    hold_until: Mapped[int] = mapped_column(Big)
    first_reviewer: Mapped[str | None] = mapped_column(String(48))
    barred: Mapped[list[str]] = mapped_column(JSON)
    """People who must not decide this case (they decided what is appealed)."""
    action: Mapped[str | None] = mapped_column(String(16))
    effective_at: Mapped[int | None] = mapped_column(Big)
    opened_at: Mapped[int] = mapped_column(Big)
    closed_at: Mapped[int | None] = mapped_column(Big)
    version: Mapped[int] = mapped_column(Integer)
    """Counts changes; a form carries the number it was made from."""
    queue: Mapped[str | None] = mapped_column(String(48))
    """The :class:`ReviewQueue` it was routed into; None: everybody's."""
    due_at: Mapped[int | None] = mapped_column(Big)
    alerted: Mapped[bool] = mapped_column(Boolean)
    """Whether somebody was told that it is overdue."""

    __table_args__ = (
        Index("ix_case_queue", "state", "rank"),
        Index("ix_case_restricted", "state", "restricted", "rank"),
        Index("ix_case_tenant", "state", "tenant", "rank"),
        Index("ix_case_category", "state", "category", "rank"),
        Index("ix_case_kind", "state", "kind", "rank"),
        Index("ix_case_rule", "state", "rule", "rank"),
        Index("ix_case_stage", "state", "stage", "rank"),
        Index("ix_case_opened", "state", "opened_at"),
        Index("ix_case_named", "state", "queue", "rank"),
        Index("ix_case_due", "state", "alerted", "due_at"),
        Index("ix_case_decision", "decision"),
        Index("ix_case_source", "source"),
        Index("ix_case_cluster", "cluster"),
        Index("ix_case_item", "item"),
        Index("ix_case_subject", "subject"),
        Index("ix_case_effective", "state", "effective_at"),
    )


class ReviewQueue(Base):
    """A named part of the queue; see ``review.routing``."""

    __tablename__ = "review_queue"

    name: Mapped[str] = mapped_column(String(48), primary_key=True)
    title: Mapped[str] = mapped_column(String(64))
    rule: Mapped[str] = mapped_column(String(2000))
    minutes: Mapped[int] = mapped_column(Integer)
    """How long a case may wait; 0: no limit."""
    closed: Mapped[bool] = mapped_column(Boolean)
    """For its members alone."""
    position: Mapped[int] = mapped_column(Integer)


class QueueMember(Base):
    """Somebody whom a closed queue is for."""

    __tablename__ = "review_queue_member"

    queue: Mapped[str] = mapped_column(String(48), primary_key=True)
    person: Mapped[str] = mapped_column(String(48), primary_key=True)


class ReviewVerdict(Base):
    """What one person said of one case."""

    __tablename__ = "review_verdict"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    case: Mapped[str] = mapped_column(String(48))
    person: Mapped[str] = mapped_column(String(48))
    action: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64))
    entry: Mapped[str] = mapped_column(String(48))
    undone: Mapped[bool] = mapped_column(Boolean)
    seconds: Mapped[float] = mapped_column(Float)
    """From opening the case to the decision."""
    exposure: Mapped[float] = mapped_column(Float)
    """Seconds of media revealed while deciding."""
    created_at: Mapped[int] = mapped_column(Big)

    __table_args__ = (
        Index("ix_verdict_case", "case"),
        Index("ix_verdict_person", "person", "created_at"),
        Index("ix_verdict_created", "created_at"),
    )


class Exposure(Base):
    """One stretch of revealed media."""

    __tablename__ = "exposure"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    case: Mapped[str] = mapped_column(String(48))
    person: Mapped[str] = mapped_column(String(48))
    seconds: Mapped[float] = mapped_column(Float)
    restricted: Mapped[bool] = mapped_column(Boolean)
    """Counted apart, with a budget of its own."""
    at: Mapped[int] = mapped_column(Big)

    __table_args__ = (
        Index("ix_exposure_person", "person", "at"),
        Index("ix_exposure_case", "case", "person"),
        Index("ix_exposure_at", "at"),
    )


class SavedView(Base):
    """A named set of queue filters."""

    __tablename__ = "saved_view"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    person: Mapped[str] = mapped_column(String(48))
    name: Mapped[str] = mapped_column(String(64))
    filters: Mapped[dict[str, Any]] = mapped_column(JSON)


class Appeal(Base):
    """A complaint against a decision, made with the link of a refusal."""

    __tablename__ = "appeal"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    decision: Mapped[str] = mapped_column(String(48), unique=True)
    case: Mapped[str] = mapped_column(String(48))
    state: Mapped[str] = mapped_column(String(16))
    """``open``, ``upheld`` (the refusal stands) or ``overturned``."""
    entry: Mapped[str] = mapped_column(String(48))
    statement_of_reasons: Mapped[str | None] = mapped_column(String(48))
    created_at: Mapped[int] = mapped_column(Big)
    decided_at: Mapped[int | None] = mapped_column(Big)

    __table_args__ = (Index("ix_appeal_case", "case"), Index("ix_appeal_decided", "decided_at"))


class Strike(Base):
    """One refused request of an end user whom the caller named; see ``review.strikes``."""

    __tablename__ = "strike"

    decision: Mapped[str] = mapped_column(String(48), primary_key=True)
    """The audit entry of the gate's decision."""
    tenant: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    """The audit log's pseudonym of the user."""
    state: Mapped[str] = mapped_column(String(16))
    """``pending`` (a person has still to decide), ``stands`` or ``reversed``."""
    at: Mapped[int] = mapped_column(Big)

    __table_args__ = (
        Index("ix_strike_subject", "tenant", "subject", "at"),
        Index("ix_strike_at", "at"),
    )


class RefusedSketch(Base):
    """A refused prompt as keyed bits that cannot be read; see ``review.resemblance``."""

    __tablename__ = "refused_sketch"

    decision: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    bits: Mapped[bytes] = mapped_column("words", LargeBinary(32))
    state: Mapped[str] = mapped_column(String(16))
    """As a strike's."""
    at: Mapped[int] = mapped_column(Big)

    __table_args__ = (Index("ix_sketch_tenant", "tenant", "at"), Index("ix_sketch_at", "at"))


class RefusedLook(Base):
    """Frames of a refused picture or clip as keyed bits; see ``review.looks``."""

    __tablename__ = "refused_look"

    decision: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    bits: Mapped[bytes] = mapped_column(LargeBinary)
    """32 bytes a frame and mirror image."""
    state: Mapped[str] = mapped_column(String(16))
    """As a strike's."""
    at: Mapped[int] = mapped_column(Big)

    __table_args__ = (Index("ix_look_tenant", "tenant", "at"), Index("ix_look_at", "at"))


class GoldenCase(Base):
    """A case whose right answer is known; copies of it are mixed into the queue."""

    __tablename__ = "golden_case"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    case: Mapped[str] = mapped_column(String(48), unique=True)
    """The case that it was made from."""
    tenant: Mapped[str] = mapped_column(String(64))
    expected: Mapped[str] = mapped_column(String(16))
    media: Mapped[str | None] = mapped_column(String(512))
    """A private copy of the held clip, below the home folder; None where there was none."""
    made_by: Mapped[str] = mapped_column(String(48))
    made_at: Mapped[int] = mapped_column(Big)
    active: Mapped[bool] = mapped_column(Boolean)


class PolicyRequest(Base):
    """A step of a policy's rollout that waits for a second person."""

    __tablename__ = "policy_request"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    state: Mapped[str] = mapped_column(String(16))
    """The state that is asked for: ``canary`` or ``active``."""
    percent: Mapped[float | None] = mapped_column(Float)
    asked_by: Mapped[str] = mapped_column(String(48))
    reason: Mapped[str] = mapped_column(String(2000))
    asked_at: Mapped[int] = mapped_column(Big)
    outcome: Mapped[str] = mapped_column(String(16), index=True)
    """``open``, ``approved`` or ``declined``."""
    decided_by: Mapped[str | None] = mapped_column(String(48))
    decided_at: Mapped[int | None] = mapped_column(Big)


class CaseNote(Base):
    """A note on a case. Its words stand encrypted in the payload of the log's entry."""

    __tablename__ = "case_note"

    entry: Mapped[str] = mapped_column(String(48), primary_key=True)
    case: Mapped[str] = mapped_column(String(48))
    person: Mapped[str] = mapped_column(String(48))
    kind: Mapped[str] = mapped_column(String(16))
    """``verdict`` (given with one), ``question`` (to a second person), ``escalation`` or
    ``remark``."""
    at: Mapped[int] = mapped_column(Big)

    __table_args__ = (Index("ix_note_case", "case", "at"),)
