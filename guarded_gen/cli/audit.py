"""``guarded-gen audit``: read the log, search it, check it, take parts of it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guarded_gen.cli import audit_keep, audit_trust
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
from guarded_gen.errors import Exit

if TYPE_CHECKING:
    from guarded_gen.audit import Query, VerifyReport

app = typer.Typer(
    help="The log of every decision: list, search, verify, export, prove, erase.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
audit_trust.register(app)
audit_keep.register(app)

Tenant = Annotated[str | None, typer.Option(help="Only this tenant.")]
Subject = Annotated[str | None, typer.Option(help="Only this subject (of the tenant).")]
Kind = Annotated[
    str | None, typer.Option(help="Only this kind; with a trailing dot, all that begin so.")
]
OfAction = Annotated[str | None, typer.Option(help="Only decisions with this action.")]
Category = Annotated[str | None, typer.Option(help="Only where a rule matched this category.")]
OfRule = Annotated[str | None, typer.Option(help="Only what this rule decided.")]
OfPolicy = Annotated[str | None, typer.Option(help="Only what the policy of this digest decided.")]
Actor = Annotated[str | None, typer.Option(help="Only what this actor or reviewer did.")]
MinScore = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Only scores from here on (of --category, or any)."),
]
MaxScore = Annotated[float | None, typer.Option(min=0, max=1, help="Only scores up to here.")]
Since = Annotated[str | None, typer.Option(help="From this time on (RFC 3339).")]
Until = Annotated[str | None, typer.Option(help="Before this time (RFC 3339).")]
Related = Annotated[str | None, typer.Option(help="Only what refers to the entry of this id.")]


@app.command("list")
@app.command("search")
def search(
    words: Annotated[
        str | None,
        typer.Option("--text", help="Search decrypted payloads for these words; needs --reason."),
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Why payloads are searched; this goes on record.")
    ] = "",
    tenant: Tenant = None,
    subject: Subject = None,
    kind: Kind = None,
    action: OfAction = None,
    category: Category = None,
    rule: OfRule = None,
    policy: OfPolicy = None,
    actor: Actor = None,
    min_score: MinScore = None,
    max_score: MaxScore = None,
    since: Since = None,
    until: Until = None,
    related: Related = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    json: Json = False,
) -> None:
    """List the entries that fit, newest first."""
    with errors_to_user(json):
        query = _query(
            tenant,
            subject,
            kind,
            action,
            category,
            rule,
            policy,
            actor,
            min_score,
            max_score,
            since,
            until,
            related,
            limit,
        )
        with opened_log() as (log, _):
            if words is None:
                entries = list(log.entries(query))
            else:
                entries = list(log.entries_with(words, query, operator(), reason))
        if json:
            emit([entry.to_json() for entry in entries])
            return
        for entry in entries:
            console().print(entry_line(entry), markup=False)
        if not entries:
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
def export(
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write into.")],
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
    tenant: Tenant = None,
    subject: Subject = None,
    kind: Kind = None,
    action: OfAction = None,
    category: Category = None,
    rule: OfRule = None,
    policy: OfPolicy = None,
    actor: Actor = None,
    min_score: MinScore = None,
    max_score: MaxScore = None,
    since: Since = None,
    until: Until = None,
    related: Related = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many.")] = None,
    json: Json = False,
) -> None:
    """Write the entries that fit as CSV, JSON lines or Parquet, with a manifest and proofs."""
    with errors_to_user(json):
        from guarded_gen.audit import export as exporting
        from guarded_gen.errors import InvalidInput

        try:
            form = exporting.Format(format)
        except ValueError as error:
            raise InvalidInput(
                f"no format {format!r}", "csv, jsonl or parquet", "format"
            ) from error
        query = _query(
            tenant,
            subject,
            kind,
            action,
            category,
            rule,
            policy,
            actor,
            min_score,
            max_score,
            since,
            until,
            related,
            limit,
        )
        with opened_log() as (log, _), counter("entries") as update:
            done = exporting.export(
                log,
                out,
                query,
                form,
                operator(),
                proofs=proofs,
                complete=complete,
                progress=update,
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
    tenant: Tenant = None,
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


def _query(
    tenant: str | None,
    subject: str | None,
    kind: str | None,
    action: str | None,
    category: str | None,
    rule: str | None,
    policy: str | None,
    actor: str | None,
    min_score: float | None,
    max_score: float | None,
    since: str | None,
    until: str | None,
    related: str | None,
    limit: int | None,
) -> Query:
    from guarded_gen.audit import Query

    return Query(
        tenant=tenant,
        subject=subject,
        kind=kind,
        action=action,
        category=category,
        rule=rule,
        policy=policy,
        actor=actor,
        min_score=min_score,
        max_score=max_score,
        since=parse_time(since),
        until=parse_time(until),
        related=related,
        limit=limit,
    )


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
