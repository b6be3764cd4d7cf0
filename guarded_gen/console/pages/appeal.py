"""The public page behind the link in every refusal: no account, a reasoned answer."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.review.appeals import MAX_STATEMENT

router = APIRouter(prefix="/appeal")


@router.get("/{decision}/{token}")
def show(request: Request, decision: str, token: str) -> Response:
    console = console_of(request)
    console.appeals.check(decision, token)
    entry = console.appeals.judged(decision)
    return page(
        request,
        "appeal.html",
        {
            "decision": decision,
            "taken": dict(entry.decision or {}),
            "by_person": entry.id != decision,
            "at": entry.time,
            "status": console.appeals.status(decision),
            "most": MAX_STATEMENT,
        },
    )


@router.post("/{decision}/{token}")
async def file(request: Request, decision: str, token: str) -> Response:
    console = console_of(request)
    console.appeals.check(decision, token)
    statement = str((await request.form()).get("statement", ""))
    await to_thread.run_sync(console.appeals.file, decision, statement)
    return RedirectResponse(f"/appeal/{decision}/{token}?said=filed", 303)
