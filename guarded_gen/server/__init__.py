"""The programs: HTTP API and console in one application, workers, and the command line whole.

The only room above API, console and command line, which know nothing of each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guarded_gen.cli import app
from guarded_gen.cli import main as run_command
from guarded_gen.server import seed, serve

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["app", "create_app", "main"]

for command in (serve.serve, serve.worker, seed.seed_demo):
    app.command()(command)


def create_app(*args: Any, **options: Any) -> FastAPI:
    """The API and the console over a :class:`~guarded_gen.composition.services.Services`.

    :func:`guarded_gen.server.application.create_app`, loaded when called: a command that serves
    nothing does not wait for it.
    """
    from guarded_gen.server.application import create_app

    return create_app(*args, **options)


def main() -> None:
    """The entry point of ``guarded-gen``."""
    run_command()
