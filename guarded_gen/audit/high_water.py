"""What is kept outside the database, so that an old copy of the database is noticed.

A database that was rolled back to an earlier state verifies as whole: everything in it was signed.
Two small files that do not go back with it tell the difference:

``checkpoint``  the newest signed checkpoint that a process of this home has seen
``erased``      one line for each erasure: the entry's id and the subject's pseudonym, so that an
                erasure is done again after a back-up from before it was restored

Keep the folder on another disk than the database, and out of the database's back-ups.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from guarded_gen.audit.errors import BadNote, BadProof, LogCorrupt
from guarded_gen.audit.findings import LogProblem
from guarded_gen.audit.integrate import Snapshot, read_snapshot, read_tree
from guarded_gen.audit.keys import LogKeys, replace_file
from guarded_gen.audit.merkle import EMPTY_ROOT
from guarded_gen.audit.note import Checkpoint
from guarded_gen.audit.proof import Prover
from guarded_gen.audit.tiles import tile_reader
from guarded_gen.errors import StorageFailed

CHECKPOINT = "checkpoint"
ERASED = "erased"


@dataclass(frozen=True, slots=True)
class ErasedSubject:
    """An erasure that was recorded as ``entry``."""

    entry: str
    pseudonym: str


class HighWater:
    """The two files of one log. Any process of the home may raise the mark."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mark(self, keys: LogKeys) -> Checkpoint | None:
        """The highest checkpoint seen; None before the first. Raises :class:`BadNote` when the
        file is damaged or of another log."""
        path = self._folder / CHECKPOINT
        if not path.exists():
            return None
        return keys.open_own(path.read_bytes())

    def problem(self, connection: Connection, keys: LogKeys) -> LogProblem | None:
        """What is wrong with the database, seen from the mark; None when it only grew."""
        where = "high-water mark"
        try:
            mark = self.mark(keys)
        except BadNote as error:
            return LogProblem("checkpoint", where, str(error))
        if mark is None:
            return None
        size = 0 if read_tree(connection) is None else read_snapshot(connection).size
        if size < mark.size:
            return LogProblem(
                "checkpoint", where, f"the log once had {mark.size} entries, now it has {size}"
            )
        try:
            root = _root(connection, mark.size)
        except (BadProof, LogCorrupt) as error:
            return LogProblem("checkpoint", where, str(error))
        if root != mark.root:
            return LogProblem(
                "checkpoint",
                where,
                f"the first {mark.size} entries are not those that were signed then",
            )
        return None

    def raise_to(self, snapshot: Snapshot, keys: LogKeys, *, lower: bool = False) -> None:
        """Keep this checkpoint when it is above the mark. ``lower``: also when it is below it."""
        path = self._folder / CHECKPOINT
        if not lower:
            try:
                mark = self.mark(keys)
            except BadNote:
                return  # for the check to tell, not for us to overwrite
            if mark is not None and mark.size >= snapshot.size:
                return
        replace_file(path, snapshot.note.encode(), 0o600)

    def erased(self) -> list[ErasedSubject]:
        """Every erasure that was put down here, oldest first."""
        path = self._folder / ERASED
        if not path.exists():
            return []
        lines = (line.split(" ") for line in path.read_text("utf-8").splitlines())
        return [ErasedSubject(*line) for line in lines if len(line) == 2]

    def note_erasure(self, erased: ErasedSubject) -> None:
        """Put an erasure down, durably. Raises :class:`StorageFailed`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(
                self._folder / ERASED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode=0o600
            )
            with os.fdopen(handle, "a", encoding="utf-8") as file:
                file.write(f"{erased.entry} {erased.pseudonym}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed(
                f"cannot write below {self._folder}: {error.strerror}",
                "check the folder of audit.high_water_folder; the erasure itself is done",
            ) from error


def _root(connection: Connection, size: int) -> bytes:
    if size == 0:
        return EMPTY_ROOT
    snapshot = read_snapshot(connection)
    return Prover(tile_reader(connection, snapshot)).root(size)
