"""``/v1/batches``: a file of requests, one a line, worked off as ordinary jobs.

A batch is a row and its lines; a chore of the workers takes lines in, watches their jobs, and
writes the output file when all have ended. Every step can be repeated after a crash: a line's
job has an id that follows from the batch and the line.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import func, select
from starlette.responses import JSONResponse, Response

from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.admission import NewJob, admit
from guarded_gen.api.bodies import Body, body_of
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.files import find as find_file
from guarded_gen.api.objects import at_s, page, video_object
from guarded_gen.api.problems import Problem, invalid, not_found
from guarded_gen.api.requests import CreateBatch, CreateVideo, only, parsed, request_body, size_of
from guarded_gen.api.schemas import BATCH, BATCH_PAGE, answers
from guarded_gen.api.videos import clip_fields, refuse_characters, supported
from guarded_gen.errors import NotFound
from guarded_gen.jobs import new_id, now_ms
from guarded_gen.jobs.webhooks import announce_batch
from guarded_gen.production.request import ClipRequest
from guarded_gen.store.paging import page_of
from guarded_gen.store.tables.jobs import OPEN, Batch, BatchLine, Job, StoredFile

router = APIRouter(prefix="/v1/batches", tags=["batches"])
_log = logging.getLogger(__name__)
ENDPOINT = "/v1/videos"
MOST_LINES = 50_000
_LINE_BYTES = 1024 * 1024
_WINDOW_MS = 86_400_000
_AT_ONCE = 50
_ENDED = ("completed", "failed", "cancelled", "expired")


def batch_object(row: Batch) -> dict[str, Any]:
    errors = {"object": "list", "data": row.errors} if row.errors else None
    times = {
        name: at_s(getattr(row, name))
        for name in (
            "created_at",
            "in_progress_at",
            "finalizing_at",
            "completed_at",
            "failed_at",
            "cancelling_at",
            "cancelled_at",
            "expires_at",
        )
    }
    return {
        "id": row.id,
        "object": "batch",
        "endpoint": row.endpoint,
        "status": row.status,
        "input_file_id": row.input_file,
        "output_file_id": row.output_file,
        "error_file_id": row.error_file,
        "completion_window": "24h",
        "errors": errors,
        "request_counts": {"total": row.total, "completed": row.completed, "failed": row.failed},
        "metadata": row.details.get("metadata"),
        **times,
    }


@router.post("", responses=answers(BATCH), openapi_extra=request_body(CreateBatch))
async def create_batch(request: Request) -> Response:
    """Work off an uploaded file of ``/v1/videos`` lines."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateBatch, body)
        only("output_expires_after", wanted.output_expires_after)
        only("completion_window", wanted.completion_window, "24h")
        if wanted.endpoint != ENDPOINT:
            raise invalid(f"batches are for {ENDPOINT}", "endpoint")

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            source = find_file(api, caller, wanted.input_file_id)
            now = now_ms()
            row = Batch(
                id=new_id("batch"),
                tenant=caller.tenant,
                key_id=caller.key_id,
                status="validating",
                endpoint=ENDPOINT,
                input_file=source.id,
                output_file=None,
                error_file=None,
                errors=None,
                details={"metadata": wanted.metadata},
                total=0,
                completed=0,
                failed=0,
                created_at=now,
                in_progress_at=None,
                finalizing_at=None,
                completed_at=None,
                failed_at=None,
                cancelling_at=None,
                cancelled_at=None,
                expires_at=now + _WINDOW_MS,
            )
            answer = batch_object(row)
            with api.jobs.store.write() as session:
                session.add(row)
                remember(session, 200, answer)
            return 200, answer

        return await api.post(request, caller, body, work)


def find(api: Api, caller: Caller, id: str) -> Batch:
    with api.jobs.store.read() as session:
        row = session.get(Batch, id)
    if row is None or row.tenant != caller.tenant:
        raise not_found("batch", id)
    return row


