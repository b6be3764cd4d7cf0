"""Tables of jobs and of the API: who may come in, what was asked, and who is told.

Times are milliseconds since 1970. ``Job`` is the truth about a job; the queue that executes it
can be rebuilt from here at any time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Float, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from guarded_gen.store.tables.base import Base

OPEN = ("queued", "in_progress")
"""The values of ``Job.status`` before a job has ended."""
Big = BigInteger().with_variant(Integer(), "sqlite")


class Job(Base):
    """One accepted request for a clip or picture.

    ``fence`` counts takings of the job by a worker: whoever writes with an older number is a
    ghost of a worker that was taken for dead, and is refused.
    """

    __tablename__ = "job"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str | None] = mapped_column(String(48))
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    """``queued``, ``in_progress``, ``completed``, ``failed``."""
    stage: Mapped[str] = mapped_column(String(16))
    """The stage to run next; ``done`` after the last."""
    review: Mapped[str | None] = mapped_column(String(16))
    """``pending`` while a person must decide; then ``approved`` or ``rejected``."""
    progress: Mapped[int] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(Integer)
    model: Mapped[str] = mapped_column(String(200))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The ``ClipRequest`` as JSON, prompt included."""
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What else the client said or shall be told: source video, metadata, characters."""
    seconds: Mapped[float] = mapped_column(Float)
    decisions: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Gate results with their decision ids, in order; no prompt text."""
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    assets: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Storage keys of what was published, with sha256 and size."""
    provenance: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    bytes: Mapped[int] = mapped_column(Big)
    fence: Mapped[int] = mapped_column(Integer)
    round: Mapped[int] = mapped_column(Integer)
    """How often the job was handed to the queue; part of the workflow's id."""
    tries: Mapped[int] = mapped_column(Integer)
    """Takings since the last finished stage."""
    worker: Mapped[str | None] = mapped_column(String(64))
    cancel: Mapped[bool] = mapped_column(Boolean)
    traceparent: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(Big)
    queued_at: Mapped[int] = mapped_column(Big)
    started_at: Mapped[int | None] = mapped_column(Big)
    completed_at: Mapped[int | None] = mapped_column(Big)
    expires_at: Mapped[int | None] = mapped_column(Big)
    deleted_at: Mapped[int | None] = mapped_column(Big)

    __table_args__ = (
        Index("ix_job_tenant_created", "tenant", "created_at", "id"),
        Index("ix_job_status_queued", "status", "queued_at"),
        Index("ix_job_expires", "expires_at"),
    )


class JobStage(Base):
    """A finished stage and what it gave; written together with its effects, once."""

    __tablename__ = "job_stage"

    job: Mapped[str] = mapped_column(String(48), primary_key=True)
    stage: Mapped[str] = mapped_column(String(16), primary_key=True)
    fence: Mapped[int] = mapped_column(Integer)
    worker: Mapped[str] = mapped_column(String(64))
    output: Mapped[dict[str, Any]] = mapped_column(JSON)
    seconds: Mapped[float] = mapped_column(Float)
    finished_at: Mapped[int] = mapped_column(Big)


class Worker(Base):
    """A process that executes jobs. Without a fresh heartbeat it is taken for dead."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int] = mapped_column(Integer)
    queues: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[int] = mapped_column(Big)
    heartbeat_at: Mapped[int] = mapped_column(Big)


class Lease(Base):
    """A task that one process at a time may do, such as looking after dead workers."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[int] = mapped_column(Big)


class Tenant(Base):
    """What one tenant may use; None: no bound."""

    __tablename__ = "tenant"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    max_open_jobs: Mapped[int | None] = mapped_column(Integer)
    max_seconds_per_day: Mapped[float | None] = mapped_column(Float)
    max_bytes: Mapped[int | None] = mapped_column(Big)
    requests_per_minute: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[int] = mapped_column(Big)


