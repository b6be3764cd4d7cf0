"""``guarded-gen scan``: every output check over an existing video, image or folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
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
from guarded_gen.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guarded_gen.composition.scanning import ScanResult
    from guarded_gen.composition.services import Services
    from policies.decision import Signal

_COLOURS = {"allow": "green", "review": "yellow", "block": "red"}
_MAX_TIMES = 4
"""Stretches named in a row of the table; the JSON names all."""


def scan(
    path: Annotated[Path, typer.Argument(help="A video, an image, or a folder of them.")],
    stage: Annotated[
        str, typer.Option(help="Whose rules apply: output, upload or reference.")
    ] = "output",
    storyboard: Annotated[
        Path | None,
        typer.Option(help="Folder for storyboards of flagged seconds; default: the home."),
    ] = None,
    sharp: Annotated[bool, typer.Option("--sharp", help="Do not blur the storyboard.")] = False,
    json: Json = False,
) -> None:
    """Look at a file or a folder with every check, and say what the policy makes of it.

    Exit codes: 0 nothing found, 1 a file could not be read, 2 wrong usage, 3 blocked,
    4 to be reviewed; of several files the most severe.
    """
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.composition.scanning import files_in
        from guarded_gen.errors import InvalidInput, NotFound
        from policies.decision import Stage

        stages = [s.value for s in (Stage.OUTPUT, Stage.UPLOAD, Stage.REFERENCE)]
        if stage not in stages:
            raise InvalidInput(f"no stage {stage!r}", f"use one of {', '.join(stages)}", "stage")
        if not path.exists():
            raise NotFound(f"{path} does not exist", "check the path")
        files = list(files_in(path))
        folder = storyboard or services.settings.home / "scans"
        records, worst = [], Exit.DONE
        for file in files:
            record, code = _one(services, file, Stage(stage), folder, sharp, json, len(files))
            records.append(record)
            worst = max(worst, code, key=_SEVERITY.index)
        if json:
            emit(records[0] if path.is_file() else {"files": records})
        elif len(files) > 1:
            _print_summary(records)
        stop(worst)


_SEVERITY = [Exit.DONE, Exit.FAILED, Exit.HELD, Exit.BLOCKED]


def _one(
    services: Services, file: Path, stage: Any, folder: Path, sharp: bool, json: bool, many: int
) -> tuple[dict[str, Any], Exit]:
    """Scan one file. In a folder an unreadable file is reported and the others go on."""
    from guarded_gen.composition.scanning import scan_file
    from guarded_gen.errors import describe
    from media.errors import MediaError

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn())
    bar = Progress(*columns, TimeRemainingColumn(), console=progress_console(), transient=True)
    try:
        with bar:
            task = bar.add_task(escape(file.name), total=None)
            result = scan_file(
                services,
                file,
                stage,
                lambda done, total: bar.update(task, completed=done, total=total),
            )
    except MediaError as error:
        if many == 1:
            raise
        told = describe(error, local=True)
        if not json:
            progress_console().print(f"[red]error[/] {escape(str(file))}: {escape(told.message)}")
        record = {"code": told.code, "message": told.message, "remedy": told.remedy}
        return {"file": str(file), "error": record}, Exit.FAILED
    record = result.to_json()
    picture = _save_storyboard(services, result, folder, sharp)
    record["storyboard"] = str(picture) if picture else None
    if not json:
        print_result(result)
        if picture:
            console().print(f"storyboard {escape(str(picture))}")
    action = result.gate.decision.action.value
    return record, {"allow": Exit.DONE, "review": Exit.HELD, "block": Exit.BLOCKED}[action]


def _save_storyboard(
    services: Services, result: ScanResult, folder: Path, sharp: bool
) -> Path | None:
    from guarded_gen.composition.scanning import draw_storyboard

    sheet = draw_storyboard(result, services.settings.limits.media, blur=not sharp)
    if sheet is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "_", result.scan.path.stem)[:60]
    target = folder / f"{stem}-{result.sha256[:8]}.png"
    sheet.save(target)
    return target


def print_result(result: ScanResult) -> None:
    """The decision, one row for each signal, and what was looked at."""
    from guarded_gen.cli.generate import print_unassessed
    from media.storyboard import clock

    out = console()
    decision, coverage = result.gate.decision, result.gate.coverage
    action = decision.action.value
    out.print(
        f"[bold]{escape(result.scan.path.name)}[/]  [{_COLOURS[action]}]{action}[/]"
        f"  rule {escape(str(decision.rule_id or '-'))}  reason {escape(decision.reason)}"
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("check", "category", "score", "asks for", "when, or why not"):
        table.add_column(column, justify="right" if column == "score" else "left")
    asked = {(f.check, f.category): f for f in result.findings}
    for signal, others in folded(result.gate.signals):
        finding = asked.get((signal.check, signal.category))
        if signal.score is None:
            row = ("-", f"[yellow]{signal.status.value}[/]", escape(_why(signal)))
        else:
            wants = finding.action.value if finding else "allow"
            times = [f"{clock(s.start)}–{clock(s.end)}" for s in signal.segments]
            more = f" and {len(times) - _MAX_TIMES} more" if len(times) > _MAX_TIMES else ""
            where = ", ".join(times[:_MAX_TIMES]) + more
            row = (f"{signal.score:.3f}", f"[{_COLOURS[wants]}]{wants}[/]", where)
        table.add_row(escape(signal.check), escape(signal.category) + others, *row)
    out.print(table)
    for word in result.words:
        worst = max(word["scores"], key=word["scores"].get)
        finding = next((f for f in result.findings if f.category == worst), None)
        x, y, width, height = word["box"]
        rule = f"  rule {finding.rule_id}" if finding and word["scores"][worst] >= 0.5 else ""
        out.print(
            f"[bold]words[/] {clock(word['time'])} at {x},{y} {width}x{height}: "
            f"{escape(word['text'])}  [dim]{worst} {word['scores'][worst]:.2f}{escape(rule)}[/]"
        )
    print_unassessed(decision.to_json())
    sampling = coverage["sampling"]
    out.print(
        f"[dim]{coverage['frames']} frames, {coverage['seconds']:.1f} s, "
        f"{coverage['scene_count']} scenes, largest gap {coverage['largest_gap_ms']:.0f} ms; "
        f"models: {escape(sampling['rule'])}, seed {sampling['seed']}; entry {result.entry}[/]"
    )


def folded(signals: Iterable[Signal]) -> list[tuple[Signal, str]]:
    """Signals for a table: those of one check that tell nothing apart from each other (they did
    not run, for one reason, or saw nothing) share a row, which says how many it stands for."""
    rows: dict[tuple[Any, ...], list[Signal]] = {}
    for number, signal in enumerate(signals):
        quiet = signal.score is None or signal.score < _TELLING
        key = (signal.check, signal.status, signal.reason) if quiet else (number,)
        rows.setdefault(key, []).append(signal)
    return [
        (max(row, key=lambda s: s.score or 0.0), f" and {len(row) - 1} more" if row[1:] else "")
        for row in rows.values()
    ]


_TELLING = 0.3
"""Scores from here on have a row of their own."""


def _why(signal: Signal) -> str:
    cause = signal.detail.get("cause")
    return f"{signal.reason}: {cause}" if cause else str(signal.reason)


def _print_summary(records: list[dict[str, Any]]) -> None:
    counts: dict[str, int] = {}
    for record in records:
        name = "unreadable" if "error" in record else record["decision"]["action"]
        counts[name] = counts.get(name, 0) + 1
    text = ", ".join(f"{number} {name}" for name, number in counts.items())
    console().print(f"{len(records)} files: {text}")
