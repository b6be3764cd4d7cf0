"""The public page behind the link in every refusal: no account, a reasoned answer."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import Console, console_of
from guarded_gen.console.render import page
from guarded_gen.errors import GuardedGenError
from guarded_gen.review.appeals import MAX_STATEMENT

router = APIRouter(prefix="/appeal")


@router.get("/{decision}/{token}")
def show(request: Request, decision: str, token: str) -> Response:
    console = console_of(request)
    console.appeals.check(decision, token)
    return _page(request, console, decision)


def _page(
    request: Request,
    console: Console,
    decision: str,
    statement: str = "",
    failed: GuardedGenError | None = None,
) -> Response:
    """What really happened, and what can be done now; ``failed`` with what was typed."""
    steps = console.appeals.happened(decision)
    return page(
        request,
        "appeal.html",
        {
            "decision": decision,
            "steps": steps,
            "final": steps[-1].action,
            "status": console.appeals.status(decision),
            "statement": statement,
            "failed": failed,
            "most": MAX_STATEMENT,
        },
        status=failed.http_status if failed is not None else 200,
    )


@router.post("/{decision}/{token}")
async def file(request: Request, decision: str, token: str) -> Response:
    console = console_of(request)
    console.appeals.check(decision, token)
    statement = str((await request.form()).get("statement", ""))
    try:
        await to_thread.run_sync(console.appeals.file, decision, statement)
    except GuardedGenError as error:
        return _page(request, console, decision, statement, error)
    return RedirectResponse(f"/appeal/{decision}/{token}?said=filed", 303)
