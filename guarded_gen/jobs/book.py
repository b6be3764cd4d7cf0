"""The book of jobs: every change of a job's state, each in one transaction with its log entries.

What keeps a job exactly-once stands here:

* a stage's row (``job_stage``) is written together with the stage's effects, so a stage that is
  repeated after a crash finds its own result;
* every write names the *fence* that its worker got when it took the job, and is refused
  (:class:`~guarded_gen.jobs.errors.Fenced`) once another worker took it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from guarded_gen.audit import Event, Transaction
from guarded_gen.errors import Conflict, NotFound
from guarded_gen.jobs import webhooks
from guarded_gen.jobs.errors import Fenced, QuotaExceeded
from guarded_gen.production.drive import record_result
from guarded_gen.production.line import DONE, PROMPT, Plan
from guarded_gen.production.request import ClipRequest
from guarded_gen.production.rows import Status, held, now_ms
from guarded_gen.production.stage import Held, Refused, Result
from guarded_gen.production.work import Gated, Output, Published
from guarded_gen.store import Store
from guarded_gen.store.paging import page_of
from guarded_gen.store.tables.jobs import OPEN, Job, JobStage, Tenant

T = TypeVar("T")
DAY_MS = 86_400_000
PREVIEW = "preview"
"""In a job's details: what may be seen of the unfinished clip (key, sha256, step, of)."""


class Log(Protocol):
    """The audit log, as jobs see it."""

    def write(self, work: Callable[[Any], T]) -> T: ...


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class Taken:
    """A job in a worker's hands: a copy of its row, its fence, and the outputs so far."""

    job: Job
    fence: int
    outputs: Mapping[str, dict[str, Any]]


