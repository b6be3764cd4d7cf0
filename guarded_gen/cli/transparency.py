"""``guarded-gen transparency``: the yearly numbers, counted from the log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from guarded_gen.cli.common import Json, console, emit, errors_to_user, stop
from guarded_gen.errors import Exit


def transparency(
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file to write; standard output without.")
    ] = None,
    form: Annotated[
        Literal["csv", "html", "json"] | None,
        typer.Option("--format", help="csv, html or json; by default as the file is named."),
    ] = None,
    year: Annotated[int | None, typer.Option(min=2020, max=2100, help="A calendar year.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="First day, as 2026-01-01.")] = None,
    until: Annotated[str | None, typer.Option(help="The day after the last one.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Count again what this JSON file told, and compare.")
    ] = None,
    json: Json = False,
) -> None:
    """Count clips, refusals, appeals and their outcomes, by category and country.

    The log's signed checkpoint goes along, and the JSON form names the entries behind every
    number. Exit codes with --check: 0 the log says the same, 1 it does not.
    """
    with errors_to_user(json):
        import json as form_json

        from guarded_gen.audit.transparency import count, period, recount, written
        from guarded_gen.cli.audit_output import opened_log
        from guarded_gen.errors import InvalidInput

        with opened_log() as (log, _):
            if check is not None:
                try:
                    wrong = recount(log, form_json.loads(check.read_text("utf-8")))
                except (ValueError, KeyError, TypeError) as error:
                    raise InvalidInput(
                        f"{check} holds no transparency numbers", "give the JSON form", "check"
                    ) from error
                if json:
                    emit({"agrees": not wrong, "differences": wrong})
                else:
                    for line in wrong or ["the log says the same"]:
                        console().print(line, markup=False)
                stop(Exit.FAILED if wrong else Exit.DONE)
            numbers = count(log, *period(year, since, until))
        named = out.suffix.lstrip(".").lower() if out else ""
        chosen = form or (named if named in ("csv", "html", "json") else "csv")
        text = written(numbers, "json" if json else chosen)
        if out is None:
            typer.echo(text, nl=False)
        else:
            out.write_text(text, "utf-8")
            if not json:
                console().print(f"{len(numbers.rows())} rows → {out}", markup=False)
