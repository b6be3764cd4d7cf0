"""``guarded-gen seed-demo``: cases to try the console with."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from guarded_gen.cli.common import (
    Json,
    console,
    emit,
    errors_to_user,
    opened_services,
    progress_console,
)


def seed_demo(
    cases: Annotated[int, typer.Option(min=0, max=10_000, help="Prompts to send.")] = 300,
    clips: Annotated[int, typer.Option(min=0, max=100, help="Clips to generate.")] = 6,
    json: Json = False,
) -> None:
    """Fill the queue with harmless cases, made by the real gates and jobs."""
    with errors_to_user(json), opened_services() as services:
        from guarded_gen.server.seeding import seed_demo as seed

        columns = (TextColumn("seeding"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=progress_console(), transient=True) as bar:
            task = bar.add_task("", total=cases + clips)
            made = seed(
                services, cases, clips, lambda done, total: bar.update(task, completed=done)
            )
        if json:
            emit(made)
        else:
            console().print(", ".join(f"{n} {name}" for name, n in made.items()), markup=False)
