"""Named queues and the workload: for whoever assigns."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.errors import InvalidInput
from guarded_gen.review import routing, workload
from guarded_gen.review.cases import WAITING
from guarded_gen.review.roles import Permission
from guarded_gen.store.tables.review import QueueMember

router = APIRouter(prefix="/console/queues")


@router.get("")
def show(request: Request) -> Response:
    console = console_of(request)
    who = console.who(request)
    who.require(Permission.ASSIGN)
    now = console.queue.clock()
    with console.store.read() as session:
        queues = routing.queues(session)
        members: dict[str, set[str]] = {}
        for row in session.scalars(select(QueueMember)):
            members.setdefault(row.queue, set()).add(row.person)
        loads = workload.by_queue(session, who, now)
        people = workload.by_person(session, who, now)
    alerts = console.services.settings.alerts
    return page(
        request,
        "queues.html",
        {
            "queues": queues,
            "members": members,
            "loads": loads,
            "people": people,
            "variables": list(routing.VARIABLES),
            "shift": console.limits.shift_exposure,
            "told": bool(alerts.url or (alerts.smtp_host and alerts.mail_to)),
        },
    )


@router.post("")
async def save(request: Request) -> Response:
    """Add or change a queue."""
    console = console_of(request)
    found, fields = await console.form(request)
    people = {str(value) for value in (await request.form()).getlist("people")}
    try:
        minutes = int(fields.get("minutes") or "0")
    except ValueError as error:
        raise InvalidInput("minutes is a whole number", None, "minutes") from error

    def work() -> None:
        name, title, rule = (fields.get(f, "") for f in ("name", "title", "rule"))
        routing.save(console.log, found.who, name.strip(), title, rule, minutes, people)

    await to_thread.run_sync(work)
    return RedirectResponse("/console/queues?said=changed", 303)


@router.post("/remove")
async def remove(request: Request) -> Response:
    console = console_of(request)
    found, fields = await console.form(request)
    await to_thread.run_sync(routing.remove, console.log, found.who, fields.get("name", ""))
    return RedirectResponse("/console/queues?said=changed", 303)


@router.post("/route")
async def route(request: Request) -> Response:
    """Ask the rules anew for everything that waits."""
    console = console_of(request)
    found, _ = await console.form(request)
    moved = await to_thread.run_sync(routing.route_waiting, console.log, found.who, WAITING)
    return RedirectResponse(f"/console/queues?said=moved-{moved}", 303)
