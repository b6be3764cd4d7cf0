"""``guarded-gen trust``: whose signatures and time-stamps are believed here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services, stop
from guarded_gen.errors import Exit, InvalidInput

app = typer.Typer(help="Trust lists of signers and of time-stampers.", no_args_is_help=True)
_COLOURS = {"good": "green", "expires_soon": "yellow", "expired": "red"}


@app.command()
def show(json: Json = False) -> None:
    """The lists that count, with their source, their date and their expiry."""
    with errors_to_user(json), opened_services() as services:
        from provenance.trust import AnchorRole

        now = datetime.now(UTC)
        lists = services.signing.store.lists()
        if json:
            emit([held.to_json(now) for held in lists])
            return
        out = console()
        for held in lists:
            trust, state = held.trust, held.state(now)
            counts = ", ".join(
                f"{len(trust.anchors(r))} {r}" for r in AnchorRole if trust.anchors(r)
            )
            until = f"{trust.expires:%Y-%m-%d}" if trust.expires else "never"
            dated = f"{trust.issued:%Y-%m-%d}" if trust.issued else "undated"
            out.print(
                f"[bold]{held.name}[/]  {counts}  of {dated}, expires {until}  "
                f"[{_COLOURS[state]}]{state}[/]{'  (shipped)' if held.shipped else ''}"
            )
            out.print(f"  [dim]{escape(trust.source)}[/]")
        if not lists:
            out.print("no list counts here beside our own root and those of the settings")


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A list to look at; without: those that count.")
    ] = None,
    json: Json = False,
) -> None:
    """Whether the lists can be read and are not past their expiry, and our certificates may sign.

    Exit codes: 0 all good, 1 one is expired, expires within 30 days or cannot be read, or there
    is an alert about our own certificates.
    """
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.origin.trust import HeldList
        from provenance.trust import AnchorRole
        from provenance.trustlists import load_list

        now = datetime.now(UTC)
        alerts: tuple[str, ...] = ()
        if file is not None:
            held = [HeldList(file.stem, load_list(file), False)]
        else:
            held = list(services.signing.store.lists())
            _ = services.trust  # the lists of the settings can be read too
            alerts = services.signing.alerts(now)
        records = [item.to_json(now) for item in held]
        if json:
            emit({"lists": records, "alerts": list(alerts)})
        else:
            for alert in alerts:
                console().print(f"[red]alert[/]  {escape(alert)}")
            for item in held:
                counts = ", ".join(
                    f"{len(item.trust.anchors(r))} {r}" for r in AnchorRole if item.trust.anchors(r)
                )
                state = item.state(now)
                console().print(f"[{_COLOURS[state]}]{state}[/]  {escape(item.name)}  {counts}")
        stop(
            Exit.DONE if all(r["state"] == "good" for r in records) and not alerts else Exit.FAILED
        )


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="PEM certificates, or a list in JSON.")],
    name: Annotated[str, typer.Option(help="A short name; the same name replaces.")],
    role: Annotated[
        str | None,
        typer.Option("--as", help="What PEM is for: signers, timestamps or identities."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Believe nobody on it after this moment (ISO 8601).")
    ] = None,
    json: Json = False,
) -> None:
    """Believe the anchors of a file from now on; the change goes into the audit log."""
    _change(name, str(file), role, expires, json)


@app.command()
def update(
    name: Annotated[str, typer.Argument(help="c2pa, c2pa-tsa, or a list added before.")],
    source: Annotated[
        str | None, typer.Option("--from", help="An https address or a file.")
    ] = None,
    json: Json = False,
) -> None:
    """Get a newer snapshot of a list; the only command here that may use the network.

    An older list never replaces a newer one. The change goes into the audit log.
    """
    from guarded_gen.origin.trust import OFFICIAL

    with errors_to_user(json):
        if source is None and name not in OFFICIAL:
            known = ", ".join(sorted(OFFICIAL))
            raise InvalidInput(
                f"nobody is known to publish {name!r}", f"use --from, or one of {known}", "name"
            )
    _change(name, source or OFFICIAL[name].url, None, None, json)


def _change(name: str, source: str, role: str | None, expires: str | None, json: bool) -> None:
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.origin.trust import obtain
        from provenance.trust import AnchorRole, parse_time

        try:
            wanted = AnchorRole(role) if role else None
            until = parse_time(expires) if expires else None
        except ValueError as error:
            raise InvalidInput(str(error), "signers, timestamps or identities; ISO 8601") from error
        change = services.signing.store.add(
            lambda: services.log, name, obtain(source), source, role=wanted, expires=until
        )
        if json:
            record = change.held.to_json(datetime.now(UTC))
            emit(record | {"added": list(change.added), "removed": list(change.removed)})
            return
        out = console()
        out.print(f"[bold]{name}[/]: {len(change.added)} came, {len(change.removed)} went")
        for sign, names in (("+", change.added), ("-", change.removed)):
            for subject in names:
                out.print(f"  {sign} {escape(subject)}")
