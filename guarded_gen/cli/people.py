"""``guarded-gen people``: who may sign in to the console."""

from __future__ import annotations

from typing import Annotated

import typer

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services

app = typer.Typer(
    help="Who may sign in to the console.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: Annotated[
        list[str], typer.Option(help="reviewer, lead, policy_author, auditor or admin; repeat.")
    ],
    tenant: Annotated[
        list[str] | None, typer.Option(help="Only cases of this tenant; repeat; default: all.")
    ] = None,
    json: Json = False,
) -> None:
    """Add a person; prints an access token, once."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.errors import InvalidInput
        from guarded_gen.review.people import add_person
        from guarded_gen.review.roles import Role

        try:
            roles = {Role(one) for one in role}
        except ValueError as error:
            raise InvalidInput(str(error), "roles are " + ", ".join(Role), "role") from error
        who, token = add_person(services.log, "command line", name, roles, set(tenant or ()))
        if json:
            emit({"id": who.id, "name": who.name, "roles": sorted(who.roles), "token": token})
        else:
            console().print(f"{who.name} may sign in with this token, shown once:", markup=False)
            console().print(token, markup=False)


@app.command("list")
def list_(json: Json = False) -> None:
    """List people and their roles."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.store.tables.review import Person

        with services.store.read() as session:
            people = list(session.query(Person).order_by(Person.name))
        if json:
            emit(
                [{"id": p.id, "name": p.name, "roles": p.roles, "active": p.active} for p in people]
            )
            return
        for one in people:
            state = "" if one.active else "  (inactive)"
            console().print(f"{one.name:<20} {', '.join(one.roles)}{state}", markup=False)
