"""A back-up of database, keys, log and clips, consistent while everything goes on.

For a moment no job can change its state: in it the files are held by hard links and the
database's snapshot begins. Both are copied afterwards, so an open job is restored together with
the draft that it goes on from.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from guarded_gen.errors import ConfigInvalid, InvalidInput, StorageFailed
from guarded_gen.production.rows import now_ms
from guarded_gen.store.engine import open_store
from guarded_gen.store.migrate import revisions
from guarded_gen.upkeep import subject_keys

if TYPE_CHECKING:
    from guarded_gen.settings import Settings
    from guarded_gen.store import Store

FORMAT = 2
"""1: the subjects' keys stand in the copy of the database."""
MANIFEST = "manifest.json"
_HELD = ("media", "work")
"""Folders of the home whose files belong to rows of the database."""
_LEFT_OUT = ("high-water", "uploads", "scans")
"""Folders that are not copied: what must outlive a restore, and what is on its way in."""
_PULLED = "weights"
"""May be there before a restore: weights are the same wherever they come from."""
_LOCK_MS = 30_000
Told = Callable[[str], None]


def back_up(settings: Settings, store: Store, folder: Path, told: Told) -> dict[str, Any]:
    """Write a back-up into ``folder``, which must not exist or be empty; gives its manifest.

    Raises :class:`InvalidInput` for a folder that holds something, :class:`ConfigInvalid` when
    PostgreSQL's ``pg_dump`` is missing, :class:`StorageFailed` when something cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInput(f"{folder} is not empty", "name a new folder", "folder")
    dumps = None if store.dialect == "sqlite" else _program("pg_dump")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = settings.home / f".backup-{secrets.token_hex(4)}"
        try:
            if dumps is None:
                _sqlite(settings, held, folder / "database.sqlite", told)
            else:
                _postgres(settings, store, held, folder / "database.dump", dumps, told)
            told("copying files")
            for name in _HELD:
                if (held / name).is_dir():
                    shutil.copytree(held / name, folder / name)
        finally:
            shutil.rmtree(held, ignore_errors=True)
        for name in _alone(settings.home):
            shutil.copytree(settings.home / name, folder / name)
        told("computing checksums")
        manifest = {
            "format": FORMAT,
            "made_at": now_ms(),
            "dialect": store.dialect,
            "schema": revisions()[-1],
            "store": "included" if not settings.storage_url else "external",
            "files": {str(p.relative_to(folder)): _sha256(p) for p in _files(folder)},
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
    except OSError as error:
        raise StorageFailed(f"the back-up failed: {error}", "make room, or check rights") from error
    return manifest


def check(folder: Path) -> dict[str, Any]:
    """The manifest, when every file of the back-up is whole; raises :class:`InvalidInput`."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        files = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{folder} holds no back-up: {error}", param="folder") from error
    if (
        manifest.get("format") not in range(1, FORMAT + 1)
        or manifest.get("schema") not in revisions()
    ):
        raise InvalidInput("the back-up is of a newer version", "use that version", "folder")
    for name, digest in files.items():
        path = folder / name
        inside = path.resolve().is_relative_to(folder.resolve())
        if not inside or not path.is_file() or _sha256(path) != digest:
            raise InvalidInput(
                f"the back-up is damaged: {name[:200]}", "use another one", param="folder"
            )
    return manifest


