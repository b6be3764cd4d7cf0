"""``guarded-gen banks``: lists of known content, and what is put into them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
)

if TYPE_CHECKING:
    from guarded_gen.gates.banks import HeldBank

app = typer.Typer(
    help="Hash banks: list, add, import, export, sync, feedback, remove.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="The bank; made when it is not there.")]
Category = Annotated[str, typer.Option(help="What the bank lists.")]
Action = Annotated[str, typer.Option(help="block, review or own.")]
Source = Annotated[str, typer.Option(help="Who gave it, under which terms.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """Every bank: what it is for, where it is kept, how many items and hashes it holds."""
    with errors_to_user(json), opened_services() as services:
        held = services.banks.held()
        if json:
            emit({"banks": [bank.to_json() for bank in held]})
            return
        for bank in held:
            console().print(
                f"[bold]{escape(bank.info.name)}[/]  {escape(bank.info.category)}  "
                f"{bank.info.action.value}  {bank.items} items, {bank.hashes} hashes  "
                f"[dim]{bank.where}  {escape(bank.info.source)}[/]"
            )


def _tell(json: bool, name: str, verb: str, counted: HeldBank, where: str) -> None:
    """Say what a command did to a bank."""
    if json:
        emit({"bank": name, "items": counted.items, "hashes": counted.hashes})
    else:
        told = f"{counted.items} items, {counted.hashes} hashes"
        console().print(f"[green]{verb}[/] {told} {where} {escape(name)}")


@app.command()
def add(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A picture, a video, or a sound.")],
    category: Category = "hash_match",
    action: Action = "block",
    source: Source = "",
    sound: Annotated[
        bool, typer.Option("--sound", help="Register what is heard, not what is seen.")
    ] = False,
    json: Json = False,
) -> None:
    """Register a picture or video with its crops, or a sound. It counts from the next stream on."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.gates.banks import bank_info

        info = bank_info(name, category, action, source)
        with progress_console().status(f"hashing {escape(file.name)}"):
            limits = services.settings.limits.media
            if sound:
                added = services.banks.add_sound(info, file, limits)
            else:
                kept = services.settings.frames.known.keypoints
                added = services.banks.add(info, file, limits, with_keypoints=kept)
        _tell(json, name, "added", added, "to")


@app.command("import")
def import_(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A list in ThreatExchange's exchange format.")],
    category: Category = "hash_match",
    action: Action = "block",
    source: Source = "",
    json: Json = False,
) -> None:
    """Take a list of hashes into the database, whole or not at all."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.errors import NotFound
        from guarded_gen.gates.banks import bank_info

        info = bank_info(name, category, action, source)
        if not file.is_file():
            raise NotFound(f"{file} is not a file", "check the path")
        with (
            file.open(encoding="utf-8", errors="replace") as lines,
            progress_console().status(f"reading {escape(file.name)}"),
        ):
            added = services.banks.import_(info, lines)
        _tell(json, name, "imported", added, "into")


@app.command()
def export(
    name: Annotated[str, typer.Argument(help="The bank.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: print.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a bank in ThreatExchange's exchange format."""
    with errors_to_user(json), opened_services() as services:
        lines = list(services.banks.export(name))
        if output is not None:
            part = output.with_name(f".{output.name}.part")
            part.write_text("".join(f"{line}\n" for line in lines), "utf-8")
            part.replace(output)
        if json:
            told = {"bank": name, "items": len(lines)}
            emit(told | ({"file": str(output)} if output else {"lines": lines}))
        elif output is not None:
            console().print(f"[green]exported[/] {len(lines)} items to {escape(str(output))}")
        else:
            for line in lines:
                typer.echo(line)


@app.command()
def sync(
    name: Annotated[
        str | None, typer.Argument(help="The bank of one exchange; left out: all of them.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch what is new from the hash exchanges of the settings. Run it as often as they ask."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.errors import ConfigInvalid

        names = services.exchanges.names() if name is None else [name]
        if not names:
            raise ConfigInvalid(
                "the settings name no exchange", "see docs/child-safety.md for what each needs"
            )
        done = []
        for one in names:
            with progress_console().status(f"fetching {escape(one)}"):
                done.append(services.exchanges.sync(one))
            if not json:
                said = done[-1]
                console().print(
                    f"[green]fetched[/] {escape(one)}: {said.put} put, {said.removed} removed, "
                    f"{said.passed_over} signals of kinds that cannot be compared here"
                )
        if json:
            emit({"synced": [one.to_json() for one in done]})


@app.command()
def feedback(
    name: Annotated[str, typer.Argument(help="The bank.")],
    item: Annotated[str, typer.Argument(help="The item's id, as the match names it.")],
    agree: Annotated[bool, typer.Option("--agree/--disagree", help="Whether the match was right.")],
    reason: Annotated[
        str | None, typer.Option(help="Why not: NCMEC's number of a reason, StopNCII's tag.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell the exchange whether an item of its list was right."""
    with errors_to_user(json), opened_services() as services:
        services.exchanges.feedback(name, item, agree, reason)
        if json:
            emit({"bank": name, "item": item, "agree": agree})
        else:
            console().print(f"[green]told[/] {escape(name)}: {escape(item)}")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The bank.")],
    json: Json = False,
) -> None:
    """Forget a bank of the database. Its matches on record stay."""
    with errors_to_user(json), opened_services() as services:
        _tell(json, name, "removed", services.banks.remove(name), "of")
