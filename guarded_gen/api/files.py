"""``/v1/files``: uploads for batches and references, and what batches wrote."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import delete, select
from starlette.responses import JSONResponse, Response, StreamingResponse

from guarded_gen.access.keys import Caller, Scope
from guarded_gen.api.bodies import Upload, body_of
from guarded_gen.api.context import Api, Remember, api_of
from guarded_gen.api.objects import at_s, page
from guarded_gen.api.problems import Problem, not_found
from guarded_gen.api.requests import CreateFile, only, parsed, request_body
from guarded_gen.api.schemas import BINARY, DELETED, FILE, FILE_PAGE, answers
from guarded_gen.jobs import new_id, now_ms
from guarded_gen.store.paging import page_of
from guarded_gen.store.tables.jobs import StoredFile

router = APIRouter(prefix="/v1/files", tags=["files"])
PURPOSES = ("batch", "vision", "user_data")
_BATCH_DAYS_MS = 30 * 86_400_000


def file_object(file: StoredFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": at_s(file.created_at),
        "expires_at": at_s(file.expires_at),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
    }


@router.post(
    "",
    responses=answers(FILE),
    openapi_extra=request_body(CreateFile, {"file": "one"}),
)
async def create_file(request: Request) -> Response:
    """Upload a file."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    async with body_of(request, api.scratch) as body:
        wanted = parsed(CreateFile, body, frozenset({"file"}))
        only("expires_after", wanted.expires_after)
        upload = body.file("file")
        if wanted.purpose not in PURPOSES:
            raise Problem(
                400, "invalid_value", f"purpose is one of {', '.join(PURPOSES)}", param="purpose"
            )
        if upload is None:
            raise Problem(
                400,
                "missing_required_parameter",
                "send the file as the form field file",
                param="file",
            )

        def work(remember: Remember) -> tuple[int, dict[str, Any]]:
            file = keep(api, caller.tenant, wanted.purpose, upload)
            answer = file_object(file)
            with api.jobs.store.write() as session:
                session.add(file)
                remember(session, 200, answer)
            return 200, answer

        return await api.post(request, caller, body, work, api.slow)


def keep(api: Api, tenant: str, purpose: str, upload: Upload) -> StoredFile:
    """Store an upload; returns its row, not yet in the database."""
    api.require_room()
    now = now_ms()
    id = new_id("file")
    key = f"files/{id}"
    api.jobs.storage.put(key, upload.path)
    return StoredFile(
        id=id,
        tenant=tenant,
        purpose=purpose,
        filename=upload.label,
        bytes=upload.size,
        storage_key=key,
        created_at=now,
        expires_at=now + _BATCH_DAYS_MS if purpose.startswith("batch") else None,
    )


def find(api: Api, caller: Caller, id: str) -> StoredFile:
    with api.jobs.store.read() as session:
        file = session.get(StoredFile, id)
    if file is None or file.tenant != caller.tenant:
        raise not_found("file", id)
    return file


@router.get("", responses=answers(FILE_PAGE))
async def list_files(
    request: Request,
    after: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    order: Annotated[Literal["asc", "desc"], Query()] = "desc",
    purpose: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """This tenant's files."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> tuple[list[StoredFile], bool]:
        query = select(StoredFile).where(StoredFile.tenant == caller.tenant)
        if purpose is not None:
            query = query.where(StoredFile.purpose == purpose)
        up = order == "asc"
        anchor = find(api, caller, after) if after is not None else None
        with api.jobs.store.read() as session:
            return page_of(session, query, StoredFile, after=anchor, limit=limit, ascending=up)

    files, more = await api.quick.run(work)
    return JSONResponse(page([file_object(file) for file in files], more))


@router.get("/{file_id}", responses=answers(FILE))
async def retrieve_file(request: Request, file_id: str) -> Response:
    """One file's description."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    return JSONResponse(file_object(await api.quick.run(find, api, caller, file_id)))


@router.get("/{file_id}/content", responses=answers(BINARY, media="application/octet-stream"))
async def file_content(request: Request, file_id: str) -> Response:
    """The bytes of a file."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)
    file = await api.quick.run(find, api, caller, file_id)
    return StreamingResponse(
        api.storage.stream(api.jobs.storage.chunks(file.storage_key, 0, file.bytes)),
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{file.id}"'},
    )


@router.delete("/{file_id}", responses=answers(DELETED))
async def delete_file(request: Request, file_id: str) -> Response:
    """Delete a file."""
    api = api_of(request)
    caller = await api.enter(request, Scope.GENERATE)

    def work() -> None:
        file = find(api, caller, file_id)
        with api.jobs.store.write() as session:
            session.execute(delete(StoredFile).where(StoredFile.id == file.id))
        api.jobs.storage.remove(file.storage_key)

    await api.slow.run(work)
    return JSONResponse({"id": file_id, "object": "file", "deleted": True})
