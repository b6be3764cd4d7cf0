"""What can go wrong with jobs."""

from __future__ import annotations

from guarded_gen.errors import Exit, GuardedGenError


class Fenced(GuardedGenError):
    """The job has a newer owner, or has ended; this worker's result is dropped."""

    code = "fenced"


class JobCancelled(GuardedGenError):
    """Somebody asked for the job to stop."""

    code = "cancelled"
    http_status = 409


class JobTimedOut(GuardedGenError):
    """The job ran longer than ``jobs.timeout_s``."""

    code = "timeout"
    http_status = 504


class WorkerLost(GuardedGenError):
    """Workers died repeatedly in the same stage of this job."""

    code = "worker_lost"


class QuotaExceeded(GuardedGenError):
    """The tenant has used up one of its bounds. ``param`` names it."""

    code = "quota_exceeded"
    http_status = 429
    exit_code = Exit.FAILED
