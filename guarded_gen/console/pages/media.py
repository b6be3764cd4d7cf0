"""Looking at held media: asked for, held, counted, and on record."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from guarded_gen.audit import Event
from guarded_gen.console import frames
from guarded_gen.console.casefile import exposure, media_of
from guarded_gen.console.context import Console, console_of, seconds_of
from guarded_gen.errors import NotFound
from guarded_gen.review.errors import LeaseLost, NotAllowed
from guarded_gen.review.people import Member
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import Person, ReviewCase

router = APIRouter(prefix="/console")
NOMINAL_LOOK = 5.0
"""Seconds counted for a look without JavaScript, where nobody can measure it."""
LOOKS = ("grey", "blur", "small")


@router.post("/preferences")
async def prefer(request: Request) -> Response:
    """How softly media is shown to this person from now on."""
    console = console_of(request)
    found, fields = await console.form(request)
    wanted = {name: fields.get(name) == "1" for name in LOOKS}

    def work() -> None:
        with console.store.write() as session:
            person = session.get(Person, found.who.id)
            if person is not None:
                person.preferences = {**person.preferences, **wanted}

    await to_thread.run_sync(work)
    back = fields.get("case", "")
    if back.startswith("case_") and back.isidentifier():
        return RedirectResponse(f"/console/cases/{back}?said=changed#media", 303)
    return Response(status_code=204)


@router.post("/cases/{id}/revealed")
async def revealed(request: Request, id: str) -> Response:
    """Count seconds of media that were revealed; called by the page's script."""
    console = console_of(request)
    found, fields = await console.form(request)
    seconds = seconds_of(fields.get("seconds", ""))
    await to_thread.run_sync(console.decisions.revealed, found.who, id, seconds)
    return JSONResponse({"exposure": await to_thread.run_sync(exposure, console, found.who)})


@router.post("/cases/{id}/reveal")
async def reveal(request: Request, id: str) -> Response:
    """Show the storyboard without JavaScript; a nominal look is counted."""
    console = console_of(request)
    found, fields = await console.form(request)
    await to_thread.run_sync(console.decisions.revealed, found.who, id, NOMINAL_LOOK)
    query = urlencode({"reveal": "1", "within": fields.get("within", "")[:2000]})
    return RedirectResponse(f"/console/cases/{id}?{query}#media", 303)


@router.get("/cases/{id}/storyboard.jpg")
def storyboard(request: Request, id: str) -> Response:
    console = console_of(request)
    case, paths = _media(console, request, id, "storyboard")
    sheet = frames.storyboard(paths, case.details.get("segments", {}), soft=case.restricted)
    return Response(sheet, media_type="image/jpeg", headers={"cache-control": "no-store"})


@router.get("/cases/{id}/preview.mp4")
def preview(request: Request, id: str) -> Response:
    """A small silent copy of the case's media, made on first request, for looking at one second."""
    console = console_of(request)
    case, paths = _media(console, request, id, "preview")
    if case.restricted:
        raise NotFound("no preview is ever made of restricted material", "use the storyboard")
    return FileResponse(frames.preview(paths), media_type="video/mp4")


def _media(
    console: Console, request: Request, id: str, what: str
) -> tuple[ReviewCase, tuple[Path, ...]]:
    """The files of a case, for the one who holds it and may see media; the view goes on record
    before a byte is sent."""
    who = console.who(request)
    who.require(Permission.SEE_MEDIA)
    case = console.queue.get(who, id)
    seen = exposure(console, who) if case.restricted else {}
    if seen.get("restricted_over"):
        raise NotAllowed(
            "your budget of restricted media for this shift is used up",
            "give the case back and rest; another person goes on",
        )
    if seen.get("break"):
        raise NotAllowed(
            "a break of five minutes is due: restricted media is closed until then",
            "rest, then look again",
        )
    if case.holder != who.id or case.lease_until < console.queue.clock():
        raise LeaseLost("you do not hold this case", "take it first")
    paths = media_of(console, case)
    if not paths:
        raise NotFound("there is no media of this case on this machine")
    if request.headers.get("range", "bytes=0-").startswith("bytes=0-"):  # not for every part
        opened(console, who, case, what)
    return case, paths


def opened(console: Console, who: Member, case: ReviewCase, what: str) -> None:
    """Put on record that somebody looks at a case's media (or its page, of a restricted case)."""
    console.log.append(
        Event(
            kind="case.media_opened",
            tenant=case.tenant,
            actor=who.id,
            related=case.decision,
            body={"case": case.id, "what": what},
        )
    )
