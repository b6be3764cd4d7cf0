"""The subjects' keys of a back-up, in a file of their own.

The copy of the database holds no key, so a sealed payload in it is noise without this one small
file. :func:`refresh` takes out of it whom an erasure deleted since: that reaches every back-up
without writing its database anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from guarded_gen.errors import InvalidInput

if TYPE_CHECKING:
    from guarded_gen.store import Store

FILE = "subject-keys.jsonl"
LEFT_OUT = ("audit_subject_key", "audit_words")
"""Tables whose rows stay out of the copy: the keys, and an index that is made again."""
SELECT = "SELECT subject, wrapped FROM audit_subject_key ORDER BY subject"


def write(path: Path, keys: Iterable[tuple[str, bytes]]) -> None:
    """Write the file, mode 0600; what it held before is overwritten first."""
    if path.exists():
        with path.open("r+b") as before:
            before.write(b"\0" * path.stat().st_size)
            before.flush()
            os.fsync(before.fileno())
    part = path.with_name(f"{path.name}.part")
    part.touch(mode=0o600)
    with part.open("w", encoding="utf-8") as file:
        for subject, wrapped in keys:
            file.write(json.dumps({"subject": subject, "wrapped": bytes(wrapped).hex()}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read(path: Path) -> list[tuple[str, bytes]]:
    """The keys of a file; raises :class:`InvalidInput` for a damaged one."""
    try:
        with path.open(encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        return [(record["subject"], bytes.fromhex(record["wrapped"])) for record in records]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path.name} of the back-up cannot be read: {error}") from error


def put_back(store: Store, folder: Path) -> None:
    """Give a restored database its keys; an older back-up has them in the database itself."""
    if not (folder / FILE).exists():
        return
    rows = [{"s": subject, "w": wrapped} for subject, wrapped in read(folder / FILE)]
    if rows:
        with store.write() as session:
            session.execute(
                text("INSERT INTO audit_subject_key (subject, wrapped) VALUES (:s, :w)"), rows
            )


def refresh(store: Store, folder: Path) -> int:
    """Take the keys out of a back-up's file that the database has no more; gives how many.

    Raises :class:`InvalidInput` for a back-up of before there was such a file.
    """
    path = folder / FILE
    if not path.exists():
        raise InvalidInput(
            f"{folder} has no {FILE}: the keys stand in its database",
            "make a new back-up and delete this one",
            "folder",
        )
    before = read(path)
    with store.read() as session:
        present = {(row[0], bytes(row[1])) for row in session.execute(text(SELECT))}
    kept = [key for key in before if key in present]
    if len(kept) < len(before):
        write(path, kept)
    return len(before) - len(kept)
