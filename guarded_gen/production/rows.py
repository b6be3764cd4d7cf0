"""The row of a new job: every field once, for the API, the command line and the tests."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any, TypeVar

from guarded_gen.store.tables.base import Base
from guarded_gen.store.tables.jobs import Job

Row = TypeVar("Row", bound=Base)
DEFAULT_PRIORITY = 50
END_USER = "end_user"
"""In a job's details: its subject is a person whom the caller named, not the caller itself."""


class Status(StrEnum):
    """How far a job is, in the words of the API."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


OPEN = (Status.QUEUED.value, Status.IN_PROGRESS.value)


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_job(
    id: str,
    tenant: str,
    request: dict[str, Any],
    *,
    stage: str,
    model: str,
    seconds: float,
    kind: str = "video",
    key_id: str | None = None,
    priority: int | None = None,
    details: dict[str, Any] | None = None,
    traceparent: str | None = None,
) -> Job:
    """A job that waits in the queue for ``stage``.

    ``request`` is the ``ClipRequest`` as JSON, ``seconds`` what counts against the tenant's
    quota. Use :func:`held` on one that a person must decide before it goes on.
    """
    now = now_ms()
    return Job(
        id=id,
        tenant=tenant,
        key_id=key_id,
        kind=kind,
        status=Status.QUEUED.value,
        stage=stage,
        review=None,
        progress=0,
        priority=priority or DEFAULT_PRIORITY,
        model=model,
        request=request,
        details=details or {},
        seconds=seconds,
        decisions=[],
        error=None,
        assets=None,
        provenance=None,
        bytes=0,
        fence=0,
        round=0,
        tries=0,
        worker=None,
        cancel=False,
        traceparent=traceparent,
        created_at=now,
        queued_at=now,
        started_at=None,
        completed_at=None,
        expires_at=None,
        deleted_at=None,
    )


def held(job: Job) -> Job:
    """The same job, waiting for a person."""
    job.review = "pending"
    job.status = Status.IN_PROGRESS.value
    return job


def copy_of(row: Row) -> Row:
    """A row with the same values that belongs to no session."""
    values = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return type(row)(**values)