class ApiKey(Base):
    """A key is shown once; here stands the SHA-256 of its 256 random bits."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(80))
    hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[int] = mapped_column(Big)
    last_used_at: Mapped[int | None] = mapped_column(Big)
    expires_at: Mapped[int | None] = mapped_column(Big)
    revoked_at: Mapped[int | None] = mapped_column(Big)
    replaced_by: Mapped[str | None] = mapped_column(String(48))


class Idempotency(Base):
    """A POST that was answered, or is being answered (``status`` None)."""

    __tablename__ = "idempotency"

    tenant: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None] = mapped_column(Integer)
    body: Mapped[str | None] = mapped_column(Text)
    media_type: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[int] = mapped_column(Big, index=True)


class WebhookEndpoint(Base):
    """Where a tenant wants to be told. Secrets are needed to sign, so they are kept as they are."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(Text)
    event_types: Mapped[list[str]] = mapped_column(JSON)
    secret: Mapped[str] = mapped_column(String(100))
    old_secret: Mapped[str | None] = mapped_column(String(100))
    old_secret_until: Mapped[int | None] = mapped_column(Big)
    created_at: Mapped[int] = mapped_column(Big)
    updated_at: Mapped[int] = mapped_column(Big)


class WebhookDelivery(Base):
    """One event for one endpoint; the id is the same in every attempt."""

    __tablename__ = "webhook_delivery"

    id: Mapped[str] = mapped_column(String(96), primary_key=True)
    endpoint: Mapped[str] = mapped_column(String(48))
    tenant: Mapped[str] = mapped_column(String(64))
    event_type: Mapped[str] = mapped_column(String(80))
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    """``pending``, ``delivered`` or ``dead``."""
    attempts: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[int] = mapped_column(Big)
    last_status: Mapped[int | None] = mapped_column(Integer)
    last_error: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[int] = mapped_column(Big)

    __table_args__ = (
        Index("ix_webhook_delivery_due", "state", "next_at"),
        Index("ix_webhook_delivery_endpoint", "endpoint"),
    )


class StoredFile(Base):
    """A file that a client uploaded or a batch wrote."""

    __tablename__ = "stored_file"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    purpose: Mapped[str] = mapped_column(String(40))
    filename: Mapped[str] = mapped_column(String(200))
    bytes: Mapped[int] = mapped_column(Big)
    storage_key: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[int] = mapped_column(Big)
    expires_at: Mapped[int | None] = mapped_column(Big)


class RateBucket(Base):
    """What is left of a key's rate, where several processes share it (PostgreSQL)."""

    __tablename__ = "rate_bucket"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    tokens: Mapped[float] = mapped_column(Float)
    at: Mapped[float] = mapped_column(Float)
    """Seconds since 1970 by the database's clock, when ``tokens`` was right."""
    allowed: Mapped[bool] = mapped_column(Boolean)
    """Whether the last request got its token."""


class Batch(Base):
    """A file of requests, one a line, worked off as jobs."""

    __tablename__ = "batch"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    key_id: Mapped[str | None] = mapped_column(String(48))
    status: Mapped[str] = mapped_column(String(16))
    endpoint: Mapped[str] = mapped_column(String(100))
    input_file: Mapped[str] = mapped_column(String(48))
    output_file: Mapped[str | None] = mapped_column(String(48))
    error_file: Mapped[str | None] = mapped_column(String(48))
    errors: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    total: Mapped[int] = mapped_column(Integer)
    completed: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[int] = mapped_column(Big)
    in_progress_at: Mapped[int | None] = mapped_column(Big)
    finalizing_at: Mapped[int | None] = mapped_column(Big)
    completed_at: Mapped[int | None] = mapped_column(Big)
    failed_at: Mapped[int | None] = mapped_column(Big)
    cancelling_at: Mapped[int | None] = mapped_column(Big)
    cancelled_at: Mapped[int | None] = mapped_column(Big)
    expires_at: Mapped[int] = mapped_column(Big)


class BatchLine(Base):
    """One line of a batch and how it was answered."""

    __tablename__ = "batch_line"

    batch: Mapped[str] = mapped_column(String(48), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    custom_id: Mapped[str] = mapped_column(String(200))
    job: Mapped[str | None] = mapped_column(String(48))
    response: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Character(Base):
    """A likeness that clips may show; only with a consent on record."""

    __tablename__ = "character"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    tenant: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(80))
    consent: Mapped[str | None] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[int] = mapped_column(Big)
    revoked_at: Mapped[int | None] = mapped_column(Big)
