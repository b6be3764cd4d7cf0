"""The row of a new job: every field once, for the API, the command line and the tests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
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


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Submitted:
    """How a job came in: by which key, how urgent, with what beside the request, in which trace."""

    key_id: str | None = None
    priority: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    traceparent: str | None = None


def new_job(
    id: str,
    tenant: str,
    request: Mapping[str, Any],
    *,
    stage: str,
    kind: str = "video",
    submitted: Submitted | None = None,
) -> Job:
    """A job that waits in the queue for ``stage``.

    ``request`` is the ``ClipRequest`` as JSON; its seconds count against the tenant's quota, a
    picture's do not. Use :func:`held` on a job that a person must decide before it goes on.
    """
    by = submitted or Submitted()
    now = now_ms()
    return Job(
        id=id,
        tenant=tenant,
        key_id=by.key_id,
        kind=kind,
        status=Status.QUEUED.value,
        stage=stage,
        review=None,
        progress=0,
        priority=by.priority or DEFAULT_PRIORITY,
        model=request["backend"],
        request=dict(request),
        details=dict(by.details),
        seconds=request["seconds"] if kind == "video" else 0.0,
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
        traceparent=by.traceparent,
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
