"""``guarded-gen audit``: read the log, search it, check it, take parts of it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guarded_gen.cli import audit_explore, audit_keep, audit_trust
from guarded_gen.cli.audit_output import (
    counter,
    entry_line,
    opened_log,
    operator,
    parse_time,
    progress_bar,
    shown,
)
from guarded_gen.cli.common import Json, console, emit, errors_to_user, progress_console, stop
from guarded_gen.cli.options import Entries, Since, Until, expanded
from guarded_gen.errors import Exit

if TYPE_CHECKING:
    from guarded_gen.audit import VerifyReport

app = typer.Typer(
    help="The log of every decision: list, search, verify, export, prove, erase.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
audit_trust.register(app)
audit_keep.register(app)
app.command()(audit_explore.explore)


@app.command("list")
@app.command("search")
@expanded
def search(
    entries: Entries,
    words: Annotated[
        str | None,
        typer.Option("--text", help="Search sealed payloads for these words; needs --reason."),
    ] = None,
    anywhere: Annotated[
        bool,
        typer.Option("--anywhere", help="With --text: also within words; opens every payload."),
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why payloads are searched; this goes on record.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    json: Json = False,
) -> None:
    """List the entries that fit, newest first."""
    with errors_to_user(json):
        query = entries.query(limit)
        with opened_log() as (log, _):
            if words is None:
                found = list(log.entries(query))
            else:
                with progress_bar("searching") as update:
                    found = list(
                        log.entries_with(
                            words, query, operator(), reason, anywhere=anywhere, progress=update
                        )
                    )
        if json:
            emit([entry.to_json() for entry in found])
            return
        for entry in found:
            console().print(entry_line(entry), markup=False)
        if not found:
            progress_console().print("no entry fits")


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="An entry's id, or its index.")],
    payload: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Show the payload too; the reason goes on record."),
    ] = None,
    json: Json = False,
) -> None:
    """Show one entry; with a reason, also what it keeps sealed."""
    with errors_to_user(json), opened_log() as (log, _):
        key: str | int = int(id) if id.isdecimal() and len(id) < 19 else id
        record = log.entry(key).to_json()
        if payload is not None:
            secret = log.reveal(key, actor=operator(), reason=payload)
            record["payload"] = secret.decode("utf-8", "replace")
        if json:
            emit(record)
            return
        for name, value in record.items():
            console().print(f"{name:<10} {shown(value)}", markup=False)


@app.command()
def verify(
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A checkpoint kept elsewhere that must still hold."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check every row, tile, signature and payload; names the first bad row (exit code 1)."""
    with errors_to_user(json), opened_log(rolled_back=True) as (log, _):
        with progress_bar("checking") as update:
            report = log.verify(update)
        if checkpoint is not None:
            log.check_against(checkpoint.read_bytes(), report)
        if json:
            emit(report.to_json())
        else:
            _print_report(report)
        stop(Exit.DONE if report.ok else Exit.FAILED)


@app.command()
@expanded
def export(
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write into.")],
    entries: Entries,
    format: Annotated[str, typer.Option(help="csv, jsonl or parquet.")] = "jsonl",
    proofs: Annotated[
        bool, typer.Option("--proofs/--no-proofs", help="One offline proof for each entry.")
    ] = True,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="Also all other entries of the period, to prove that no further one fits.",
        ),
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many.")] = None,
    json: Json = False,
) -> None:
    """Write the entries that fit as CSV, JSON lines or Parquet, with a manifest and proofs."""
    with errors_to_user(json):
        from guarded_gen.audit import export as exporting
        from guarded_gen.errors import InvalidInput

        try:
            form = exporting.ExportFormat(format)
        except ValueError as error:
            raise InvalidInput(
                f"no format {format!r}", "csv, jsonl or parquet", "format"
            ) from error
        query = entries.query(limit)
        with opened_log() as (log, _), counter("entries") as update:
            done = exporting.export(
                log,
                out,
                query,
                form,
                operator(),
                exporting.Enclosed(proofs, complete),
                update,
            )
        if json:
            emit(done.manifest)
            return
        console().print(f"{done.manifest['entries']:,} entries in {out}", markup=False)
        if proofs:
            console().print("check one: guarded-gen audit check-proof FILE", markup=False)


@app.command()
def dsa(
    out: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="File to write; past 100 statements, numbered files."),
    ] = None,
    territory: Annotated[
        str, typer.Option(help="Countries of the EEA in which the restrictions hold; empty: all.")
    ] = "",
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    since: Since = None,
    until: Until = None,
    json: Json = False,
) -> None:
    """Statements of reasons for the DSA Transparency Database, one for each restriction."""
    with errors_to_user(json):
        import json as encoder

        from guarded_gen.audit import Query
        from guarded_gen.audit.dsa import EEA, batches, statements

        query = Query(
            tenant=tenant,
            action="block",
            since=parse_time(since),
            until=parse_time(until),
            oldest_first=True,
        )
        where = [code.strip() for code in territory.split(",") if code.strip()] or EEA
        with opened_log() as (log, _):
            made = list(statements(log.entries(query), log.entry, where))
        if out is None:
            emit({"statements": made})
            return
        bodies = list(batches(made)) or [{"statements": []}]
        files = [out]
        if len(bodies) > 1:
            files = [
                out.with_name(f"{out.stem}-{number:03d}{out.suffix}")
                for number in range(1, len(bodies) + 1)
            ]
        for file, body in zip(files, bodies, strict=True):
            file.write_text(encoder.dumps(body, indent=2, ensure_ascii=False) + "\n", "utf-8")
        if json:
            emit({"files": [str(file) for file in files], "statements": len(made)})
            return
        for file in files:
            console().print(f"{file}", markup=False)
        console().print(f"{len(made):,} statements", markup=False)


def _print_report(report: VerifyReport) -> None:
    out = console()
    if report.ok:
        out.print(
            f"clean: {report.entries:,} entries, {report.payloads:,} payloads"
            f" ({report.erased:,} erased), {report.checkpoints:,} checkpoints",
            markup=False,
        )
        out.print(f"root {report.root} of size {report.size:,}", markup=False)
        return
    for number, problem in enumerate(report.problems):
        mark = "first bad row: " if number == 0 else "also:          "
        out.print(f"{mark}{problem.where}: {problem.message}", markup=False)
    if report.more:
        out.print("and more", markup=False)
