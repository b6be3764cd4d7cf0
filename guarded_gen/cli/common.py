"""What every command shares: settings, output for people or machines, errors, exit codes."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from guarded_gen.errors import Exit, describe

if TYPE_CHECKING:
    from guarded_gen.composition.services import Services

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

logger = logging.getLogger("guarded_gen")


def console() -> Console:
    """For people, on standard output."""
    return Console(highlight=False, soft_wrap=True)


def progress_console() -> Console:
    """For progress and errors, on standard error, so that output can be piped."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def emit(record: Any) -> None:
    """One JSON value on standard output."""
    json.dump(record, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def stop(code: Exit) -> None:
    """End the command with this exit code."""
    raise typer.Exit(int(code))


@contextmanager
def errors_to_user(as_json: bool) -> Iterator[None]:
    """Turn every error into one message with its remedy and the right exit code.

    What is not one of our typed errors is logged with its traceback (shown by
    ``GUARDED_GEN_LOG=debug``) and told as an internal error.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt:
        progress_console().print("stopped; nothing was written")
        raise typer.Exit(130) from None
    except Exception as error:
        told = describe(error, local=True)
        logger.debug("the command failed", exc_info=True)
        if as_json:
            record = {"code": told.code, "message": told.message, "remedy": told.remedy}
            emit({"error": record | ({"param": told.param} if told.param else {})})
        out = progress_console()
        out.print(f"[red]error[/]: {_plain(told.message)} [dim]({told.code})[/]")
        if told.remedy:
            out.print(f"  [dim]→[/] {_plain(told.remedy)}")
        raise typer.Exit(int(told.exit_code)) from None


def _plain(text: str) -> str:
    """Text of unknown origin, safe to print: no markup, no control characters."""
    shown = "".join(c if c.isprintable() or c == "\n" else "�" for c in text)
    return shown.replace("[", r"\[")


@contextmanager
def opened_services() -> Iterator[Services]:
    """The services for one command, closed at its end."""
    # Imported here so that `--help` does not load the models' libraries.
    from guarded_gen.composition.services import Services
    from guarded_gen.settings import load

    services = Services(load())
    try:
        yield services
    finally:
        services.close()
