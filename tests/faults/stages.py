"""Stages that do little but leave traces, for tests that kill workers at chosen moments."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from generator.errors import Cancelled
from guarded_gen.audit import Event, Transaction
from guarded_gen.jobs.book import JobBook, new_id
from guarded_gen.jobs.rows import new_job
from guarded_gen.jobs.runner import Effects, Ticket
from guarded_gen.store.tables.jobs import Job


class TracedStages:
    """Every stage writes a file and a log entry; ``publish`` writes into ``published``.

    ``kill`` is ``<moment>:<stage>``: at the first such moment this process kills itself with
    SIGKILL (once: the file ``killed`` remembers). Moments: ``before`` the work, ``inside`` it,
    ``between`` work and effects, ``after`` the effects are committed (seen at the next stage).
    ``stop:<stage>``: it stops itself with SIGSTOP inside the transaction of the effects.
    """

    def __init__(self, home: Path, kill: str = "", seconds: float = 0.0) -> None:
        self._home = home
        self._kill = kill
        self._seconds = seconds

    def _moment(self, moment: str, stage: str) -> None:
        if self._kill == f"{moment}:{stage}":
            os.kill(os.getpid(), signal.SIGKILL)

    def run(self, stage: str, ticket: Ticket) -> Effects:
        self._moment("before", stage)
        work = self._home / "traces" / ticket.job.id
        work.mkdir(parents=True, exist_ok=True)
        with (work / f"{stage}.runs").open("a") as file:
            file.write(f"{os.getpid()} {ticket.fence}\n")
        self._moment("inside", stage)
        end = time.monotonic() + (self._seconds if stage == "generate" else 0)
        while time.monotonic() < end:
            if ticket.stop():
                raise Cancelled("stopped")
            time.sleep(0.02)
        if stage == "publish":
            published = self._home / "published"
            published.mkdir(exist_ok=True)
            (published / f"{ticket.job.id}.{ticket.fence}").write_text("clip")
        self._moment("between", stage)

        def effects(tx: Transaction, job: Job) -> dict[str, Any]:
            if self._kill == f"stop:{stage}":
                self._kill = ""
                os.kill(os.getpid(), signal.SIGSTOP)
            entry = tx.append(Event(kind=f"test.{stage}", tenant=job.tenant, body={"job": job.id}))
            if stage == "publish":
                job.assets = {"video": {"key": f"{job.id}.{ticket.fence}"}}
            return {"entry": entry}

        return effects

    def failure(self, job: Job, stage: str, code: str) -> Event | None:
        return Event(kind="test.failed", tenant=job.tenant, body={"job": job.id, "code": code})

    def discard(self, job: Job) -> None:
        return None


class EmptyStages:
    """Stages without any work: what remains is the cost of durability."""

    def run(self, stage: str, ticket: Ticket) -> Effects:
        return lambda tx, job: {}

    def failure(self, job: Job, stage: str, code: str) -> Event | None:
        return None

    def discard(self, job: Job) -> None:
        return None


def accept(book: JobBook, tenant: str = "default", priority: int = 50) -> Job:
    job = new_job(
        new_id("video"), tenant, {"prompt": "a ball", "width": 64, "height": 64, "fps": 24,
        "seed": 1}, stage="generate", model="none", seconds=1.0, priority=priority,
    )  # fmt: skip

    def work(tx: Transaction) -> None:
        tx.append(Event(kind="test.accepted", tenant=tenant, body={"job": job.id}))
        book.accept(tx, job, {})

    book.log.write(work)
    return job
