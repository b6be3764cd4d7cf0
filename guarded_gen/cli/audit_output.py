"""What the audit commands share: opening the log, times, lines, progress."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from guarded_gen.cli.common import progress_console

if TYPE_CHECKING:
    from guarded_gen.audit import AuditLog, LogEntry
    from guarded_gen.settings import Settings


@contextmanager
def opened_log(*, rolled_back: bool = False) -> Iterator[tuple[AuditLog, Settings]]:
    """The log of this home for one command, without loading anything else.

    ``rolled_back``: open it also when the database is older than what was seen before.
    """
    from guarded_gen.audit import AuditLog
    from guarded_gen.audit.witness_policy import WitnessPolicy
    from guarded_gen.settings import load
    from guarded_gen.store import open_store

    settings = load()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_store(settings)
    try:
        log = AuditLog.open(
            store,
            settings.keys_folder,
            settings.audit.origin,
            settings.high_water_folder,
            rolled_back=rolled_back,
            witness_policy=WitnessPolicy.read(settings.audit.witness_policy),
        )
        try:
            yield log, settings
        finally:
            log.close()
    finally:
        store.close()


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; gives ``update(done, total)``."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=progress_console(), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def counter(what: str) -> Iterator[Callable[[int], None]]:
    """A count on standard error; gives ``update(done)``."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} {task.description}"))
    with Progress(*columns, console=progress_console(), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done: progress.update(task, completed=done)


def entry_line(entry: LogEntry) -> str:
    """One entry in one line."""
    from guarded_gen.audit.ids import iso

    rule = (entry.decision or {}).get("rule_id") or ""
    line = (
        f"{entry.index:>8}  {iso(entry.time)}  {entry.kind:<18} {entry.action or '-':<7}"
        f" {entry.tenant:<12} {entry.id}  {rule}"
    )
    return printable(line.rstrip())


def shown(value: Any) -> str:
    """A value of an entry for people."""
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return printable(str(value))


def printable(text: str) -> str:
    """Text of unknown origin without control characters."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def parse_time(text: str | None) -> int | None:
    """Milliseconds since 1970 of an RFC 3339 time; raises ``InvalidInput``."""
    from guarded_gen.audit.ids import from_iso
    from guarded_gen.errors import InvalidInput

    if text is None:
        return None
    try:
        return from_iso(text)
    except ValueError as error:
        raise InvalidInput(f"no time: {text!r}", "write it like 2026-11-21T09:30:00Z") from error


def operator() -> str:
    """Who sits at the command line, as the log names him."""
    try:
        return f"cli:{getpass.getuser()}"[:128]
    except (KeyError, OSError):
        return "cli"
