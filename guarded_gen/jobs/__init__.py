"""Durable jobs: accepted once, executed to the end once, whoever dies in between.

The durable book of the production line, and the queue that workers take jobs from. May import
the line and what is below it; knows nothing of HTTP.
"""

from guarded_gen.jobs.book import JobBook, new_id
from guarded_gen.jobs.service import Jobs, WorkerProcess
from guarded_gen.production.line import Plan, Queue
from guarded_gen.production.rows import Status, now_ms
from guarded_gen.store.objects import Storage

__all__ = [
    "JobBook",
    "Jobs",
    "Plan",
    "Queue",
    "Status",
    "Storage",
    "WorkerProcess",
    "new_id",
    "now_ms",
]
