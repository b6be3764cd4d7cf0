"""The book of the command line: one job in this process's memory, until a person must decide.

A clip that is published or refused leaves its entries in the log and nothing else. One that a
gate holds is written, with everything that its stages gave, into the durable book, in the very
transaction that opens its case; when a person allows it, any worker goes on with it.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from generator.spec import Mode
from guarded_gen.audit import AuditLog, Transaction
from guarded_gen.errors import describe
from guarded_gen.production import events
from guarded_gen.production.drive import drive, last_decision, record_result
from guarded_gen.production.files import WorkFiles
from guarded_gen.production.line import Line, Standing
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.rows import copy_of, held, new_job, now_ms
from guarded_gen.production.stage import Held, Result, Stage
from guarded_gen.production.work import Output, Work, recorded
from guarded_gen.store.tables.jobs import Job, JobStage

if TYPE_CHECKING:
    from generator.base import Cancel

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, steps done and steps in all."""

_WORKER = "command line"


@dataclass(slots=True)
class MemoryRecord:
    """One job. ``results`` are what the stages gave in this process, by stage."""

    log: AuditLog
    files: WorkFiles
    row: Job
    work: Work
    progress: Progress
    results: dict[str, Result] = field(default_factory=dict)
    stages: list[JobStage] = field(default_factory=list)
    stage: str = ""
    """The stage that runs or ran last."""

    def run(self, stage: Stage) -> Result:
        self.stage = stage.name
        self.progress(stage.name, 0, 1)
        return stage.run(self.work)

    def write(self, stage: Stage, result: Result, seconds: float, following: str) -> None:
        request = self.work.request
        if isinstance(result, Held):
            request = self.files.shelve_references(self.work)

        def apply(tx: Transaction) -> tuple[Job, list[JobStage], Output]:
            row = copy_of(self.row)  # the transaction may run again
            output = record_result(tx, row, self.work.request, result)
            row.stage = following
            done = [copy_of(one) for one in self.stages]
            done.append(
                JobStage(
                    job=row.id,
                    stage=stage.name,
                    fence=row.fence,
                    worker=_WORKER,
                    output=output.stored(),
                    seconds=seconds,
                    finished_at=now_ms(),
                )
            )
            if isinstance(result, Held):
                row.request = request.model_dump(mode="json")
                row.started_at = row.created_at
                tx.session.add(held(copy_of(row)))
                tx.session.add_all(copy_of(one) for one in done)
            return row, done, output

        self.row, self.stages, output = self.log.write(apply)
        self.results[stage.name] = result
        self.work.outputs[stage.name] = output
        self.work.decisions = recorded(self.row.decisions)

    def fail(self, error: BaseException) -> None:
        """Put a failure on record, if a decision of the clip is."""
        if not self.row.decisions:
            return
        code, row = describe(error).code, self.row
        event = events.failed(self.work.request, row.id, self.stage, code, last_decision(row))
        self.log.write(lambda tx: tx.append(event))


def make(
    line: Line,
    log: AuditLog,
    files: WorkFiles,
    request: ClipRequest,
    progress: Progress = lambda stage, done, total: None,
    cancel: Cancel = lambda: False,
) -> tuple[Standing, MemoryRecord]:
    """Take one request down the line in this process; every decision is on record before the
    next stage. Raises the typed error of the stage that failed, after that was recorded; then
    nothing was published. Only a held clip keeps its working files.
    """
    clip = f"clip_{uuid.uuid4().hex}"
    kind = "image" if request.mode is Mode.IMAGE else "video"
    row = new_job(
        clip,
        request.tenant,
        request.model_dump(mode="json"),
        stage=line.stages[0].name,
        kind=kind,
    )
    work = Work(
        clip,
        kind,
        request,
        stop=cancel,
        on_step=lambda done, total: progress("generate", done, total),
    )
    record = MemoryRecord(log, files, row, work, progress)
    standing: Standing | None = None
    try:
        end = drive(line, record)
        assert isinstance(end, Standing), "without a queue the driver goes to the end"
        standing = end
    except BaseException as error:
        record.fail(error)
        raise
    finally:
        if standing is not Standing.HELD:
            shutil.rmtree(files.root / clip, ignore_errors=True)
    return standing, record
