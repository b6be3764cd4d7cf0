"""The laws on marking as this deployment meets them, and the yearly numbers as a file."""

from __future__ import annotations

from datetime import UTC, date, datetime

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from guarded_gen.audit.transparency import count, period, written
from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.errors import InvalidInput
from guarded_gen.production.formats import CARRIES
from guarded_gen.review.roles import Permission
from policies import jurisdictions
from provenance.law import cells, laws, looked_at, of_place

router = APIRouter(prefix="/console/laws")
_TYPES = {"csv": "text/csv", "html": "text/html", "json": "application/json"}


@router.get("")
def show(request: Request) -> Response:
    """The table law x demand x format, on a day and at a place."""
    console = console_of(request)
    console.who(request)
    at = _day(request.query_params.get("at", ""))
    place = request.query_params.get("place", "").strip().upper()[:8]
    if place and not jurisdictions.known(place):
        raise InvalidInput(f"unknown place {place}", "write DE or US-CA", "place")
    found = of_place(place, at) if place else tuple(laws().values())
    return page(
        request,
        "laws.html",
        {
            "laws": found,
            "at": at.isoformat(),
            "place": place,
            "formats": tuple(CARRIES),
            "cells": cells(found, at, CARRIES),
            "places": [one for one in looked_at() if place in ("", one.place)],
            "chosen": console.services.settings.compliance.profiles,
        },
    )


@router.get("/transparency.{form}")
async def numbers(request: Request, form: str) -> Response:
    """The yearly numbers as CSV, HTML or JSON; ``year`` is the present one without."""
    console = console_of(request)
    who = await to_thread.run_sync(console.who, request)
    who.require(Permission.SEE_AUDIT)
    if form not in _TYPES:
        raise InvalidInput(f"no form {form[:10]}", f"ask for {', '.join(_TYPES)}", "form")
    year = request.query_params.get("year", "") or str(datetime.now(UTC).year)
    if not (year.isdecimal() and 2020 <= int(year) <= 2100):
        raise InvalidInput("no year", "write it as 2026", "year")
    told = await to_thread.run_sync(count, console.services.log, *period(int(year), None, None))
    headers = {"content-disposition": f'attachment; filename="transparency-{year}.{form}"'}
    return Response(written(told, form), media_type=_TYPES[form], headers=headers)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError as error:
        raise InvalidInput(f"{text[:20]!r} is no day", "write it as 2026-12-02", "at") from error
