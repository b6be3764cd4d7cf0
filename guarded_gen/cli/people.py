"""``guarded-gen people``: who may sign in to the console."""

from __future__ import annotations

from pathlib import Path
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


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="TOML with [[person]]: name, roles, tenants, active.")
    ],
    prune: Annotated[
        bool, typer.Option("--prune", help="Deactivate whoever the file does not name.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Make people as a file says, twice as once; prints access tokens of new ones, once."""
    with errors_to_user(json), opened_services() as services:
        from dataclasses import asdict

        from guarded_gen.review.people_file import apply_people, read_people

        done = apply_people(
            services.log, "command line", read_people(file), prune=prune, dry_run=dry_run
        )
        if json:
            emit(asdict(done) | {"dry_run": dry_run, "pruned": prune})
            return
        verb = "would be " if dry_run else ""
        for what, names in (
            (f"{verb}added", done.added), (f"{verb}changed", done.changed),
            ("unchanged", done.unchanged),
            (f"{verb}deactivated" if prune else "not in the file", done.unlisted),
        ):  # fmt: skip
            if names:
                console().print(f"{what}: {', '.join(names)}", markup=False)
        for name, token in done.tokens.items():
            console().print(f"{name:<20} {token}", markup=False)


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
