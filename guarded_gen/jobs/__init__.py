"""Durable jobs: accepted once, executed to the end once, whoever dies in between.

May import the store, the log, the pipeline and the rooms below; knows nothing of HTTP.
"""

from guarded_gen.jobs.book import JobBook, new_id
from guarded_gen.jobs.plan import Plan, Queue, Status
from guarded_gen.jobs.rows import now_ms
from guarded_gen.jobs.service import Jobs, WorkerProcess
from guarded_gen.jobs.storage import Storage

__all__ = [
    "JobBook", "Jobs", "Plan", "Queue", "Status", "Storage", "WorkerProcess", "new_id", "now_ms",
]  # fmt: skip
