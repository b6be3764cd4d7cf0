"""``guarded-gen audit erase|prune|publish|repair``: what is kept, and what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from guarded_gen.cli.audit_output import opened_log, operator, progress_bar
from guarded_gen.cli.common import Json, console, emit, errors_to_user, stop
from guarded_gen.errors import Exit


def erase(
    subject: Annotated[str, typer.Option(help="Whose payloads to erase.")],
    reason: Annotated[str, typer.Option(help="Why; this goes on record.")],
    tenant: Annotated[str, typer.Option(help="The subject's tenant.")] = "default",
    json: Json = False,
) -> None:
    """Erase everything that the log keeps sealed about a subject. The tree does not change.

    Exit code 4 when the bytes are still in the database's files, because something holds them.
    """
    with errors_to_user(json), opened_log() as (log, _):
        from guarded_gen.audit.erasure import erase as erase_

        done = erase_(log, subject, tenant, operator(), reason)
        if json:
            emit(done.to_json())
            stop(Exit.DONE if done.pending is None else Exit.HELD)
        out = console()
        out.print(f"{done.payloads:,} payloads and the key are deleted; recorded as {done.entry}")
        out.print(f"{done.rows:,} rows of jobs and cases have lost their words and the name")
        out.print(f"root of size {done.size:,} before {done.root_before}", markup=False)
        out.print(f"root of size {done.size:,} after  {done.root_after}", markup=False)
        if done.pending is None:
            out.print("nothing of them is left in the database's files")
            return
        out.print(f"pending: {done.pending}; their bytes are still in the files", markup=False)
        out.print("the service tries again by itself, or: guarded-gen audit erasures")
        stop(Exit.HELD)


def erasures(json: Json = False) -> None:
    """Finish pending erasures, and list those that something still holds (exit code 4)."""
    with errors_to_user(json), opened_log() as (log, _):
        from guarded_gen.audit.erasure import complete_erasures

        left = complete_erasures(log)
        if json:
            emit({"pending": [erasure.to_json() for erasure in left]})
        else:
            for erasure in left:
                console().print(f"pending: {erasure.entry}: {erasure.holder}", markup=False)
            if not left:
                console().print("no erasure is pending")
        stop(Exit.HELD if left else Exit.DONE)


def accept_rollback(
    reason: Annotated[str, typer.Option(help="Why the database is older; this goes on record.")],
    json: Json = False,
) -> None:
    """After a restore that was meant: go on from the older database, and erase again."""
    with errors_to_user(json), opened_log(rolled_back=True) as (log, _):
        from guarded_gen.audit.erasure import erase_again

        entry = log.accept_rollback(operator(), reason)
        again = erase_again(log, operator())
        if json:
            emit({"entry": entry, "erased_again": again})
            return
        console().print(f"recorded as {entry}; {again:,} erasures were done again", markup=False)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    json: Json = False,
) -> None:
    """Delete payloads and entries whose time is over by the settings of ``[audit]``."""
    with errors_to_user(json), opened_log() as (log, settings):
        from guarded_gen.audit.erasure import prune as prune_

        kept = settings.audit
        done = prune_(log, kept.keep_entries, kept.keep_payloads, operator(), dry_run=dry_run)
        if json:
            emit(done.to_json())
            return
        verb = "deleted" if done.done else "would delete"
        console().print(
            f"{verb} {done.payloads:,} payloads and {done.entries:,} entries;"
            f" minimum index {done.minimum:,}",
            markup=False,
        )


def publish(
    out: Annotated[Path, typer.Argument(file_okay=False, help="Folder to write into.")],
    json: Json = False,
) -> None:
    """Write the log as static tlog-tiles files that any web server can serve."""
    with errors_to_user(json), opened_log() as (log, _):
        from guarded_gen.audit.tiles import export_folder

        with progress_bar("writing") as update, log.reading() as connection:
            files = export_folder(connection, out, update, log.witness_policy)
        vkey = log.keys.signer.verifier.vkey
        if json:
            emit({"folder": str(out), "files": files, "verifier_key": vkey})
            return
        console().print(f"{files:,} files in {out}\nverifier key {vkey}", markup=False)


def repair(json: Json = False) -> None:
    """Make damaged tiles again from the entries; refuses when these do not give the signed root."""
    with errors_to_user(json), opened_log() as (log, _):
        count = log.rebuild_tiles()
        if json:
            emit({"rebuilt": count})
        else:
            console().print(f"{count:,} tiles rebuilt", markup=False)


def rotate_key(
    finish: Annotated[
        bool, typer.Option("--finish", help="End the overlap: the old key signs no more.")
    ] = False,
    json: Json = False,
) -> None:
    """Give the log a new signing key: it signs beside the old one until --finish."""
    with errors_to_user(json), opened_log() as (log, settings):
        from guarded_gen.audit import rotate

        step = rotate.finish if finish else rotate.begin
        signer = step(log, settings.keys_folder, operator())
        present = log.ring.fresh().signer.verifier.vkey
        if json:
            emit({"verifier_key": signer.verifier.vkey, "present": present, "finished": finish})
            return
        out = console()
        out.print(f"verifier key {signer.verifier.vkey}", markup=False)
        if finish:
            out.print("it signs alone now; back up the keys folder")
        else:
            out.print("it signs beside the old key now; publish it, let witnesses and auditors")
            out.print("take it over, then run: guarded-gen audit rotate-key --finish")


def register(app: typer.Typer) -> None:
    for command in (erase, erasures, prune, publish, repair):
        app.command()(command)
    app.command("accept-rollback")(accept_rollback)
    app.command("rotate-key")(rotate_key)
