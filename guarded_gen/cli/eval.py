"""``guarded-gen eval``: how good the classifiers are on rows with known answers."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
)
from guarded_gen.cli.eval_bias import bias
from guarded_gen.cli.moderate import read_lines
from guarded_gen.errors import InvalidInput

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

    from classifiers.prompt.evaluation import Labelled
    from guarded_gen.composition.services import Services

app = typer.Typer(help="Measure the classifiers on rows with known answers.")
BATCH = 128
SAMPLE = 200
"""Rows of each kind in the robustness table; 26 disguises of each are judged."""


@app.callback()
def group() -> None:
    """Measure the classifiers on rows with known answers."""


app.command()(bias)


@app.command()
def prompts(
    file: Annotated[Path, typer.Argument(help='Lines with "text", "unsafe", "category", "style".')],
    plot: Annotated[Path | None, typer.Option(help="Where the reliability plot goes.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the JSON report goes.")] = None,
    threshold: Annotated[float | None, typer.Option(help="Instead of the shipped one.")] = None,
    disguises: Annotated[bool, typer.Option(help="Also measure every disguise.")] = True,
    json: Json = False,
) -> None:
    """Score labelled prompts: AUPRC, AUROC, F1, recall, over-refusal, calibration, disguises."""
    with errors_to_user(json), opened_services() as services:
        record = measure(services, read_rows(file), threshold, disguises)
        if plot is not None:
            from classifiers.prompt.plot import reliability_plot

            calibration = record["calibration"]
            reliability_plot(calibration["bins"], calibration["error"], file.name, plot)
        if out is not None:
            out.write_text(jsonlib.dumps(record, indent=2) + "\n", "utf-8")
        if json:
            emit(record)
        else:
            show(record)


def read_rows(file: Path) -> list[Labelled]:
    """The labelled rows; raises :class:`InvalidInput` that names a line without an answer."""
    from classifiers.prompt.evaluation import Labelled

    rows = []
    for number, item in enumerate(read_lines(file), start=1):
        if item.get("unsafe") not in (0, 1, True, False):
            raise InvalidInput(
                f'{file}: row {number} has no "unsafe"', 'give "unsafe": true or false', "file"
            )
        rows.append(
            Labelled(
                item["text"],
                bool(item["unsafe"]),
                str(item.get("category") or ""),
                str(item.get("style") or ""),
            )
        )
    if not rows:
        raise InvalidInput(f"{file} holds no rows", "give a file with labelled lines", "file")
    return rows


def measure(
    services: Services, rows: list[Labelled], threshold: float | None, disguises: bool
) -> dict[str, Any]:
    """The whole report; judged through the same classifiers as the prompt gate."""
    import random

    import numpy as np

    from classifiers.prompt.classifier import EmbeddedPromptClassifier
    from classifiers.prompt.disguises import DISGUISES
    from classifiers.prompt.evaluation import report, robustness
    from guarded_gen.gates.gate import classify

    shipped = EmbeddedPromptClassifier(services.registry).threshold
    limit = shipped if threshold is None else threshold
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=progress_console(), transient=True) as bar:
        task = bar.add_task("prompts", total=len(rows))

        def judge(texts: list[str]) -> NDArray[float64]:
            scores = []
            for start in range(0, len(texts), BATCH):
                for signals in classify(services.prompt_classifiers, texts[start : start + BATCH]):
                    found = [s.score for s in signals if s.category == "unsafe"]
                    known = [s for s in found if s is not None]
                    scores.append(max(known) if known and len(known) == len(found) else np.nan)
                bar.advance(task, len(texts[start : start + BATCH]))
            return np.array(scores, np.float64)

        record = report(rows, judge([row.text for row in rows]), limit)
        if disguises:
            rng = random.Random(0)
            sample = []
            for unsafe in (True, False):
                kind = [row for row in rows if row.unsafe is unsafe and row.text.isascii()]
                sample += rng.sample(kind, min(SAMPLE, len(kind)))
            bar.reset(task, total=len(sample) * (len(DISGUISES) + 1))
            record["robustness"] = robustness(
                sample, DISGUISES, judge, limit, lambda name: bar.update(task, description=name)
            )
    return record


def show(record: dict[str, Any]) -> None:
    """The report as tables."""
    out = console()
    out.print(
        f"{record['rows']} rows, {record['harmful']} harmful, {record['not_assessed']} not "
        f"assessed, threshold {record['threshold']:.2f}"
    )
    table = Table("figure", "value", "95 % interval")
    for name, figure in record["figures"].items():
        table.add_row(
            name, _num(figure["value"]), f"{_num(figure['low'])} – {_num(figure['high'])}"
        )
    table.add_row("calibration_error", _num(record["calibration"]["error"]), "")
    out.print(table)
    for title in ("by_category", "by_style"):
        if not record[title]:
            continue
        table = Table(
            title.removeprefix("by_"), "harmful", "harmless", "recall", "flagged", "AUROC"
        )
        for name, line in record[title].items():
            table.add_row(
                name,
                str(line["harmful"]),
                str(line["harmless"]),
                _num(line["recall"]),
                _num(line["flagged"]),
                _num(line["auroc"]),
            )
        out.print(table)
    if record.get("robustness"):
        table = Table(
            "disguise", "harmful flagged", "not assessed", "harmless flagged", "not assessed"
        )
        for line in record["robustness"]:
            table.add_row(line["disguise"], *(_num(v) for k, v in line.items() if k != "disguise"))
        out.print(table)


def _num(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
