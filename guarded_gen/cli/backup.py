"""``guarded-gen backup`` and ``restore``: database, keys, log and clips, while jobs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from guarded_gen.cli.audit_output import opened_log, operator
from guarded_gen.cli.common import Json, console, emit, errors_to_user, progress_console

if TYPE_CHECKING:
    from guarded_gen.audit import AuditLog

Folder = Annotated[Path, typer.Argument(file_okay=False, help="Folder of the back-up.")]


def _told(step: str) -> None:
    progress_console().print(f"[dim]{step} …[/]")


def backup(
    folder: Folder,
    refresh_keys: Annotated[
        bool,
        typer.Option(
            "--refresh-keys",
            help="Only take the keys of erased subjects out of this back-up that exists.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Write a back-up into a new folder; the service may go on meanwhile.

    It holds secrets: keep it like the keys folder. Clips in an object store are not copied.
    """
    with errors_to_user(json):
        from guarded_gen.settings import load
        from guarded_gen.store import open_store
        from guarded_gen.upkeep.backup import back_up
        from guarded_gen.upkeep.backup import refresh_keys as refresh

        settings = load()
        store = open_store(settings)
        try:
            if refresh_keys:
                gone = refresh(store, folder)
                if json:
                    emit({"folder": str(folder), "keys_removed": gone})
                else:
                    console().print(f"{gone:,} keys taken out of {folder}", markup=False)
                return
            manifest = back_up(settings, store, folder, _told)
        finally:
            store.close()
        count, outside = len(manifest["files"]), manifest["store"] == "external"
        if json:
            emit({"folder": str(folder), "files": count, "store": manifest["store"]})
            return
        console().print(f"{count:,} files in {folder}", markup=False)
        if outside:
            console().print("clips lie in an object store: back it up by its own means, now")


def restore(
    folder: Folder,
    reason: Annotated[str, typer.Option(help="Why; this goes on record.")] = "restored a back-up",
    json: Json = False,
) -> None:
    """Put a back-up into an empty home, and do every erasure again that it does not know of.

    Keep the folder ``high-water`` of the old home in place: it knows later erasures.
    """
    with errors_to_user(json):
        from guarded_gen.audit.erasure import erase_again
        from guarded_gen.settings import load
        from guarded_gen.upkeep.backup import restore as put_back

        put_back(load(), folder, _told)
        with opened_log(rolled_back=True) as (log, _):
            entry = None
            if log.high_water is not None and _older(log):
                entry = log.accept_rollback(operator(), reason)
            again = erase_again(log, operator())
        if json:
            emit({"folder": str(folder), "entry": entry, "erased_again": again})
            return
        console().print(f"restored; {again:,} erasures were done again")
        console().print("now: guarded-gen audit verify, then start the service")


def _older(log: AuditLog) -> bool:
    assert log.high_water is not None
    with log.reading() as connection:
        return log.high_water.problem(connection, log.ring.fresh()) is not None
