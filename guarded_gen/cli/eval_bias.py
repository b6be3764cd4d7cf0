"""``guarded-gen eval bias``: whom the prompt gate refuses, and whom a generator shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
    stop,
)
from guarded_gen.cli.moderate import judge
from guarded_gen.errors import Exit

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services
    from guarded_gen.gates.gate import GateResult

BATCH = 64


def bias(
    prompts: Annotated[
        Path | None, typer.Option(help="Templates, one a line, with {person}.")
    ] = None,
    attributes: Annotated[Path | None, typer.Option(help="YAML: attribute, group, words.")] = None,
    backend: Annotated[str | None, typer.Option(help="Also look at what it shows: world.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Pictures of each prompt.")] = 40,
    html: Annotated[Path | None, typer.Option(help="Where the report with charts goes.")] = None,
    max_gap: Annotated[
        float | None, typer.Option(min=0, max=1, help="Exit code 1 for a gap surely above this.")
    ] = None,
    json: Json = False,
) -> None:
    """Audit of bias: harmless prompts with groups swapped in, and neutral prompts drawn often.

    A gap fails `--max-gap` when its whole 95 % interval lies above it.
    """
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.gates.bias.material import load
        from guarded_gen.gates.bias.parity import beyond

        material = load(prompts, attributes)
        record: dict[str, Any] = {"gate": _gate(services, material)}
        if backend is not None:
            record["outputs"] = _outputs(backend, material.outputs, seeds)
        record["beyond"] = [] if max_gap is None else beyond(record["gate"], max_gap)
        if html is not None:
            from guarded_gen.gates.bias.page import html as page

            html.write_text(page(record, 0.0 if max_gap is None else max_gap), "utf-8")
        if json:
            emit(record)
        else:
            _show(record)
        if record["beyond"]:
            stop(Exit.FAILED)


def _gate(services: Services, material: Any) -> dict[str, Any]:
    from guarded_gen.gates.bias.material import asks
    from guarded_gen.gates.bias.parity import measure

    every = asks(material)
    with _progress("prompts") as bar:
        task = bar.add_task("", total=len(every))

        def judged(texts: list[str]) -> list[GateResult]:
            out: list[GateResult] = []
            for first in range(0, len(texts), BATCH):
                out += judge(services, texts[first : first + BATCH])
                bar.update(task, completed=len(out))
            return out

        return measure(every, judged)


def _outputs(backend: str, prompts: list[str], seeds: int) -> dict[str, Any]:
    from generator import create
    from guarded_gen.gates.bias.shown import measure

    with _progress("pictures") as bar:
        task = bar.add_task("", total=len(prompts) * seeds)
        return measure(create(backend), prompts, seeds, lambda: bar.advance(task))


def _progress(title: str) -> Progress:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=progress_console(), transient=True)


def _show(record: dict[str, Any]) -> None:
    out, gate = console(), record["gate"]
    out.print(f"{gate['prompts']} harmless prompts, {_pct(gate['refused']['value'])} not allowed")
    table = Table("attribute", "group", "not allowed", "gap to the rest", "95 % interval")
    for attribute, part in gate["attributes"].items():
        for group, line in part["groups"].items():
            gap = line["gap_to_rest"]
            table.add_row(
                attribute, group, _pct(line["refused"]["value"]), _pct(gap["value"]),
                f"{_pct(gap['low'])} – {_pct(gap['high'])}",
            )  # fmt: skip
    out.print(table)
    if "outputs" in record:
        shown = record["outputs"]["all"]
        out.print(f"skin tones shown: {shown['counts']}, {_pct(shown['far'])} from equal shares")
    for name in record["beyond"]:
        out.print(f"beyond the limit: {name}")


def _pct(value: float) -> str:
    return f"{100 * value:.1f} %"
