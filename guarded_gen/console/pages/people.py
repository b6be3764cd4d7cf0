"""Who may do what; for admins."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_gen.console.context import console_of
from guarded_gen.console.render import page
from guarded_gen.errors import InvalidInput
from guarded_gen.review.people import add_person, set_roles
from guarded_gen.review.roles import Permission, Role
from guarded_gen.store.tables.review import Person

router = APIRouter(prefix="/console")


@router.get("/people")
def show(request: Request) -> Response:
    console = console_of(request)
    console.who(request).require(Permission.MANAGE_PEOPLE)
    with console.store.read() as session:
        people = list(session.query(Person).order_by(Person.name))
    return page(request, "people.html", {"people": people, "roles": list(Role), "token": None})


def _roles(names: list[str]) -> set[Role]:
    try:
        return {Role(name) for name in names}
    except ValueError as error:
        raise InvalidInput(str(error), "choose from the list", "roles") from error


@router.post("/people")
async def add(request: Request) -> Response:
    console = console_of(request)
    found, fields = await console.form(request)
    found.who.require(Permission.MANAGE_PEOPLE)
    wanted = _roles([str(value) for value in (await request.form()).getlist("roles")])
    _, token = await to_thread.run_sync(
        add_person, console.log, found.who.id, fields.get("name", ""), wanted
    )
    with console.store.read() as session:
        people = list(session.query(Person).order_by(Person.name))
    return page(request, "people.html", {"people": people, "roles": list(Role), "token": token})


@router.post("/people/{id}")
async def change(request: Request, id: str) -> Response:
    console = console_of(request)
    found, fields = await console.form(request)
    found.who.require(Permission.MANAGE_PEOPLE)
    wanted = _roles([str(value) for value in (await request.form()).getlist("roles")])
    active = fields.get("active") == "1"
    await to_thread.run_sync(set_roles, console.log, found.who.id, id, wanted, active)
    return RedirectResponse("/console/people?said=changed", 303)