def refresh_keys(store: Store, folder: Path) -> int:
    """Take the keys of subjects who were erased since out of a back-up; gives how many.

    Raises :class:`InvalidInput` for a folder that holds no back-up, or one of format 1.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
        gone = subject_keys.refresh(store, folder)
        manifest["files"][subject_keys.FILE] = _sha256(folder / subject_keys.FILE)
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(manifest, indent=1))
        part.replace(path)
    except OSError as error:
        raise StorageFailed(f"the keys cannot be changed: {error}", "check rights") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{folder} holds no back-up: {error}", param="folder") from error
    return gone


def restore(settings: Settings, folder: Path, told: Told) -> dict[str, Any]:
    """Put a back-up in place of an empty home and database; gives its manifest.

    The caller then accepts the rollback and erases again, before any process serves. Raises
    :class:`InvalidInput` where something would be overwritten or the back-up is damaged.
    """
    told("checking the back-up")
    manifest = check(folder)
    url = make_url(settings.sqlalchemy_url)
    dialect = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"
    if manifest["dialect"] != dialect:
        raise InvalidInput(f"the back-up is one of {manifest['dialect']}", param="folder")
    names = (*_HELD, *_alone(settings.home))
    taken = [n for n in names if n != _PULLED and _holds(settings.home / n)]
    if dialect == "sqlite" and Path(str(url.database)).exists():
        taken.append(str(url.database))
    if taken:
        raise InvalidInput(
            f"{settings.home} holds something already: {', '.join(taken)}",
            "move it away; only the folder high-water should stay, it knows later erasures",
        )
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        told("restoring the database")
        if dialect == "sqlite":
            database = Path(str(url.database))
            shutil.copyfile(folder / "database.sqlite", database)
            database.chmod(0o600)
        else:
            _run(
                [
                    _program("pg_restore"),
                    "--no-owner",
                    "--exit-on-error",
                    "-d",
                    _plain(url),
                    str(folder / "database.dump"),
                ],
                url.password,
            )
        store = open_store(settings)
        try:
            subject_keys.put_back(store, folder)
        finally:
            store.close()
        told("restoring files")
        for name in sorted(path.name for path in folder.iterdir() if path.is_dir()):
            shutil.copytree(folder / name, settings.home / name, dirs_exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"the restore failed: {error}", "make room, then again") from error
    return manifest


def _sqlite(settings: Settings, held: Path, target: Path, told: Told) -> None:
    database = str(make_url(settings.sqlalchemy_url).database)
    told("copying the database")
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as writer,
        closing(sqlite3.connect(database, isolation_level=None)) as reader,
    ):
        writer.execute(f"PRAGMA busy_timeout={_LOCK_MS}")
        try:
            writer.execute("BEGIN IMMEDIATE")
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            _hold(settings, held)
            writer.execute("ROLLBACK")
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                reader.backup(copy)  # what the reader sees since its BEGIN
                keys = copy.execute(subject_keys.SELECT).fetchall()
                copy.execute("PRAGMA journal_mode = DELETE")
                copy.execute("PRAGMA secure_delete = ON")
                for table in subject_keys.LEFT_OUT:
                    copy.execute(f"DELETE FROM {table}")  # noqa: S608 - our schema
        except sqlite3.Error as error:
            raise StorageFailed(f"the database refused: {error}", "try again later") from error
    target.chmod(0o600)
    subject_keys.write(target.parent / subject_keys.FILE, keys)


def _postgres(
    settings: Settings, store: Store, held: Path, target: Path, program: str, told: Told
) -> None:
    told("copying the database")
    with store.engine.connect() as reader:
        reader.execution_options(isolation_level="REPEATABLE READ")
        with store.engine.connect() as writer:
            writer.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MS}"))
            writer.execute(text("LOCK TABLE job IN SHARE MODE"))
            snapshot = reader.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            _hold(settings, held)
            writer.rollback()
        keys = [(row[0], row[1]) for row in reader.execute(text(subject_keys.SELECT))]
        _run(
            [
                program,
                "-Fc",
                "--no-owner",
                "--exclude-schema=dbos",
                *(f"--exclude-table-data={table}" for table in subject_keys.LEFT_OUT),
                f"--snapshot={snapshot}",
                "-f",
                str(target),
                "-d",
                _plain(make_url(settings.sqlalchemy_url)),
            ],
            make_url(settings.sqlalchemy_url).password,
        )
    target.chmod(0o600)
    subject_keys.write(target.parent / subject_keys.FILE, keys)


def _hold(settings: Settings, held: Path) -> None:
    """Hard links to the files that rows speak of: quick, and safe from being removed."""
    for name in _HELD:
        source = settings.home / name
        if source.is_dir():
            shutil.copytree(source, held / name, copy_function=_link, ignore=_parts)


def _alone(home: Path) -> list[str]:
    """Folders of the home that are copied as they are: all that nothing says otherwise of, so
    that a new one is not forgotten."""
    if not home.is_dir():
        return []
    names = (path.name for path in sorted(home.iterdir()) if path.is_dir())
    return [n for n in names if n not in (*_HELD, *_LEFT_OUT) and not n.startswith(".")]


def _link(source: str, target: str) -> str:
    # What is gone was of a job that has ended: its row was committed before the file went.
    with suppress(FileNotFoundError):
        os.link(source, target)
    return target


def _parts(folder: str, names: list[str]) -> set[str]:
    """Unfinished files of the object store."""
    return {name for name in names if name.endswith(".part")}


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ConfigInvalid(f"{name} is not installed", "install PostgreSQL's client programs")
    return found


def _plain(url: URL) -> str:
    """For libpq, which knows no drivers; the password goes another way (:func:`_run`)."""
    plain = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    )
    return plain.render_as_string(hide_password=False)


def _run(command: list[str], password: str | None) -> None:
    # Every user of the machine can read the arguments of a program, nobody else its environment.
    env = os.environ | ({"PGPASSWORD": password} if password else {})
    done = subprocess.run(command, capture_output=True, check=False, env=env)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        name = Path(command[0]).name
        raise StorageFailed(f"{name} failed: {said[-1] if said else done.returncode}")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _holds(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
