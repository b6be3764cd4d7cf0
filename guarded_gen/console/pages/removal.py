"""The public form of people who are shown in a video, and the page that answers them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import Console, console_of
from guarded_gen.console.render import page
from guarded_gen.errors import GuardedGenError, LimitExceeded, describe
from guarded_gen.preservation.removal import MAX_STATEMENT, RemovalForm
from media.errors import MediaError

router = APIRouter(prefix="/removal")
CHUNK = 1024 * 1024
FIELDS = ("shows", "name", "contact", "statement", "where")


@router.get("")
def form(request: Request) -> Response:
    return _form(request, console_of(request), {})


@router.post("")
async def ask(request: Request) -> Response:
    console = console_of(request)
    fields = await request.form()
    given = {name: str(fields.get(name, "")) for name in FIELDS}
    try:
        with tempfile.TemporaryDirectory(prefix="guarded-gen-removal-") as folder:
            sent = fields.get("file")
            file = (
                await _kept(console, sent, Path(folder)) if isinstance(sent, UploadFile) else None
            )
            asked = RemovalForm(**given, truthful=fields.get("truthful") == "yes", file=file)
            id = await to_thread.run_sync(console.removals.file, asked)
    except (GuardedGenError, MediaError) as error:  # told beside what was typed
        return _form(request, console, given, describe(error))
    return RedirectResponse(f"/removal/{id}/{console.removals.token(id)}", 303)


@router.get("/{id}/{token}")
def show(request: Request, id: str, token: str) -> Response:
    console = console_of(request)
    status = console.removals.status(id, token)
    return page(request, "removal.html", {"status": status, "failed": None})


async def _kept(console: Console, sent: UploadFile, folder: Path) -> Path | None:
    """A copy of what was sent; None when the field was left empty."""
    if not sent.filename:
        return None
    most = console.services.settings.limits.max_upload_bytes
    suffix = "".join(c for c in Path(sent.filename).suffix[:8].lower() if c.isalnum() or c == ".")
    path, size = folder / f"shown{suffix}", 0
    with path.open("wb") as copy:
        while chunk := await sent.read(CHUNK):
            size += len(chunk)
            if size > most:
                raise LimitExceeded(
                    f"the file has more than {most} bytes", "send a shorter one", "file"
                )
            copy.write(chunk)
    return path


def _form(
    request: Request, console: Console, typed: dict[str, str], failed: Any = None
) -> Response:
    return page(
        request,
        "removal.html",
        {
            "status": None,
            "typed": {name: typed.get(name, "") for name in FIELDS},
            "failed": failed,
            "most": MAX_STATEMENT,
            "hours": console.services.settings.preservation.removal.hours,
        },
        status=failed.http_status if failed is not None else 200,
    )
