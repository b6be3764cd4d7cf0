"""``guarded-gen compliance``: which demand of which law does a file meet?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services, stop
from guarded_gen.errors import Exit, InvalidInput

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from provenance.compliance import Result
    from provenance.trust import TrustList

app = typer.Typer(help="Check a file against the laws on marking.", no_args_is_help=True)
_COLOURS = {"met": "green", "unmet": "red", "outside_the_file": "yellow", "not_in_force": "dim"}
At = Annotated[
    str | None, typer.Option(help="A day, as 2026-12-02: what is in force then; default today.")
]


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no day", "write it as 2026-12-02", "at") from error


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file to check.")],
    law: Annotated[
        list[str] | None,
        typer.Option(
            "--law", "--profile", help="Id of a law, see `laws`; may be repeated; all without."
        ),
    ] = None,
    at: At = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of each demand what it means, in our words.")
    ] = False,
    trust: Annotated[
        list[Path] | None, typer.Option(help="A trust list (PEM or JSON); may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """List demand by demand what the file carries, on a day.

    A demand that a file cannot show alone is told as such. Exit codes: 0 every demand in force
    that a file can meet is met, 1 one is not.
    """
    with errors_to_user(json), opened_services() as services:
        from provenance.compliance import check as check_file
        from provenance.compliance import unmet
        from provenance.law import known, laws
        from provenance.trust import TrustList

        if not file.is_file():
            raise InvalidInput(f"{file} is no file", "give the path of a media file", "file")
        day = _day(at)
        try:
            chosen = [known(name).law for name in law or laws()]
        except ValueError as error:
            raise InvalidInput(str(error), "see `guarded-gen compliance laws`", "law") from error
        anchors = services.trust.joined(TrustList.load(*trust)) if trust else services.trust
        verification, labels = services.origin.carried(file, anchors)
        mark = _mark(services, file, anchors, bool(verification.manifest))
        results = {
            name: check_file(name, verification, labels, at=day, watermark=mark) for name in chosen
        }
        if json:
            emit(
                {
                    "file": verification.file,
                    "verdict": verification.verdict.value,
                    "at": day.isoformat(),
                    "watermark_read": mark,
                    "profiles": {n: [r.to_json() for r in rs] for n, rs in results.items()},
                }
            )
        else:
            for name, demands in results.items():
                _print(name, demands, explain)
        missing = [r for demands in results.values() for r in unmet(demands)]
        stop(Exit.FAILED if missing else Exit.DONE)


def _mark(services: Services, file: Path, trust: TrustList, signed: bool) -> bool | None:
    """Whether the invisible mark was read from the picture; None for a file without credentials,
    which can meet no demand for one."""
    from provenance.evidence import Evidence, State

    if not signed:
        return None
    report = services.origin.report(file, trust=trust, deep=True)
    state = next((f.state for f in report.findings if f.kind is Evidence.WATERMARK), None)
    return None if state in (None, State.NOT_CHECKED) else state is State.FOUND


def _print(name: str, demands: tuple[Result, ...], explain: bool) -> None:
    from provenance.law import known

    out, law = console(), known(name)
    out.print(f"[bold]{name}[/]  {escape(law.title)}, in force from {law.since}")
    if law.grace:
        out.print(f"{'':<20}[dim]{escape(law.grace)}[/]")
    for r in demands:
        state = r.answer.value.replace("_", " ")
        out.print(
            f"  [{_COLOURS[r.answer.value]}]{state:<17}[/] {r.id}  {escape(r.demand)}"
            f"  [dim]({escape(r.source)}; {r.owes})[/]\n{'':<20}{escape(r.because)}"
        )
        if explain:
            out.print(f"{'':<20}[dim]{escape(r.explanation)} ({r.verification})[/]")


@app.command("laws")
def list_laws(
    at: At = None,
    jurisdiction: Annotated[
        str, typer.Option(help="Only what holds at a place (DE, US-CA), the narrowest first.")
    ] = "",
    html: Annotated[
        Path | None, typer.Option(help="Write the table law x demand x format as a page.")
    ] = None,
    json: Json = False,
) -> None:
    """List the laws that are known: since when each holds, and how each demand stands by format.

    For a place without a law that is known, what was found there is told.
    """
    with errors_to_user(json):
        from guarded_gen.production.formats import CARRIES
        from policies import jurisdictions
        from provenance.law import Law, cells, laws, looked_at, of_place

        day = _day(at)
        jurisdiction = jurisdiction.upper()
        if jurisdiction and not jurisdictions.known(jurisdiction):
            raise InvalidInput(
                f"unknown jurisdiction {jurisdiction[:20]}",
                "write an ISO 3166 code, such as DE or US-CA",
                "jurisdiction",
            )
        found = of_place(jurisdiction, day) if jurisdiction else tuple(laws().values())
        places = [p for p in looked_at() if jurisdiction in ("", p.place)]
        if html is not None:
            from provenance.html import render_laws

            html.write_text(render_laws(found, day, CARRIES), "utf-8")

        def record(law: Law) -> dict[str, Any]:
            formats = cells((law,), day, CARRIES)[law.law]
            return {
                **law.model_dump(mode="json", by_alias=True, exclude={"demands"}),
                "in_force": law.holds(day),
                "demands": [
                    {
                        **demand.model_dump(mode="json", by_alias=True),
                        "in_force": law.holds(day, demand),
                        "verification": demand.verification,
                        "formats": {f: ids.get(demand.id) for f, ids in formats.items()},
                    }
                    for demand in law.demands
                ],
            }

        if json:
            emit(
                {
                    "at": day.isoformat(),
                    "laws": [record(law) for law in found],
                    "looked_at": [place.model_dump(mode="json") for place in places],
                }
            )
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("law", "place", "from", "in force", "demands", "title"):
            table.add_column(column)
        for law in found:
            table.add_row(
                law.law,
                law.jurisdiction,
                str(law.since),
                "yes" if law.holds(day) else "no",
                str(len(law.demands)),
                escape(law.title),
            )
        console().print(table)
        for place in places:
            console().print(f"{place.place}  {escape(place.title)} (looked at on {place.looked})")
            console().print(f"  [dim]{escape(place.found)} {escape(place.read)}[/]")
