"""What two people decided about a request for removal, carried out and answered.

The order matters: first the hashes, so that no copy slips in, then the files, last the row with
its entry and webhooks. Whatever stops it in between, the next round begins again.
"""

from __future__ import annotations

import logging
import shutil
import time
from typing import TYPE_CHECKING

from sqlalchemy import select

from classifiers.frame.banks import BankInvalid
from guarded_gen.audit import Event, Transaction
from guarded_gen.errors import GuardedGenError, StorageFailed
from guarded_gen.gates.banks import bank_info
from guarded_gen.jobs.service import remove_assets
from guarded_gen.jobs.webhooks import enqueue
from guarded_gen.preservation.removal import DECLINED, OPEN, REMOVED
from guarded_gen.review.cases import now_ms
from guarded_gen.store.tables.jobs import Job
from guarded_gen.store.tables.preservation import RemovalRequest
from guarded_gen.store.tables.provenance import PublishedRow
from guarded_gen.store.tables.review import ReviewCase
from media.errors import MediaError

if TYPE_CHECKING:
    from guarded_gen.gates.banks import Banks
    from guarded_gen.jobs.service import Jobs
    from guarded_gen.production.held_files import HeldFiles
    from media.limits import MediaLimits

_log = logging.getLogger(__name__)
EVERY_S = 5.0
ACTOR = "removal"


class RemovalChore:
    """Answers the requests whose case is settled, and tells of those past their clock."""

    def __init__(self, jobs: Jobs, banks: Banks, files: HeldFiles, limits: MediaLimits) -> None:
        self._jobs = jobs
        self._banks = banks
        self._files = files
        self._limits = limits
        self._due = 0.0
        self._told: set[str] = set()

    def __call__(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_S
        self.sweep()

    def sweep(self) -> int:
        """Carry out what is decided; returns how many requests were answered."""
        done = 0
        with self._jobs.store.read() as session:
            waiting = session.execute(
                select(RemovalRequest, ReviewCase)
                .join(ReviewCase, ReviewCase.id == RemovalRequest.case)
                .where(RemovalRequest.state == OPEN)
                .order_by(RemovalRequest.due_at)
                .limit(200)
            ).all()
        for asked, case in waiting:
            if case.state != "closed":
                self._tell_overdue(asked)
                continue
            try:
                self._answer(asked, case)
                done += 1
            except (GuardedGenError, OSError) as error:  # the others go on
                _log.warning("a request for removal is not carried out yet: %s", error)
        return done

    def _answer(self, asked: RemovalRequest, case: ReviewCase) -> None:
        removed = case.action == "block"
        hashes = self._list(asked, case) if removed else 0
        with self._jobs.store.read() as session:
            job = session.get(Job, asked.item) if asked.item is not None else None
        if removed and job is not None:
            remove_assets(self._jobs, job)
            with self._jobs.store.read() as session:
                left = session.get(Job, job.id)
            if left is not None and left.assets:
                raise StorageFailed("the stored files of a removed video are still there")
        if asked.upload is not None:
            self._jobs.storage.remove(asked.upload)
        shutil.rmtree(self._files.work_folder / case.item / "review", ignore_errors=True)
        self._jobs.book.log.write(lambda tx: self._close(tx, asked, case, removed, hashes))

    def _list(self, asked: RemovalRequest, case: ReviewCase) -> int:
        """Put every picture of it into the block bank; returns how many hashes that were."""
        info = bank_info(
            f"removals-{case.category or 'other'}".replace("_", "-"),
            case.category or "hash_match",
            "block",
            "requests of people who are shown",
        )
        count = 0
        for path in self._files.removal(case):
            named = path.with_name(f"{asked.id}-{path.stem}{path.suffix}")
            try:
                path.replace(named)
                count += self._banks.add(info, named, self._limits, ACTOR).hashes
            except (BankInvalid, MediaError) as error:
                _log.warning("a removed video cannot be kept from returning: %s", error)
            finally:
                named.unlink(missing_ok=True)
        return count

    def _close(
        self, tx: Transaction, asked: RemovalRequest, case: ReviewCase, removed: bool, hashes: int
    ) -> None:
        at = now_ms()
        row = tx.session.get(RemovalRequest, asked.id)
        if row is None or row.state != OPEN:
            return
        row.state, row.decided_at, row.upload = REMOVED if removed else DECLINED, at, None
        job = tx.session.get(Job, asked.item) if asked.item is not None else None
        if removed and job is not None:
            job.deleted_at = job.deleted_at or at
            published = tx.session.get(PublishedRow, job.id)
            if published is not None:
                published.keys = None
            enqueue(tx.session, job.tenant, "video.removed", job.id, at)
        tx.append(
            Event(
                kind="removal.answered",
                tenant=case.tenant,
                actor=ACTOR,
                related=asked.entry,
                body={
                    "request": asked.id,
                    "case": case.id,
                    "outcome": row.state,
                    "item": asked.item or "",
                    "hashes": hashes,
                    "in_time": at <= asked.due_at,
                },
            )
        )

    def _tell_overdue(self, asked: RemovalRequest) -> None:
        if asked.due_at < now_ms() and asked.id not in self._told:
            self._told.add(asked.id)
            _log.error(
                "a request for removal is past its time",
                extra={"event": "removal_overdue", "request": asked.id},
            )
