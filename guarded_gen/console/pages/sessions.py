"""Where somebody is signed in: one's own sessions, and for admins everybody's; ended at once."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console import session as sessions
from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.review.roles import Permission

router = APIRouter(prefix="/console/sessions")


@router.get("")
def show(request: Request) -> Response:
    console = console_of(request)
    found = console.session(request)
    everybody = found.who.may(Permission.MANAGE_PEOPLE)
    return page(
        request,
        "sessions.html",
        {
            "mine": sessions.living(console.store, found.who.id),
            "others": [row for row in sessions.living(console.store) if row.person != found.who.id]
            if everybody
            else [],
            "here": found.id,
            "everybody": everybody,
            "names": console.names(),
        },
    )


@router.post("/end")
async def end(request: Request) -> Response:
    """End one session, all of a person, or all of one's own except this one."""
    console = console_of(request)
    found, fields = await console.form(request)
    person = fields.get("person") or found.who.id
    if person != found.who.id:
        found.who.require(Permission.MANAGE_PEOPLE)
    one = fields.get("session", "")[:64]
    but = found.id if person == found.who.id and not one else ""

    def work() -> int:
        return sessions.end(console.log, found.who.id, person, one=one, but=but)

    await to_thread.run_sync(work)
    return RedirectResponse("/console/sessions?said=changed", 303)
