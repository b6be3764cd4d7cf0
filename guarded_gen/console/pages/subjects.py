"""A page for each end user and each tenant: history, strikes, appeals, cases that belong together.

An end user is reached from a case and never by name: a name does not belong into an address.
Every look at one is on record.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from guarded_gen.audit import Event
from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.errors import NotFound
from guarded_gen.review.roles import Permission
from guarded_gen.review.subjects import subject_of, tenant_of

router = APIRouter(prefix="/console")


@router.get("/cases/{id}/subject")
def subject(request: Request, id: str) -> Response:
    console = console_of(request)
    who = console.who(request)
    case = console.queue.get(who, id)
    if not case.subject:
        raise NotFound("the caller named no end user, or the name was erased", "see the tenant")
    with console.store.read() as session:
        found = subject_of(
            session,
            who,
            case,
            console.log.keys.pseudonym,
            console.limits.strike_days,
            console.queue.clock(),
        )
    console.log.append(
        Event(
            kind="subject.opened",
            tenant=case.tenant,
            subject=case.subject,
            actor=who.id,
            related=case.decision,
            body={"case": case.id},
        )
    )
    return page(
        request,
        "subject.html",
        {
            "subject": found,
            "case": case,
            "days": console.limits.strike_days,
            "actions": console.actions.offered(who, case),
        },
    )


@router.get("/tenants/{name}")
def tenant(request: Request, name: str) -> Response:
    console = console_of(request)
    who = console.who(request)
    who.require(Permission.SEE_QUEUE)
    if not who.sees(name):
        raise NotFound(f"there is no tenant {name[:64]}", "look into the queue")
    with console.store.read() as session:
        found = tenant_of(
            session, who, name[:64], console.limits.strike_days, console.queue.clock()
        )
    values: dict[str, Any] = {"tenant": found}
    return page(request, "tenant.html", values)
