"""``guarded-gen doctor``: what is wrong with this installation, and the remedy."""

from __future__ import annotations

from rich.markup import escape

from guarded_gen.cli.common import Json, console, emit, errors_to_user, progress_console, stop
from guarded_gen.errors import Exit

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(json: Json = False) -> None:
    """Look at home, disk, database, store, keys, certificate, weights, GPU and more.

    Changes nothing. Exit codes: 0 nothing failed (warnings may stand), 1 something failed.
    """
    with errors_to_user(json):
        from guarded_gen.composition.services import Services
        from guarded_gen.settings import load
        from guarded_gen.upkeep.doctor import HealthState, examine

        services = Services(load())
        try:
            with progress_console().status("looking") as status:
                found = examine(services, lambda name: status.update(f"looking at {name}"))
        finally:
            services.close()
        failed = any(one.state is HealthState.FAIL for one in found)
        if json:
            emit({"healthy": not failed, "findings": [one.to_json() for one in found]})
        else:
            out = console()
            for one in found:
                colour = _COLOURS[one.state]
                out.print(f"[{colour}]{one.state:<5}[/]{one.check:<12} {escape(one.said)}")
                if one.remedy:
                    out.print(f"{'':<17} [dim]→[/] {escape(one.remedy)}")
        if failed:
            stop(Exit.FAILED)
