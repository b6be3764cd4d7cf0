"""``guarded-gen policy replay``: a new policy over what was decided before."""

from __future__ import annotations

import csv as csvlib
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
)
from guarded_gen.cli.options import PastDecisions, expanded
from guarded_gen.errors import InvalidInput

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from policies.history import History
    from policies.replay import ReplayReport


@expanded
def replay(
    new: Annotated[str, typer.Argument(help="The policy to try: a YAML file or a library name.")],
    decisions: PastDecisions,
    against: Annotated[
        str | None,
        typer.Option(help="Compare with this policy instead of the recorded actions."),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, max=100, help="Ids for each change.")] = 5,
    csv: Annotated[bool, typer.Option("--csv", help="Print the changes as CSV.")] = False,
    json: Json = False,
) -> None:
    """Say what a policy would have decided otherwise, over the recorded decisions.

    Reads the signals of past decisions from the audit log; nothing is decided or changed.
    """
    with errors_to_user(json):
        import policies
        from policies.history import History
        from policies.replay import replay as run

        if csv and json:
            raise InvalidInput("--csv and --json exclude each other", "give one of them")
        policy = policies.load(new)
        other = policies.load(against) if against else None
        unusable = 0
        since, until, tenant = decisions.since, decisions.until, decisions.tenant
        if decisions.history is not None:
            if since or until or tenant or decisions.save:
                raise InvalidInput(
                    "--history is read as it is", "leave out --since, --until, --tenant, --save"
                )
            past = History.load(decisions.history)
        else:
            with opened_services() as services:
                past, unusable = read_log(services, moment(since), moment(until), tenant)
            if decisions.save is not None:
                past.save(decisions.save)
        start = time.perf_counter()
        report = run(policy, past, other, samples)
        seconds = time.perf_counter() - start
        if json:
            emit(
                {
                    "policy": policy.digest,
                    "against": other.digest if other else None,
                    "unusable": unusable,
                    "seconds": round(seconds, 3),
                }
                | report.to_json()
            )
        elif csv:
            _print_csv(report)
        else:
            _print(report, new, against, seconds, unusable)


def moment(text: str | None) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 moment, UTC where it names no zone."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text} is no moment", "write it as 2026-11-21T12:00:00Z") from error
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000)


def read_log(
    services: Services, since: int | None, until: int | None, tenant: str | None
) -> tuple[History, int]:
    """The recorded decisions, and how many could not be read."""
    from guarded_gen.governance.recorded import read_recorded

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=progress_console(), transient=True) as bar:
        task = bar.add_task("reading decisions")

        def tell(read: int) -> None:
            if read % 1_000 == 0:
                bar.update(task, description=f"reading decisions: {read:,}")

        past = read_recorded(services.log, since=since, until=until, tenant=tenant, progress=tell)
    return past.history, past.unusable


def _print_csv(report: ReplayReport) -> None:
    out = csvlib.writer(sys.stdout)
    out.writerow(("stage", "before", "after", "rule", "category", "tenant", "count", "samples"))
    for change in report.changes:
        record: dict[str, Any] = change.to_json()
        record["samples"] = " ".join(change.samples)
        out.writerow("" if value is None else value for value in record.values())


def _print(
    report: ReplayReport, new: str, against: str | None, seconds: float, unusable: int
) -> None:
    out = console()
    share = 100 * report.changed / report.decisions if report.decisions else 0.0
    out.print(
        f"{report.changed:,} of {report.decisions:,} decisions change ({share:.2f} %) from "
        f"{against or 'what was recorded'} to {new}; evaluated in {seconds:.2f} s",
        markup=False,
    )
    if unusable:
        out.print(f"{unusable:,} recorded decisions could not be read", style="yellow")
    counts = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("action", "before", "after", "change"):
        counts.add_column(name, justify="left" if name == "action" else "right")
    for action, before in report.before.items():
        after = report.after[action]
        counts.add_row(action, f"{before:,}", f"{after:,}", f"{after - before:+,}")
    out.print(counts)
    if not report.changes:
        return
    for key in ("category", "tenant"):
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(f"by {key}")
        table.add_column("changes")
        for name, moves in list(report.by(key).items())[:12]:
            table.add_row(escape(name), ", ".join(f"{m}: {n:,}" for m, n in moves.items()))
        out.print()
        out.print(table)
    out.print("\n[bold]samples[/]")
    for change in report.changes[:8]:
        what = f"{change.stage} {change.before} → {change.after} by {change.rule or 'no rule'}"
        out.print(f"{what}, {change.tenant}: {' '.join(change.samples)}", markup=False)