@router.get("", responses=answers(BATCH_PAGE))
async def list_batches(
    request: Request,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """This tenant's batches, newest first."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> tuple[list[Batch], bool]:
        query = select(Batch).where(Batch.tenant == caller.tenant)
        anchor = find(api, caller, after) if after is not None else None
        with api.jobs.store.read() as session:
            return page_of(session, query, Batch, after=anchor, limit=limit)

    rows, more = await api.quick.run(work)
    return JSONResponse(page([batch_object(row) for row in rows], more))


@router.get("/{batch_id}", responses=answers(BATCH))
async def retrieve_batch(request: Request, batch_id: str) -> Response:
    """One batch."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    return JSONResponse(batch_object(await api.quick.run(find, api, caller, batch_id)))


@router.post("/{batch_id}/cancel", responses=answers(BATCH))
async def cancel_batch(request: Request, batch_id: str) -> Response:
    """Take in no more lines; jobs that run go on to their end."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> dict[str, Any]:
        find(api, caller, batch_id)
        with api.jobs.store.write() as session:
            row = session.get_one(Batch, batch_id)
            if row.status in _ENDED:
                raise Problem(409, "conflict", f"the batch has {row.status}")
            row.status = "cancelling"
            row.cancelling_at = now_ms()
            return batch_object(row)

    return JSONResponse(await api.quick.run(work))


class BatchChore:
    """Moves every open batch one step on; runs under a lease, in one process at a time."""

    def __init__(self, api: Api) -> None:
        self._door = api

    def __call__(self) -> None:
        with self._door.jobs.store.read() as session:
            open_ = session.scalars(
                select(Batch)
                .where(Batch.status.not_in(_ENDED))
                .order_by(Batch.created_at)
                .limit(20)
            ).all()
        for batch in open_:
            try:
                self._step(batch)
            except Exception:  # noqa: BLE001 - one broken batch must not hold up the others
                _log.exception("batch step failed", extra={"event": "batch_failed"})

    def _step(self, batch: Batch) -> None:
        if batch.status == "validating":
            self._validate(batch)
        elif batch.status in ("in_progress", "cancelling"):
            if now_ms() > batch.expires_at and batch.status != "cancelling":
                self._set(batch.id, status="cancelling")
            if batch.status == "in_progress":
                self._take_in(batch)
            self._collect(batch)

    def _set(self, id: str, **values: Any) -> Batch:
        with self._door.jobs.store.write() as session:
            row = session.get_one(Batch, id)
            for name, value in values.items():
                setattr(row, name, value)
            if row.status in _ENDED:
                announce_batch(session, row, now_ms())
            return row

    def _validate(self, batch: Batch) -> None:
        api = self._door
        with api.jobs.store.read() as session:
            source = session.get(StoredFile, batch.input_file)
        errors: list[dict[str, Any]] = []
        lines: list[BatchLine] = []
        seen: set[str] = set()
        if source is None:
            errors.append({"code": "not_found", "message": "the input file is gone"})
        else:
            for number, text in enumerate(_lines(api, source), 1):
                if len(lines) >= MOST_LINES:
                    errors.append(
                        {
                            "code": "too_many_lines",
                            "line": number,
                            "message": f"at most {MOST_LINES} lines",
                        }
                    )
                    break
                line, error = _line(batch.id, number, text, seen)
                if error is not None:
                    errors.append({"code": "invalid_line", "line": number, "message": error})
                elif line is not None:
                    lines.append(line)
            if not lines and not errors:
                errors.append({"code": "empty_file", "message": "the file has no lines"})
        if errors:
            self._set(batch.id, status="failed", failed_at=now_ms(), errors=errors[:100])
            return
        with api.jobs.store.write() as session:
            row = session.get_one(Batch, batch.id)
            if row.status != "validating":
                return
            session.add_all(lines)
            row.status, row.in_progress_at, row.total = "in_progress", now_ms(), len(lines)

    def _take_in(self, batch: Batch) -> None:
        api = self._door
        with api.jobs.store.read() as session:
            running = (
                session.scalar(
                    select(func.count())
                    .select_from(BatchLine)
                    .join(Job, Job.id == BatchLine.job)
                    .where(
                        BatchLine.batch == batch.id,
                        BatchLine.response.is_(None),
                        Job.status.in_(OPEN),
                    )
                )
                or 0
            )
            fresh = session.scalars(
                select(BatchLine)
                .where(
                    BatchLine.batch == batch.id, BatchLine.job.is_(None), BatchLine.error.is_(None)
                )
                .order_by(BatchLine.line)
                .limit(max(0, _AT_ONCE - running))
            ).all()
        caller = Caller(batch.tenant, frozenset({Scope.GENERATE}), batch.key_id)
        for line in fresh:
            self._admit(batch, line, caller)

    def _admit(self, batch: Batch, line: BatchLine, caller: Caller) -> None:
        api = self._door
        id = "video_" + hashlib.sha256(f"{batch.id}:{line.line}".encode()).hexdigest()[:32]
        asked = self._asked(batch, line.line)
        try:
            try:
                api.jobs.book.get(batch.tenant, id)  # taken in before a crash
            except NotFound:
                wanted = parsed(CreateVideo, Body(asked))
                fields = clip_fields(api, caller, wanted)
                if wanted.seconds is not None:
                    fields["seconds"] = wanted.seconds
                if wanted.size is not None:
                    fields["width"], fields["height"] = size_of(wanted.size)
                if wanted.characters:
                    refuse_characters(api, caller, wanted.characters, fields["backend"])
                if wanted.input_reference is not None:
                    raise invalid("lines take no input_reference", "input_reference") from None
                clip = ClipRequest.checked(api.settings.limits, **fields)
                supported(api, clip)
                admit(
                    api,
                    caller,
                    clip,
                    lambda session, status, body: None,
                    NewJob(id, "video", {"batch": batch.id}, 90, batch.id),
                )
            values: dict[str, Any] = {"job": id}
        except Exception as error:  # noqa: BLE001 - every line has its own answer
            problem = Problem.of(error)
            if problem.code == "quota_exceeded":
                return  # later: other jobs of the tenant will end
            values = {"error": {"status_code": problem.status, "body": problem.body(batch.id)}}
        with api.jobs.store.write() as session:
            row = session.get_one(BatchLine, (batch.id, line.line))
            for name, value in values.items():
                setattr(row, name, value)

    def _asked(self, batch: Batch, number: int) -> dict[str, Any]:
        with self._door.jobs.store.read() as session:
            source = session.get_one(StoredFile, batch.input_file)
        for n, text in enumerate(_lines(self._door, source), 1):
            if n == number:
                body = json.loads(text)["body"]
                return body if isinstance(body, dict) else {}
        return {}

    def _collect(self, batch: Batch) -> None:
        with self._door.jobs.store.read() as session:
            lines = session.scalars(
                select(BatchLine).where(BatchLine.batch == batch.id).order_by(BatchLine.line)
            ).all()
            ids = [line.job for line in lines if line.job]
            jobs = {
                job.id: job
                for start in range(0, len(ids), 500)
                for job in session.scalars(select(Job).where(Job.id.in_(ids[start : start + 500])))
            }
        done = [line for line in lines if line.error or _ended(jobs, line)]
        failed = sum(1 for line in done if line.error or jobs[str(line.job)].status == "failed")
        counts = {"completed": len(done) - failed, "failed": failed}
        cancelling = batch.status == "cancelling"
        waiting = [line for line in lines if line.job is None and line.error is None]
        open_ = [line for line in lines if line.job and not _ended(jobs, line)]
        if open_ or (waiting and not cancelling):
            self._set(batch.id, **counts)
            return
        now = now_ms()
        good = [line for line in done if not line.error and jobs[str(line.job)].status != "failed"]
        bad = [line for line in done if line not in good]
        status = "completed"
        if cancelling:
            status = "expired" if now > batch.expires_at else "cancelled"
        self._set(
            batch.id,
            **counts,
            status=status,
            output_file=self._write(batch, good, jobs, "output") if good else None,
            error_file=self._write(batch, bad, jobs, "errors") if bad else None,
            completed_at=now if status == "completed" else None,
            cancelled_at=now if status == "cancelled" else None,
            finalizing_at=now,
        )

    def _write(self, batch: Batch, lines: list[BatchLine], jobs: dict[str, Job], kind: str) -> str:
        api = self._door
        id = "file_" + hashlib.sha256(f"{batch.id}:{kind}".encode()).hexdigest()[:32]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lines"
            with path.open("w", encoding="utf-8") as out:
                for line in lines:
                    answer = line.error or {
                        "status_code": 200,
                        "body": video_object(api, jobs[str(line.job)]),
                    }
                    record = {
                        "id": f"batch_req_{batch.id[6:18]}_{line.line}",
                        "custom_id": line.custom_id,
                        "response": {"request_id": batch.id, **answer},
                        "error": None,
                    }
                    out.write(json.dumps(record, ensure_ascii=False) + "\n")
            size = path.stat().st_size
            api.jobs.storage.put(f"files/{id}", path)
        with api.jobs.store.write() as session:
            if session.get(StoredFile, id) is None:
                session.add(
                    StoredFile(
                        id=id,
                        tenant=batch.tenant,
                        purpose="batch_output",
                        bytes=size,
                        filename=f"{batch.id}_{kind}.jsonl",
                        storage_key=f"files/{id}",
                        created_at=now_ms(),
                        expires_at=now_ms() + 30 * _WINDOW_MS,
                    )
                )
        return id


def _ended(jobs: dict[str, Job], line: BatchLine) -> bool:
    job = jobs.get(line.job or "")
    return job is not None and job.status not in OPEN


def _lines(api: Api, source: StoredFile) -> Any:
    """The lines of a stored file, each of at most 1 MiB; longer ones come cut and are invalid."""
    rest = b""
    for chunk in api.jobs.storage.chunks(source.storage_key, 0, source.bytes):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line[:_LINE_BYTES]
        rest = rest[: _LINE_BYTES + 1]
    if rest.strip():
        yield rest[:_LINE_BYTES]


def _line(
    batch: str, number: int, text: bytes, seen: set[str]
) -> tuple[BatchLine | None, str | None]:
    try:
        record = json.loads(text)
    except ValueError:
        return None, "the line is not JSON"
    if not isinstance(record, dict):
        return None, "the line is no JSON object"
    custom_id = record.get("custom_id")
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= 200:
        return None, "custom_id is a text of 1 to 200 characters"
    if custom_id in seen:
        return None, f"custom_id {custom_id!r} is used twice"
    if record.get("method") != "POST" or record.get("url") != ENDPOINT:
        return None, f"method and url are POST and {ENDPOINT}"
    if not isinstance(record.get("body"), dict):
        return None, "body is a JSON object"
    seen.add(custom_id)
    return (
        BatchLine(
            batch=batch, line=number, custom_id=custom_id, job=None, response=None, error=None
        ),
        None,
    )
