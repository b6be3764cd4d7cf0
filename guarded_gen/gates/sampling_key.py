"""The secret behind the sampling phase: made once for a home, kept with its keys."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from guarded_gen.errors import StorageFailed

NAME = "sampling.key"
_BYTES = 32


def sampling_secret(folder: Path) -> str:
    """64 hexadecimal digits, the same for every process of a home.

    Raises :class:`StorageFailed` when the key can be neither read nor made.
    """
    path = folder / NAME
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(path)
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageFailed(f"cannot read or make {path}", "check its rights") from error
    if len(text) != 2 * _BYTES:
        raise StorageFailed(f"{path} is no key", "restore it from a backup, or remove it")
    return text


def _make(path: Path) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_hex(_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            # Of several processes that start at once, the first one's key is everybody's.
            os.link(part, path)
        except FileExistsError:
            return
    finally:
        part.unlink(missing_ok=True)
