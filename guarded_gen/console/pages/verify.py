"""The public page: drop a video, read where it comes from. Nothing is stored."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, UploadFile
from starlette.responses import Response

from guarded_gen.composition.services import Services
from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.errors import LimitExceeded

router = APIRouter()
CHUNK = 1024 * 1024


@router.get("/verify")
def form(request: Request) -> Response:
    return page(request, "verify.html", {"report": None, "name": None})


@router.post("/verify")
async def verify(request: Request, file: UploadFile) -> Response:
    """Copy the upload to a temporary file, look, and forget it."""
    console = console_of(request)
    most = console.services.settings.limits.max_upload_bytes
    name = Path(file.filename or "upload").name[:200]
    with tempfile.TemporaryDirectory(prefix="guarded-gen-verify-") as folder:
        path = Path(folder) / ("upload" + Path(name).suffix[:8])
        size = 0
        with path.open("wb") as copy:
            while chunk := await file.read(CHUNK):
                size += len(chunk)
                if size > most:
                    raise LimitExceeded(
                        f"the file has more than {most} bytes", "send a shorter one", "file"
                    )
                copy.write(chunk)
        report = await to_thread.run_sync(_look, console.services, path)
    return page(request, "verify.html", {"report": report, "name": name})


def _look(services: Services, path: Path) -> dict[str, Any]:
    """All evidence about a file, weighed; nothing about it is kept."""
    return services.origin.report(path, deep=True).to_json()
