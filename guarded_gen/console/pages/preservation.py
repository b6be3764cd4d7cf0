"""The gravest cases: what is sealed, reported and released. No words and no media stand here."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.preservation.cybertip import CLASSIFICATIONS, INCIDENT_TYPES
from guarded_gen.review.roles import Permission

router = APIRouter(prefix="/console/preservation")


@router.get("")
def show(request: Request) -> Response:
    console = console_of(request)
    who = console.who(request)
    return page(
        request,
        "preservation.html",
        {
            "lines": console.desk.page(who),
            "problems": console.desk.problems(),
            "incident_types": INCIDENT_TYPES,
            "classifications": CLASSIFICATIONS,
            "legal": who.may(Permission.REPORT),
            "names": console.names(),
        },
    )


@router.post("/{id}/report")
async def report(request: Request, id: str) -> Response:
    """Ask for a report to the hotline; another person of the legal role must agree."""
    console = console_of(request)
    found, fields = await console.form(request)
    asked = {
        name: fields.get(name, "")
        for name in ("incident_type", "classification", "additional", "high_priority")
    }
    await to_thread.run_sync(console.desk.ask_report, found.who, id, asked)
    return RedirectResponse("/console/preservation?said=asked", 303)


@router.post("/{id}/agree")
async def agree(request: Request, id: str) -> Response:
    console = console_of(request)
    found, _ = await console.form(request)
    await to_thread.run_sync(console.desk.agree_report, found.who, id)
    return RedirectResponse("/console/preservation?said=changed", 303)


@router.post("/{id}/release")
async def release(request: Request, id: str) -> Response:
    """Ask for the sealed files, or agree to what another person asked for."""
    console = console_of(request)
    found, _ = await console.form(request)
    folder = await to_thread.run_sync(console.desk.release, found.who, id)
    said = "asked" if folder is None else "changed"
    return RedirectResponse(f"/console/preservation?said={said}", 303)
