"""Stages that do little but leave traces, for tests that kill workers at chosen moments."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from generator.errors import Cancelled
from guarded_gen.audit import Event, Transaction
from guarded_gen.jobs.book import JobBook, new_id
from guarded_gen.production.line import STEPS, Line, Plan
from guarded_gen.production.rows import Submitted, new_job
from guarded_gen.production.stage import Done, Result
from guarded_gen.production.work import Asset, Output, Published, Work
from guarded_gen.store.tables.jobs import Job

PLAN = Plan(STEPS[2:])
"""The steps from the generator on: these stages have no gates before them."""


class Scripted(Protocol):
    def run(self, stage: str, work: Work) -> Result: ...


@dataclass(frozen=True)
class One:
    """One stage of a script."""

    name: str
    script: Scripted

    @property
    def output(self) -> type[Output]:
        outputs: dict[str, type[Output]] = getattr(self.script, "outputs", {})
        return outputs.get(self.name, Output)

    def run(self, work: Work) -> Result:
        return self.script.run(self.name, work)


def line_of(script: Scripted, plan: Plan = PLAN) -> Line:
    """A line whose every stage is the script's."""
    return Line(tuple(One(step.name, script) for step in plan.steps), plan=plan)


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

    outputs: ClassVar[dict[str, type[Output]]] = {"publish": Published}

    def run(self, stage: str, work: Work) -> Result:
        self._moment("before", stage)
        folder = self._home / "traces" / work.id
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{stage}.runs").open("a") as file:
            file.write(f"{os.getpid()} {work.fence}\n")
        self._moment("inside", stage)
        end = time.monotonic() + (self._seconds if stage == "generate" else 0)
        while time.monotonic() < end:
            if work.stop():
                raise Cancelled("stopped")
            time.sleep(0.02)
        if stage == "publish":
            published = self._home / "published"
            published.mkdir(exist_ok=True)
            (published / f"{work.id}.{work.fence}").write_text("clip")
        self._moment("between", stage)

        def entry(related: str | None) -> Event:
            if self._kill == f"stop:{stage}":  # inside the transaction
                self._kill = ""
                os.kill(os.getpid(), signal.SIGSTOP)
            return Event(kind=f"test.{stage}", tenant=work.request.tenant, body={"job": work.id})

        output = Output()
        if stage == "publish":
            key = f"{work.id}.{work.fence}"
            asset = Asset(key=key, bytes=4, type="video/mp4")
            output = Published(sha256="", manifest="", assets={"video": asset})
        return Done(output, (entry,))


class EmptyStages:
    """Stages without any work: what remains is the cost of durability."""

    def run(self, stage: str, work: Work) -> Result:
        return Done(Output())


def accept(book: JobBook, tenant: str = "default", priority: int = 50) -> Job:
    job = new_job(
        new_id("video"), tenant, {"prompt": "a ball", "width": 64, "height": 64, "fps": 24,
        "seed": 1, "backend": "none", "seconds": 1.0},
        stage="generate", submitted=Submitted(priority=priority),
    )  # fmt: skip

    def work(tx: Transaction) -> None:
        tx.append(Event(kind="test.accepted", tenant=tenant, body={"job": job.id}))
        book.accept(tx, job, {})

    book.log.write(work)
    return job
