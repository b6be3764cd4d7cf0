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
            "hotlines": console.desk.reports.hotlines,
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
        for name in ("incident_type", "classification", "additional", "high_priority", "hotline")
    }
    await to_thread.run_sync(console.desk.reports.ask, found.who, id, asked)
    return RedirectResponse("/console/preservation?said=asked", 303)


@router.post("/{id}/agree")
async def agree(request: Request, id: str) -> Response:
    console = console_of(request)
    found, _ = await console.form(request)
    await to_thread.run_sync(console.desk.reports.agree, found.who, id)
    return RedirectResponse("/console/preservation?said=changed", 303)


@router.get("/{id}/sheet")
def sheet(request: Request, id: str) -> Response:
    """What is entered into the form of a hotline that a person tells."""
    console = console_of(request)
    found = console.desk.reports.sheet(console.who(request), id)
    return page(request, "report_sheet.html", {"sheet": found, "case_id": id})


@router.post("/{id}/number")
async def number(request: Request, id: str) -> Response:
    """Note the number that the hotline gave."""
    console = console_of(request)
    found, fields = await console.form(request)
    reports = console.desk.reports
    await to_thread.run_sync(reports.sent_by_hand, found.who, id, fields.get("number", ""))
    return RedirectResponse("/console/preservation?said=changed", 303)


@router.post("/{id}/hold")
async def hold(request: Request, id: str) -> Response:
    """Make the legal hold longer."""
    console = console_of(request)
    found, fields = await console.form(request)
    await to_thread.run_sync(console.desk.hold_until, found.who, id, fields.get("until", ""))
    return RedirectResponse("/console/preservation?said=changed", 303)


@router.post("/{id}/release")
async def release(request: Request, id: str) -> Response:
    """Ask for the sealed files, or agree to what another person asked for."""
    console = console_of(request)
    found, _ = await console.form(request)
    folder = await to_thread.run_sync(console.desk.evidence.release, found.who, id)
    said = "asked" if folder is None else "changed"
    return RedirectResponse(f"/console/preservation?said={said}", 303)
