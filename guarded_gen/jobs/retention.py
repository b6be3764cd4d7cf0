"""Working files that outlive their job: the draft that a reviewer refused, and what was left.

The draft of a refused clip stays for the one who judges an appeal, for ``jobs.draft_days`` days
and as long as an appeal is open. Each worker looks at its own work folder; what it removes goes
from the object store as well.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.jobs.book import DAY_MS
from guarded_gen.review.holds import item_held
from guarded_gen.store import Store
from guarded_gen.store.tables.jobs import OPEN, Job
from guarded_gen.store.tables.review import Appeal, ReviewCase

SWEEP_EVERY_S = 3_600.0
DELETED_AFTER_MS = 3_600_000
"""What a client deleted goes sooner, when no worker can still be writing it."""


class Drafts:
    """Removes the files below ``folder``, one folder a job, that nobody may need any more."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        days: float,
        discard: Callable[[Job], None],
        clock: Callable[[], int],
    ) -> None:
        self._store = store
        self._folder = folder
        self._keep_ms = int(days * DAY_MS)
        self._discard = discard
        self._clock = clock

    def sweep(self) -> int:
        """Look at every folder once; returns for how many jobs something was removed.

        A folder without a job (a clip that the command line is making) is left alone.
        """
        if not self._folder.is_dir():
            return 0
        count = 0
        for name in sorted(entry.name for entry in self._folder.iterdir() if entry.is_dir()):
            with self._store.read() as session:
                job = session.get(Job, name)
                gone = job is not None and self._over(session, job)
            if job is not None and gone:
                self._discard(job)
                count += 1
        return count

    def _over(self, session: Session, job: Job) -> bool:
        now = self._clock()
        if item_held(session, job.id, now):
            return False
        if job.deleted_at is not None:
            return job.deleted_at < now - DELETED_AFTER_MS
        if job.status in OPEN or job.completed_at is None:
            return False
        if job.completed_at >= now - self._keep_ms:
            return False
        appealed = (
            select(Appeal.id)
            .join(ReviewCase, ReviewCase.id == Appeal.case)
            .where(ReviewCase.item == job.id, Appeal.state == "open")
        )
        return session.scalar(appealed.limit(1)) is None
