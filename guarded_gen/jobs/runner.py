"""Executing a job's stages under its fence, whatever queue system calls us.

A :class:`Worker` supplies the stages. The runner takes the job, runs the stages of one queue in
order, writes each result with its effects, retries what may pass, and ends the job when a stage
says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from generator.errors import Cancelled, OutOfMemory
from guarded_gen.audit import Event, Transaction
from guarded_gen.errors import StorageFailed, describe
from guarded_gen.jobs.book import JobBook, Taken
from guarded_gen.jobs.errors import Fenced, JobCancelled, JobTimedOut, WorkerLost
from guarded_gen.jobs.plan import DONE, Queue, Step
from guarded_gen.store.tables.jobs import Job
from guarded_gen.telemetry import Metrics, job_id_var

_log = logging.getLogger(__name__)
_RETRY_WAITS_S = (0.5, 1, 2, 4, 8, 15, 30)
"""Storage and database may come back: about a minute in all, then the job fails."""
_ASK_EVERY_S = 0.5
"""How often a running stage looks whether it is still wanted."""

T = TypeVar("T")
Effects = Callable[[Transaction, Job], dict[str, Any]]


@dataclass(slots=True)
class Ticket:
    """What a stage gets: the job, the earlier outputs, and whether it is still wanted."""

    job: Job
    fence: int
    outputs: dict[str, dict[str, Any]]
    wanted: Callable[[int], bool]
    """Note progress in percent; False as soon as the stage should stop."""
    stop: Callable[[], bool] = field(default=lambda: False)
    """The same question without progress, cheap enough for every step of a generator."""


class Stages(Protocol):
    """The work of a job. A stage may be repeated, so it leaves no trace before its effects."""

    def run(self, stage: str, ticket: Ticket) -> Effects:
        """Do the work outside of any transaction; returns the effects to write."""
        ...

    def failure(self, job: Job, stage: str, code: str) -> Event | None:
        """The log entry of a job that ends in ``stage``."""
        ...

    def discard(self, job: Job) -> None:
        """Remove the working files of a job that has ended."""
        ...


class Watch:
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


class Runner:
    """Runs jobs in this process. ``worker`` is the process's id in the book."""

    def __init__(
        self,
        book: JobBook,
        stages: Stages,
        metrics: Metrics,
        worker: str,
        *,
        timeout_s: float,
        max_tries: int,
    ) -> None:
        self._book = book
        self._stages = stages
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
        finally:
            job_id_var.reset(token)

    def _run(self, id: str, round: int, queue: Queue) -> str:
        plan = self._book.plan
        steps = plan.of(queue)
        following = plan.after(steps[-1].name)
        names = [step.name for step in steps]
        taken = self._patiently(lambda: self._book.take(id, round, self._worker, names))
        if taken is None:
            # A worker that died between its last stage and the hand-over leaves that to us.
            passed = self._patiently(lambda: self._book.passed(id, round, steps[-1].name))
            return "" if following == DONE or not passed else plan.at(following).queue.value
        job = taken.job
        if job.tries > self._max_tries:
            lost = WorkerLost(f"workers died {self._max_tries} times in {job.stage}")
            self._fail(taken, job.stage, lost)
            return ""
        watch = Watch(self._book, taken, self._timeout_s)
        ticket = Ticket(
            job, taken.fence, dict(taken.outputs), watch.wanted, lambda: not watch.wanted()
        )
        for step in steps:
            output = self._guarded(step, ticket, watch, taken)
            ticket.outputs[step.name] = output
            halt = output.get("halt")
            # A job that was held in an earlier round is only taken again once it was approved;
            # an approval of one stage is none of a later one.
            if halt and not (halt == "held" and step.name in taken.outputs):
                if halt != "failed":
                    self._end(job, halt)
                return ""
        if following == DONE:
            self._end(job, "completed")
            return ""
        return plan.at(following).queue.value

    def _guarded(self, step: Step, ticket: Ticket, watch: Watch, taken: Taken) -> dict[str, Any]:
        """A stage whose every failure ends the job in the open; nothing is raised from here."""
        done = ticket.outputs.get(step.name)
        if done is not None:
            return done
        try:
            try:
                return self._stage(step, ticket, watch)
            except Fenced:
                raise
            except Exception as error:  # noqa: BLE001 - told to the tenant, logged, counted
                self._fail(taken, step.name, watch.reason or error)
                return {"halt": "failed"}
        except Fenced:
            self._metrics.fenced.inc()
            _log.warning("fenced", extra={"event": "job_fenced"})
            return {"halt": "fenced"}

    def _stage(self, step: Step, ticket: Ticket, watch: Watch) -> dict[str, Any]:
        started = time.monotonic()
        with self._metrics.stage(step.name):
            effects = self._patiently(lambda: self._attempt(step, ticket, watch))
            return self._patiently(
                lambda: self._book.finish_stage(
                    ticket.job.id, ticket.fence, step.name, self._worker,
                    time.monotonic() - started, effects,
                )
            )  # fmt: skip

    def _attempt(self, step: Step, ticket: Ticket, watch: Watch) -> Effects:
        if not watch.wanted():
            raise watch.reason or Fenced("not wanted")
        try:
            return self._stages.run(step.name, ticket)
        except Cancelled as error:
            raise (watch.reason or JobCancelled("the job was cancelled")) from error
        except MemoryError as error:
            raise OutOfMemory(
                "this machine has too little memory for the job",
                "ask for a smaller or shorter clip",
            ) from error

    def _patiently(self, work: Callable[[], T]) -> T:
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
        event = self._stages.failure(taken.job, stage, told.code)
        ended = self._patiently(
            lambda: self._book.fail(
                taken.job.id, told.code, told.message, fence=taken.fence, event=event
            )
        )
        if ended:
            self._end(taken.job, told.code)

    def _end(self, job: Job, outcome: str) -> None:
        if outcome not in ("held", "fenced"):
            self._stages.discard(job)
        self._metrics.jobs.labels(job.kind, outcome).inc()
        _log.info("job ended", extra={"event": "job_ended", "outcome": outcome})
