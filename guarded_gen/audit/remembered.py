"""The newest checkpoint of every other log that was seen here, as a witness or by watching."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from guarded_gen.audit.alerts import Alert
from guarded_gen.audit.ids import now_ms
from guarded_gen.audit.note import Checkpoint, Note, Verifier, open_note
from guarded_gen.audit.storage_types import as_bytes


@dataclass(frozen=True, slots=True)
class Remembered:
    """A log's newest checkpoint that we saw: its note, and when, in milliseconds since 1970."""

    size: int
    root: bytes
    note: str
    seen: int


def recall(connection: Connection, origin: str) -> Remembered | None:
    """The newest checkpoint of a log; None for one that was never seen."""
    row = connection.execute(
        text("SELECT size, root, note, seen FROM audit_witnessed WHERE origin = :o"), {"o": origin}
    ).first()
    if row is None:
        return None
    return Remembered(row[0], as_bytes(row[1], f"audit_witnessed {origin}"), row[2], row[3])


def remember(connection: Connection, head: Checkpoint, note: str) -> None:
    """Keep a checkpoint as the newest of its log, seen now."""
    values = {
        "o": head.origin,
        "size": head.size,
        "root": head.root,
        "note": note,
        "seen": now_ms(),
    }
    connection.execute(
        text(
            "INSERT INTO audit_witnessed (origin, size, root, note, seen)"
            " VALUES (:o, :size, :root, :note, :seen) ON CONFLICT (origin) DO UPDATE SET"
            " size = excluded.size, root = excluded.root, note = excluded.note,"
            " seen = excluded.seen"
        ),
        values,
    )


def fork(head: Checkpoint, before: str, now: str) -> Alert:
    """The alert for a checkpoint that contradicts the one before, with both notes."""
    return Alert(
        "fork",
        head.origin,
        f"a signed checkpoint of size {head.size} does not continue the one that we saw before",
        (before, now),
    )


def of_log(note: str, log: Verifier) -> str:
    """The note with the signatures of its log alone: others may be any number of anybody's.
    Raises :class:`BadNote` when the log did not sign it."""
    opened, _ = open_note(note, [log])
    ours = tuple(line for line in opened.signatures if log.matches(line))
    return Note(opened.text, ours).encode()
