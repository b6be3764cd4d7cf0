"""The durable book under the driver: a job's stages under its fence, whatever queue calls us.

The runner takes the job and lets the driver run the stages of one queue that are due; each
result is written with its entries under the job's fence. It retries what may pass, and ends the
job when a gate refuses or a stage fails.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from generator.errors import Cancelled, OutOfMemory
from guarded_gen.audit import Transaction
from guarded_gen.errors import DiskFull, StorageFailed, describe, no_space
from guarded_gen.jobs.book import JobBook, Taken
from guarded_gen.jobs.errors import Fenced, JobCancelled, JobTimedOut, WorkerLost
from guarded_gen.production import events
from guarded_gen.production.drive import (
    drive,
    last_decision,
    read_outputs,
    record_result,
)
from guarded_gen.production.line import DONE, Line, Queue, Standing
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.stage import Result, Stage
from guarded_gen.production.work import Work, recorded
from guarded_gen.store.tables.jobs import Job
from guarded_gen.telemetry import Metrics, job_id_var

_log = logging.getLogger(__name__)
_RETRY_WAITS_S = (0.5, 1, 2, 4, 8, 15, 30)
"""Storage and database may come back: about a minute in all, then the job fails."""
_ASK_EVERY_S = 0.5
"""How often a running stage looks whether it is still wanted."""

T = TypeVar("T")


class JobWatch:
    """Asks the book, at most twice a second, whether a running job is still wanted."""

    def __init__(self, book: JobBook, taken: Taken, timeout_s: float) -> None:
        self._book = book
        self._taken = taken
        self._deadline = time.monotonic() + timeout_s
        self._next = time.monotonic() + _ASK_EVERY_S  # it was ours a moment ago
        self._percent = taken.job.progress
        self._lock = threading.Lock()
        self.reason: Exception | None = None

    def wanted(self, percent: int | None = None) -> bool:
        if self.reason is not None:
            return False
        if percent is not None:
            self._percent = max(self._percent, percent)
        now = time.monotonic()
        if now >= self._deadline:
            self.reason = JobTimedOut("the job took too long")
            return False
        with self._lock:
            if now < self._next:
                return True
            self._next = now + _ASK_EVERY_S
        try:
            going_on = self._book.progress(self._taken.job.id, self._taken.fence, self._percent)
        except StorageFailed:
            return True  # the database is away: what is true of the job shows at the next write
        if not going_on:
            self.reason = self._why()
        return going_on

    def _why(self) -> Exception:
        try:
            job = self._book.get(None, self._taken.job.id)
        except Exception:  # noqa: BLE001 - deleted or unreachable: in both cases not ours any more
            return Fenced("the job is gone")
        if job.fence == self._taken.fence and job.cancel:
            return JobCancelled("the job was cancelled")
        return Fenced("the job has a newer owner")


_ENDS = {Standing.FINISHED: "completed", Standing.REFUSED: "blocked", Standing.HELD: "held"}
"""How the ends are counted."""


class Runner:
    """Runs jobs in this process. ``worker`` is the process's id in the book."""

    def __init__(
        self,
        book: JobBook,
        line: Line,
        metrics: Metrics,
        worker: str,
        *,
        timeout_s: float,
        max_tries: int,
    ) -> None:
        self._book = book
        self._line = line
        self._metrics = metrics
        self._worker = worker
        self._timeout_s = timeout_s
        self._max_tries = max_tries
        self._pause = threading.Event()

    def run(self, id: str, round: int, queue: Queue) -> str:
        """Run the stages of ``queue`` that are due; returns the queue that goes on, or "".

        Returns "" also when the job ended, was held, or belongs to another worker now. Running it
        again is harmless at any time: a stage that is done stands in the book.
        """
        token = job_id_var.set(id)
        try:
            return self._run(id, round, queue)
        except Fenced:
            self._metrics.fenced.inc()
            _log.warning("fenced", extra={"event": "job_fenced"})
            return ""
        finally:
            job_id_var.reset(token)

    def _run(self, id: str, round: int, queue: Queue) -> str:
        plan = self._line.plan
        steps = plan.of(queue)
        names = [step.name for step in steps]
        taken = self.patiently(lambda: self._book.take(id, round, self._worker, names))
        if taken is None:
            # A worker that died between its last stage and the hand-over leaves that to us.
            passed = self.patiently(lambda: self._book.passed(id, round, steps[-1].name))
            following = plan.after(steps[-1].name)
            after = None if following == DONE or not passed else plan.at(following).queue
            return after.value if after is not None else ""
        if taken.job.tries > self._max_tries:
            lost = WorkerLost(f"workers died {self._max_tries} times in {taken.job.stage}")
            self._fail(taken, taken.job.stage, lost)
            return ""
        watch = JobWatch(self._book, taken, self._timeout_s)
        stage = taken.job.stage
        try:
            record = _Record(self, taken, watch, self._work(taken, watch))
            try:
                end = drive(self._line, record, queue)
            finally:
                stage = record.stage or stage
            if isinstance(end, Queue):
                due = self._line.due(record.work)
                assert not isinstance(due, Standing), "the driver stopped before a stage"
                if due.name != (record.following or taken.job.stage):
                    self._book.move(id, taken.fence, due.name)
                return end.value
        except Fenced:
            raise
        except Exception as error:  # noqa: BLE001 - told to the tenant, logged, counted
            self._fail(taken, stage, watch.reason or error)
            return ""
        self._end(taken.job, _ENDS[end])
        return ""

    def _work(self, taken: Taken, watch: JobWatch) -> Work:
        """The job as the line sees it. Raises ``RecordUnreadable``."""
        return Work(
            taken.job.id,
            taken.job.kind,
            ClipRequest.model_validate(taken.job.request),
            taken.fence,
            read_outputs(self._line, taken.outputs),
            recorded(taken.job.decisions),
            watch.wanted,
            lambda: not watch.wanted(),
        )

    def attempt(self, stage: Stage, work: Work, watch: JobWatch) -> Result:
        """Run a stage once; what stops it is told by its cause."""
        if not watch.wanted():
            raise watch.reason or Fenced("not wanted")
        try:
            return stage.run(work)
        except Cancelled as error:
            raise (watch.reason or JobCancelled("the job was cancelled")) from error
        except MemoryError as error:
            raise OutOfMemory(
                "this machine has too little memory for the job",
                "ask for a smaller or shorter clip",
            ) from error
        except Exception as error:
            if no_space(error):  # room may come back, so it is tried again like a store's failure
                raise DiskFull from error
            raise

    def write(
        self, work: Work, stage: Stage, result: Result, seconds: float, following: str
    ) -> None:
        """Write a stage's result under the fence."""

        def apply(tx: Transaction, job: Job) -> dict[str, Any]:
            output = record_result(tx, job, work.request, result)
            self._book.note(tx, job, output, result)
            return output.stored()

        output, decisions = self.patiently(
            lambda: self._book.finish_stage(
                work.id, work.fence, stage.name, self._worker, seconds, apply, following
            )
        )
        work.outputs[stage.name] = stage.output.read(output)
        work.decisions = recorded(decisions)

    def measured(self, stage: str) -> Any:
        return self._metrics.stage(stage)

    def patiently(self, work: Callable[[], T]) -> T:
        """Repeat what failed because a disk, store or database was away for a while."""
        for wait in _RETRY_WAITS_S:
            try:
                return work()
            except (StorageFailed, OSError) as error:
                told = describe(error)
                _log.warning("retry", extra={"event": "retry", "code": told.code, "wait_s": wait})
                self._pause.wait(wait)
        return work()

    def _fail(self, taken: Taken, stage: str, error: BaseException) -> None:
        told = describe(error)
        if told.code == "internal_error":
            _log.error("stage failed", exc_info=error, extra={"event": "stage_failed"})
        if isinstance(error, Fenced):
            raise error
        job = taken.job
        event = events.stopped(
            job.tenant, job.id, stage, told.code, last_decision(job), job.request.get("subject")
        )
        ended = self.patiently(
            lambda: self._book.fail(job.id, told.code, told.message, fence=taken.fence, event=event)
        )
        if ended:
            self._end(job, told.code)

    def _end(self, job: Job, outcome: str) -> None:
        if outcome != "held":
            self._line.discard(job)
        self._metrics.jobs.labels(job.kind, outcome).inc()
        _log.info("job ended", extra={"event": "job_ended", "outcome": outcome})


@dataclass(slots=True)
class _Record:
    """A taken job, as the driver sees it.

    ``stage`` is the one that runs or ran last, ``following`` what the row now says comes next.
    """

    runner: Runner
    taken: Taken
    watch: JobWatch
    work: Work
    stage: str = ""
    following: str = ""

    def run(self, stage: Stage) -> Result:
        self.stage = stage.name
        with self.runner.measured(stage.name):
            return self.runner.patiently(lambda: self.runner.attempt(stage, self.work, self.watch))

    def write(self, stage: Stage, result: Result, seconds: float, following: str) -> None:
        self.runner.write(self.work, stage, result, seconds, following)
        self.following = following
