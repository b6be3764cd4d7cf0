"""The queue: what waits, in which order, and why."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from anyio import to_thread
from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import Console, console_of
from guarded_gen.console.render import page
from guarded_gen.errors import InvalidInput
from guarded_gen.review import routing
from guarded_gen.review.cases import WAITING, Filters
from guarded_gen.review.people import Member
from guarded_gen.store.tables.review import ReviewCase, ReviewQueue, SavedView

router = APIRouter(prefix="/console")
FIELDS = (
    "tenant",
    "category",
    "policy_digest",
    "rule",
    "stage",
    "kind",
    "assignee",
    "state",
    "queue",
)


def filters_of(given: Mapping[str, str]) -> Filters:
    """The filters among an address's or a form's fields; unknown ones are ignored, empty ones
    mean any."""
    return Filters(**{name: given[name][:128] for name in FIELDS if given.get(name)})


def kept(chosen: Filters) -> dict[str, str]:
    """The fields that say these filters again."""
    return {name: getattr(chosen, name) for name in FIELDS if getattr(chosen, name)}


def within_of(given: Mapping[str, str]) -> Filters:
    """The filters under which somebody works, as case pages carry them in the one field
    ``within``: they hold until the person leaves them."""
    return filters_of(dict(parse_qsl(given.get("within", "")[:2000])))


@router.get("/queue")
def queue(request: Request) -> Response:
    console = console_of(request)
    who = console.who(request)
    chosen = filters_of(request.query_params)
    after = request.query_params.get("after") or None
    cases = console.queue.page(who, chosen, after)
    return page(
        request,
        "queue.html",
        {
            "cases": cases,
            "counts": console.queue.counts(who),
            "chosen": {name: getattr(chosen, name) for name in FIELDS},
            "within": urlencode(kept(chosen)),
            "without_state": urlencode({n: v for n, v in kept(chosen).items() if n != "state"}),
            "options": _options(console, who),
            "views": _views(console, who),
            "names": console.names(),
            "now": console.queue.clock(),
            "named": _named(console, who),
            "without_queue": urlencode({n: v for n, v in kept(chosen).items() if n != "queue"}),
            "more": _further(chosen, cases[-1].id) if len(cases) == console.limits.page else None,
        },
    )


def _named(console: Console, who: Member) -> list[ReviewQueue]:
    """The queues that have a name, as far as they are open to this person."""
    with console.store.read() as session:
        every = routing.queues(session)
        shut = routing.shut_to(session, who)
    return [queue for queue in every if queue.name not in shut]


def _further(chosen: Filters, after: str) -> str:
    """The address of the next page with the same filters."""
    return "?" + urlencode({**kept(chosen), "after": after})


def _options(console: Console, who: Member) -> dict[str, list[str]]:
    """What can be filtered by: values that waiting cases really have."""
    found: dict[str, list[str]] = {"state": list(WAITING)}
    for name, column in (
        ("tenant", ReviewCase.tenant),
        ("category", ReviewCase.category),
        ("stage", ReviewCase.stage),
        ("kind", ReviewCase.kind),
        ("rule", ReviewCase.rule),
    ):
        values = [value for value in console.queue.values(who, column) if value != "golden"]
        found[name] = [value for value in values if name != "tenant" or who.sees(value)]
    return found


def _views(console: Console, who: Member) -> list[SavedView]:
    with console.store.read() as session:
        return list(session.scalars(select(SavedView).where(SavedView.person == who.id)))


@router.post("/queue/next")
async def take_next(request: Request) -> Response:
    console = console_of(request)
    found, fields = await console.form(request)
    chosen = filters_of(fields)
    case = await to_thread.run_sync(console.queue.next, found.who, chosen)
    return RedirectResponse(onward(case, chosen, said="" if case else "empty"), 303)


def onward(case: ReviewCase | None, chosen: Filters, **more: str) -> str:
    """The address of the next case, or of the queue when none is left; either keeps the filters."""
    more = {name: value for name, value in more.items() if value}
    if case is None:
        return "/console/queue?" + urlencode({**kept(chosen), **more})
    held = urlencode(kept(chosen))
    query = urlencode({**more, **({"within": held} if held else {})})
    return f"/console/cases/{case.id}" + (f"?{query}" if query else "")


@router.post("/queue/views")
async def save_view(request: Request) -> Response:
    console = console_of(request)
    found, fields = await console.form(request)
    name = fields.get("name", "").strip()[:64]
    if not name:
        raise InvalidInput("a view needs a name", "type a name for these filters", "name")
    filters: dict[str, Any] = {n: fields[n] for n in FIELDS if fields.get(n)}
    with console.store.write() as session:
        session.add(
            SavedView(
                id=f"view_{uuid.uuid4().hex}", person=found.who.id, name=name, filters=filters
            )
        )
    return RedirectResponse("/console/queue?said=saved", 303)
