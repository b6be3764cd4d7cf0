"""``guarded-gen consent``: people who let their likeness be recognised."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
)

if TYPE_CHECKING:
    from guarded_gen.consent.book import ConsentRecord

app = typer.Typer(
    help="Consent of people who let their likeness be recognised.", no_args_is_help=True
)
_COLOURS = {"valid": "green", "revoked": "red"}


@app.command()
def enrol(
    subject: Annotated[str, typer.Argument(help="Whom you know the person as.")],
    pictures: Annotated[list[Path], typer.Argument(help="Pictures with only this person.")],
    scope: Annotated[list[str], typer.Option(help="What they agreed to; repeat.")],
    evidence: Annotated[Path, typer.Option(help="The signed form; only its hash is kept.")],
    days: Annotated[float, typer.Option(help="How long the consent holds.")] = 365.0,
    json: Json = False,
) -> None:
    """Enrol somebody who agreed. The pictures are not kept, only sealed vectors of them."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.errors import NotFound

        if not evidence.is_file():
            raise NotFound(f"{evidence} is not a file", "name the signed form")
        with progress_console().status("reading faces"):
            record = services.enrolment.enrol(
                subject, scope, evidence, pictures, days=days, actor="user"
            )
        if json:
            emit(record.to_json(time.time()))
            return
        console().print(f"[green]enrolled[/] {escape(subject)} as {record.id} until {_day(record)}")
        if not services.settings.frames.likeness.enabled:
            console().print("[dim]nobody is recognised: frames.likeness.enabled is off[/]")


@app.command("list")
def list_(json: Json = False) -> None:
    """Every consent: whose, for what, how long, and whether it was revoked."""
    with errors_to_user(json), opened_services() as services:
        now = time.time()
        records = list(services.consent.records())
        if json:
            emit({"consents": [record.to_json(now) for record in records]})
            return
        for record in records:
            state = record.state(now)
            console().print(
                f"{record.id}  [{_COLOURS.get(state, 'yellow')}]{state}[/]  "
                f"{escape(record.subject)}  {escape(', '.join(record.scopes))}  "
                f"until {_day(record)}  [dim]evidence {record.evidence[:12]}…[/]"
            )
        if not records:
            console().print("nobody is enrolled")


@app.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The consent, con_…")],
    json: Json = False,
) -> None:
    """End a consent: the key of this person's vectors is destroyed first, for good."""
    with errors_to_user(json), opened_services() as services:
        record = services.consent.revoke(id, actor="user")
        if json:
            emit(record.to_json(time.time()))
        else:
            console().print(f"[green]revoked[/] {id}: the vectors cannot be read any more")


def _day(record: ConsentRecord) -> str:
    return datetime.fromtimestamp(record.valid_until, UTC).strftime("%Y-%m-%d")
