"""The command line. Each group of commands has a module of its own.

Contract: ``--json`` on every command; exit codes 0 done, 1 failed, 2 usage, 3 blocked, 4 held
for review.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from guarded_gen.cli import (
    audit,
    backup,
    banks,
    capacity,
    cases,
    compliance,
    consent,
    demo,
    doctor,
    eval,
    generate,
    init,
    keys,
    models,
    moderate,
    modes,
    people,
    policy,
    scan,
    selftest,
    transcode,
    transparency,
    trust,
    verify,
    watermark,
)
from guarded_gen.cli.logs import log_for_people

__all__ = ["app", "main"]

app = typer.Typer(
    name="guarded-gen",
    help="Policy in front of a text-to-video model, signed clips, a record of every decision.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"guarded-gen {version('guarded-gen')}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool,
        typer.Option("--version", help="Tell the version.", callback=_tell_version, is_eager=True),
    ] = False,
) -> None:
    """Policy in front of a text-to-video model, signed clips, a record of every decision."""


app.command()(init.init)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(generate.generate)
for command in modes.COMMANDS:
    app.command()(command)
app.command()(moderate.moderate)
app.command()(verify.verify)
app.command()(scan.scan)
app.command()(transcode.transcode)
app.command()(transparency.transparency)
app.command()(capacity.capacity)
app.command()(demo.demo)
app.command()(selftest.selftest)
app.command()(doctor.doctor)
app.add_typer(banks.app, name="banks")
app.add_typer(cases.app, name="cases")
app.add_typer(consent.app, name="consent")
app.add_typer(models.app, name="models")
app.add_typer(people.app, name="people")
app.add_typer(eval.app, name="eval")
app.add_typer(policy.app, name="policy")
app.add_typer(audit.app, name="audit")
app.add_typer(keys.app, name="keys")
app.add_typer(trust.app, name="trust")
app.add_typer(watermark.app, name="watermark")
app.add_typer(compliance.app, name="compliance")


def main() -> None:
    """Run the command that the arguments name; :mod:`guarded_gen.server` adds its own first."""
    # A command loads some hundred thousand objects that stay; at Python's 700 new ones, looking for
    # garbage among them takes a fifth of its start.
    gc.set_threshold(50_000, 20, 50)
    level = os.environ.get("GUARDED_GEN_LOG", "error").upper()
    log_for_people(level)
    # dashes, arrows and prompts in any script must not end a command on an ASCII terminal
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app()
