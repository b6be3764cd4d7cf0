"""``guarded-gen compliance``: which demand of which law does a file meet?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from guarded_gen.cli.common import Json, console, emit, errors_to_user, opened_services, stop
from guarded_gen.errors import Exit, InvalidInput

app = typer.Typer(help="Check a file against the laws on marking.", no_args_is_help=True)
_COLOURS = {"met": "green", "unmet": "red", "outside_the_file": "yellow"}


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file to check.")],
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile", help="eu-ai-act, us-ca-sb942 or cn-gb45438; may be repeated; all without."
        ),
    ] = None,
    trust: Annotated[
        list[Path] | None, typer.Option(help="A trust list (PEM or JSON); may be repeated.")
    ] = None,
    json: Json = False,
) -> None:
    """List demand by demand what the file carries.

    A demand that a file cannot show alone is told as such. Exit codes: 0 every demand that a
    file can meet is met, 1 one is not.
    """
    with errors_to_user(json), opened_services() as services:
        from provenance.compliance import Profile, unmet
        from provenance.compliance import check as check_file
        from provenance.trust import TrustList

        if not file.is_file():
            raise InvalidInput(f"{file} is no file", "give the path of a media file", "file")
        try:
            chosen = [Profile(name) for name in profile or list(Profile)]
        except ValueError as error:
            known = ", ".join(p.value for p in Profile)
            raise InvalidInput(str(error), f"known profiles: {known}", "profile") from error
        anchors = services.trust.joined(TrustList.load(*trust)) if trust else services.trust
        verification, labels = services.desk.carried(file, anchors)
        results = {p.value: check_file(p, verification, labels) for p in chosen}
        if json:
            emit(
                {
                    "file": verification.file,
                    "verdict": verification.verdict.value,
                    "profiles": {n: [r.to_json() for r in rs] for n, rs in results.items()},
                }
            )
        else:
            out = console()
            for name, demands in results.items():
                out.print(f"[bold]{name}[/]")
                for r in demands:
                    state = r.answer.value.replace("_", " ")
                    out.print(
                        f"  [{_COLOURS[r.answer.value]}]{state:<17}[/] {r.id}  {r.demand}"
                        f"  [dim]({escape(r.source)})[/]\n{'':<20}{escape(r.because)}"
                    )
        missing = [r for demands in results.values() for r in unmet(demands)]
        stop(Exit.FAILED if missing else Exit.DONE)