class JobBook:
    """Reads and writes jobs. Safe to share between threads."""

    def __init__(
        self, store: Store, log: Log, plan: Plan, lifetime_s: float, open_per_tenant: int
    ) -> None:
        self.store = store
        self.log = log
        self.plan = plan
        self._lifetime_ms = int(1000 * lifetime_s)
        self._open_per_tenant = open_per_tenant

    # reading: every query names the tenant; None is for the system itself

    def get(self, tenant: str | None, id: str) -> Job:
        """The job, or :class:`NotFound`, also when it is another tenant's or was deleted."""
        with self.store.read() as session:
            job = session.get(Job, id)
        if job is None or job.deleted_at is not None or tenant not in (None, job.tenant):
            raise NotFound(f"no video with id {id[:64]!r}", param="video_id")
        return job

    def list(
        self, tenant: str, *, after: str | None, limit: int, ascending: bool, kind: str = "video"
    ) -> tuple[list[Job], bool]:
        """A page of a tenant's jobs and whether there are more.

        ``after`` that names nothing of this tenant raises :class:`NotFound`.
        """
        query = select(Job).where(Job.tenant == tenant, Job.deleted_at.is_(None), Job.kind == kind)
        with self.store.read() as session:
            anchor = session.get(Job, after) if after is not None else None
            if after is not None and (anchor is None or anchor.tenant != tenant):
                raise NotFound(f"no video with id {after[:64]!r}", param="after")
            return page_of(session, query, Job, after=anchor, limit=limit, ascending=ascending)

    def outputs(self, id: str) -> dict[str, dict[str, Any]]:
        with self.store.read() as session:
            rows = session.scalars(select(JobStage).where(JobStage.job == id))
            return {row.stage: row.output for row in rows}

    def open_counts(self) -> dict[str, int]:
        with self.store.read() as session:
            rows = session.execute(
                select(Job.status, func.count()).where(Job.status.in_(OPEN)).group_by(Job.status)
            ).all()
        return dict(rows)

    # accepting

    def admit(self, tx: Transaction, job: Job, request: ClipRequest, result: Result) -> Output:
        """Take a new job in as the prompt gate says: to go on, to wait for a person, or not.

        The decision is on record in every case. Raises :class:`QuotaExceeded`.
        """
        output = record_result(tx, job, request, result)
        if isinstance(result, Refused):
            return output
        if isinstance(result, Held):
            held(job)
        self.accept(tx, job, output.stored())
        return output

    def accept(self, tx: Transaction, job: Job, prompt_output: dict[str, Any]) -> None:
        """Put a new job into the book, within the quotas of its tenant.

        ``prompt_output`` is what the prompt gate gave where the job was asked for. Raises
        :class:`QuotaExceeded`; then nothing of the transaction must be committed.
        """
        self._check_quota(tx.session, job)
        tx.session.add(job)
        tx.session.add(
            JobStage(
                job=job.id,
                stage=PROMPT,
                fence=0,
                worker="door",
                output=prompt_output,
                seconds=0.0,
                finished_at=job.created_at,
            )
        )

    def _check_quota(self, session: Session, job: Job) -> None:
        tenant = session.get(Tenant, job.tenant)
        most = self._open_per_tenant
        if tenant is not None and tenant.max_open_jobs is not None:
            most = tenant.max_open_jobs
        mine = select(func.count()).select_from(Job).where(Job.tenant == job.tenant)
        held = session.scalar(mine.where(Job.status.in_(OPEN))) or 0
        if held >= most:
            raise QuotaExceeded(
                f"{held} jobs are open, the most for this tenant",
                "wait until one ends, or cancel one",
                "max_open_jobs",
            )
        if tenant is None:
            return
        if tenant.max_seconds_per_day is not None:
            since = job.created_at - DAY_MS
            used = session.scalar(
                select(func.coalesce(func.sum(Job.seconds), 0.0)).where(
                    Job.tenant == job.tenant,
                    Job.created_at > since,
                    or_(Job.status != Status.FAILED.value, Job.started_at.is_not(None)),
                )
            )
            if float(used or 0) + job.seconds > tenant.max_seconds_per_day:
                raise QuotaExceeded(
                    f"{used:g} s of video were asked for in the last 24 hours, "
                    f"of {tenant.max_seconds_per_day:g} s",
                    "wait, or ask for a shorter clip",
                    "max_seconds_per_day",
                )
        if tenant.max_bytes is not None:
            stored = session.scalar(
                select(func.coalesce(func.sum(Job.bytes), 0)).where(
                    Job.tenant == job.tenant, Job.deleted_at.is_(None)
                )
            )
            if int(stored or 0) >= tenant.max_bytes:
                raise QuotaExceeded(
                    f"{stored} bytes are stored, of {tenant.max_bytes}",
                    "delete videos that are no longer needed",
                    "max_bytes",
                )

    # executing

    def take(self, id: str, round: int, worker: str, stages: Sequence[str]) -> Taken | None:
        """Take the job for ``worker``; None when there is nothing to do any more.

        There is nothing to do when the job ended, waits for a person, was handed to the queue
        anew (another ``round``), or its next stage is none of ``stages``.
        """
        with self.store.write() as session:
            job = session.scalars(
                update(Job)
                .where(
                    Job.id == id,
                    Job.round == round,
                    Job.stage.in_(stages),
                    Job.status.in_(OPEN),
                    Job.deleted_at.is_(None),
                    or_(Job.review.is_(None), Job.review == "approved"),
                )
                .values(
                    fence=Job.fence + 1,
                    tries=Job.tries + 1,
                    worker=worker,
                    status=Status.IN_PROGRESS.value,
                    started_at=func.coalesce(Job.started_at, now_ms()),
                )
                .returning(Job)
            ).one_or_none()
            if job is None:
                return None
            rows = session.scalars(select(JobStage).where(JobStage.job == id))
            outputs = {row.stage: row.output for row in rows}
            return Taken(job, job.fence, outputs)

    def passed(self, id: str, round: int, stage: str) -> bool:
        """Whether this is an open job of this round that is past ``stage``."""
        with self.store.read() as session:
            job = session.get(Job, id)
            if job is None or job.round != round or job.status not in OPEN or job.deleted_at:
                return False
            return session.get(JobStage, (id, stage)) is not None

    def owned(self, session: Session, id: str, fence: int) -> Job:
        """The row, locked until the transaction ends; :class:`Fenced` for a ghost."""
        job = session.scalars(select(Job).where(Job.id == id).with_for_update()).one_or_none()
        if job is None or job.fence != fence or job.status not in OPEN:
            raise Fenced(f"job {id} has a newer owner")
        return job

    def finish_stage(
        self,
        id: str,
        fence: int,
        stage: str,
        worker: str,
        seconds: float,
        apply: Callable[[Transaction, Job], dict[str, Any]],
        following: str | None = None,
    ) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
        """Write a stage's effects and its row in one transaction; its output and the decisions.

        ``apply`` changes the row and appends entries; it may run again when the database asks
        for a repetition. A stage that was finished before gives its first output, without
        effects. ``following`` is the stage that comes next, by default the plan's. Raises
        :class:`Fenced`.
        """

        def work(tx: Transaction) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
            job = self.owned(tx.session, id, fence)
            done = tx.session.get(JobStage, (id, stage))
            if done is not None:
                return done.output, job.decisions
            job.stage = following or self.plan.after(stage)
            job.progress = max(job.progress, self.plan.at(stage).progress)
            job.tries = 0
            output = apply(tx, job)
            tx.session.add(
                JobStage(
                    job=id,
                    stage=stage,
                    fence=fence,
                    worker=worker,
                    output=output,
                    seconds=seconds,
                    finished_at=now_ms(),
                )
            )
            if job.stage == DONE and job.status in OPEN:
                self._complete(tx.session, job)
            return output, job.decisions

        return self.log.write(work)

    def move(self, id: str, fence: int, stage: str) -> None:
        """Note that another stage is due than the row says. Raises :class:`Fenced`."""
        with self.store.write() as session:
            self.owned(session, id, fence).stage = stage

    def note(self, tx: Transaction, job: Job, output: Output, result: Result) -> None:
        """Within a stage's transaction: what its result means for the row.

        A refusal ends the job; nothing of an unfinished clip is shown once a gate has judged
        it; what was published can be found.
        """
        if isinstance(output, Gated):
            withdraw(job)
        if isinstance(result, Refused) and isinstance(output, Gated):
            decisive = output.judged[output.decisive]
            self.end(
                tx,
                job,
                "moderation_blocked",
                result.message,
                {"decision_id": decisive.decision, "reason_code": decisive.gate.decision.reason},
            )
        if isinstance(output, Published):
            assets = {
                name: asset.model_dump(mode="json", exclude_none=True)
                for name, asset in output.assets.items()
            }
            job.assets = assets
            job.bytes = sum(asset.bytes for asset in output.assets.values())
            job.provenance = {
                "manifest": output.manifest,
                "sha256": output.sha256,
                "log_entry": output.entries[0] if output.entries else None,
            }

    def _complete(self, session: Session, job: Job) -> None:
        job.status = Status.COMPLETED.value
        job.progress = 100
        job.completed_at = now_ms()
        job.expires_at = job.completed_at + self._lifetime_ms
        job.worker = None
        webhooks.announce(session, job)

    def fail(
        self,
        id: str,
        code: str,
        message: str,
        *,
        fence: int | None = None,
        event: Event | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> bool:
        """End a job without a clip; False when it has ended already. A fence is checked."""

        def work(tx: Transaction) -> bool:
            if fence is not None:
                job: Job | None = self.owned(tx.session, id, fence)
            else:
                job = tx.session.scalars(
                    select(Job).where(Job.id == id).with_for_update()
                ).one_or_none()
            if job is None or job.status not in OPEN:
                return False
            if event is not None:
                tx.append(event)
            self.end(tx, job, code, message, extra)
            return True

        return self.log.write(work)

    def end(
        self,
        tx: Transaction,
        job: Job,
        code: str,
        message: str,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Within a transaction: the job failed; its tenant is told."""
        job.status = Status.FAILED.value
        job.error = {"code": code, "message": message, **(extra or {})}
        job.completed_at = now_ms()
        job.worker = None
        withdraw(job)
        if job.review == "pending":
            job.review = None
        webhooks.announce(tx.session, job)

    def progress(self, id: str, fence: int, percent: int) -> bool:
        """Note progress and ask whether to go on: False when cancelled, ended or fenced."""
        with self.store.write() as session:
            cancel = session.scalar(
                update(Job)
                .where(Job.id == id, Job.fence == fence, Job.status.in_(OPEN))
                .values(
                    progress=func.max(Job.progress, percent)
                    if _sqlite(session)
                    else func.greatest(Job.progress, percent)
                )
                .returning(Job.cancel)
            )
        return cancel is False

    def show(
        self, id: str, fence: int, preview: Mapping[str, Any] | None, event: Event | None = None
    ) -> bool:
        """Note what may be shown of a clip in the making; None takes it back.

        False when a preview of this step or a later one is shown already. Raises
        :class:`Fenced`.
        """

        def work(tx: Transaction) -> bool:
            job = self.owned(tx.session, id, fence)
            shown = job.details.get(PREVIEW)
            if preview is None:
                withdraw(job)
                return True
            if shown is not None and shown["step"] >= preview["step"]:
                return False
            if event is not None:
                tx.append(event)
            job.details = {**job.details, PREVIEW: dict(preview)}
            return True

        return self.log.write(work)

    # ending by others

    def cancel(self, tenant: str, id: str, event: Callable[[Job], Event] | None = None) -> Job:
        """Stop a job: at once while it waits, within a step while it runs.

        A job that has ended raises :class:`Conflict`.
        """

        def work(tx: Transaction) -> Job:
            job = tx.session.scalars(
                select(Job).where(Job.id == id).with_for_update()
            ).one_or_none()
            if job is None or job.tenant != tenant or job.deleted_at is not None:
                raise NotFound(f"no video with id {id[:64]!r}", param="video_id")
            if job.status not in OPEN:
                raise Conflict(f"the video has {job.status}", "it cannot be cancelled any more")
            job.cancel = True
            if job.status == Status.QUEUED.value or job.review == "pending":
                if event is not None:
                    tx.append(event(job))
                self.end(tx, job, "cancelled", "the job was cancelled")
            return job

        return self.log.write(work)

    def delete(self, tenant: str, id: str, event: Callable[[Job], Event]) -> Job:
        """Take a job out of sight; one that has not ended is stopped first.

        Returns the row as it was, so that the caller can remove the stored files.
        """

        def work(tx: Transaction) -> Job:
            job = tx.session.scalars(
                select(Job).where(Job.id == id).with_for_update()
            ).one_or_none()
            if job is None or job.tenant != tenant or job.deleted_at is not None:
                raise NotFound(f"no video with id {id[:64]!r}", param="video_id")
            if job.status in OPEN:
                job.cancel = True
                self.end(tx, job, "cancelled", "the job was cancelled and deleted")
            tx.append(event(job))
            job.deleted_at = now_ms()
            return job

        return self.log.write(work)

    def decide(self, tx: Transaction, id: str, approved: bool, decision: str) -> Job:
        """A person's word on a job that was held. The caller hands the job to the queue after.

        ``decision`` is the log entry of that word. Raises :class:`NotFound` or
        :class:`Conflict` when the job does not wait for one.
        """
        job = tx.session.scalars(select(Job).where(Job.id == id).with_for_update()).one_or_none()
        if job is None:
            raise NotFound(f"no job with id {id[:64]!r}")
        if job.status not in OPEN or job.review != "pending":
            raise Conflict("the job does not wait for a review")
        job.decisions = [
            *job.decisions,
            {"id": decision, "stage": "review", "action": "allow" if approved else "block"},
        ]
        if approved:
            job.review = "approved"
            job.round += 1
            job.tries = 0
            job.queued_at = now_ms()
        else:
            job.review = "rejected"
            self.end(
                tx,
                job,
                "moderation_blocked",
                "a reviewer refused this video",
                {"decision_id": decision},
            )
        return job

    def requeue(self, id: str, round: int) -> Job | None:
        """Start a new round for an open job whose execution went lost; None when it moved on."""
        with self.store.write() as session:
            return session.scalars(
                update(Job)
                .where(
                    Job.id == id,
                    Job.round == round,
                    Job.status.in_(OPEN),
                    or_(Job.review.is_(None), Job.review == "approved"),
                )
                .values(round=Job.round + 1, queued_at=now_ms())
                .returning(Job)
            ).one_or_none()

    def open_jobs(self, before: int, cursor: str, limit: int) -> Sequence[Job]:
        """Open jobs that wait for no person, handed over before ``before`` (ms), by id."""
        with self.store.read() as session:
            return session.scalars(
                select(Job)
                .where(
                    Job.status.in_(OPEN),
                    or_(Job.review.is_(None), Job.review == "approved"),
                    Job.queued_at < before,
                    Job.id > cursor,
                )
                .order_by(Job.id)
                .limit(limit)
            ).all()


def withdraw(job: Job) -> None:
    """Within a transaction: nothing of the unfinished clip is shown any more."""
    if PREVIEW in job.details:
        job.details = {name: said for name, said in job.details.items() if name != PREVIEW}


def _sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
