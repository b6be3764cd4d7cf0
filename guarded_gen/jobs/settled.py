"""From a settled case back to the job that was held, or to the appeal that asked.

It stands with the jobs, since review knows nothing of them.
"""

from __future__ import annotations

import logging

from sqlalchemy import select

from guarded_gen.audit import Transaction
from guarded_gen.errors import Conflict, NotFound
from guarded_gen.jobs.book import JobBook
from guarded_gen.jobs.webhooks import enqueue
from guarded_gen.preservation.removal import KIND as REMOVAL
from guarded_gen.review import holds, keyed_bits, strikes
from guarded_gen.review.appeals import answer
from guarded_gen.review.cases import now_ms
from guarded_gen.review.strikes import NO_VIOLATION
from guarded_gen.store.tables.review import ReviewCase, ReviewVerdict

_log = logging.getLogger(__name__)


class HeldJobs:
    """The effect of settled cases on jobs and appeals; see
    :class:`~guarded_gen.review.decide.Decisions`."""

    def __init__(self, book: JobBook) -> None:
        self._book = book

    def __call__(self, tx: Transaction, case: ReviewCase) -> None:
        if case.kind == "golden":
            return
        at = now_ms()
        if case.action == "allow":
            holds.end(tx, case)
        if case.kind == "report":  # the refusal stood from the start
            return
        if case.kind == REMOVAL:  # carried out by a chore, which may have to try again
            return
        appeal = answer(tx, case, at)
        if appeal is not None:
            enqueue(tx.session, case.tenant, "appeal.decided", appeal.id, at)
            return
        if case.kind == "review":
            violation = case.action == "block" and last_reason(tx, case) not in NO_VIOLATION
            strikes.settle(tx.session, case.decision, violation)
            keyed_bits.settle(tx.session, case.decision, violation)
        try:
            self._book.decide(tx, case.item, case.action == "allow", last_word(tx, case))
        except (Conflict, NotFound):
            # cancelled or deleted while the reviewer looked: the decision stays on record
            _log.info("the job of a settled case is gone", extra={"event": "case_without_job"})


def last_word(tx: Transaction, case: ReviewCase) -> str:
    """The log entry of the verdict that settled the case."""
    verdict = _last_verdict(tx, case)
    return verdict.entry if verdict is not None else case.decision


def last_reason(tx: Transaction, case: ReviewCase) -> str:
    """Why the case was settled as it was."""
    verdict = _last_verdict(tx, case)
    return verdict.reason if verdict is not None else ""


def _last_verdict(tx: Transaction, case: ReviewCase) -> ReviewVerdict | None:
    return tx.session.scalar(
        select(ReviewVerdict)
        .where(ReviewVerdict.case == case.id, ReviewVerdict.undone.is_(False))
        .order_by(ReviewVerdict.created_at.desc())
        .limit(1)
    )
