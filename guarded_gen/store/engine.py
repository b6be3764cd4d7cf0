"""Engines and sessions, tuned so that what was committed is on the disk."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.orm import Session

from guarded_gen.errors import ConfigInvalid, StorageFailed
from guarded_gen.store import migrate
from guarded_gen.store.scrubbing import empty_wal, rewrite

if TYPE_CHECKING:
    from guarded_gen.settings import Settings

WRITES = "guarded_gen_writes"
"""Execution option: this connection's transactions take SQLite's write lock when they begin."""

SQLITE_BUSY_MS = 30_000
SQLITE_CACHE_KIB = 65_536
SQLITE_PAGE_BYTES = 8_192
"""For new databases: entries of the log have about 1 KiB, and fewer, larger pages commit faster."""
SQLITE_WAL_PAGES = 2_000
"""Checkpoint the WAL every 16 MiB: rarer checkpoints are fewer, longer pauses."""
POSTGRES_SILENT_MS = 10_000
"""A writer that falls silent for so long inside a transaction (stopped, frozen, cut off) loses
it: the locks that it holds would hold up every other process."""


class Store:
    """One open database.

    Any number of threads may use it; a SQLite file may be open in several processes at once.
    ``writers``: the connections of writing transactions, where they differ from the readers'.
    """

    def __init__(self, engine: Engine, writers: Engine | None = None) -> None:
        self.engine = engine
        self._writers = (writers or engine).execution_options(**{WRITES: True})

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot of the database; what it changed is rolled back."""
        with _translated(), Session(self.engine, expire_on_commit=False) as session:
            try:
                yield session
            finally:
                session.expunge_all()  # what was read stays readable after the rollback
                session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed at the end, or not at all after an error.

        A change that a promise depends on belongs in ``AuditLog.write`` instead, where it
        shares one transaction with its entry in the log.
        """
        with (
            _translated(),
            Session(self._writers, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def connect(self) -> Connection:
        """A connection for one writer's own use (the audit log's)."""
        with _translated():
            return self._writers.connect()

    def scrub(self, tables: Sequence[str], xid: int | None = None) -> str | None:
        """Take what was deleted from these tables out of the database's files.

        Gives None when the bytes are gone, else what still holds them; then try again later.
        See :mod:`guarded_gen.store.scrubbing`. Backups are the operator's.
        """
        # No such command may run inside a transaction, which SQLAlchemy would begin.
        with _translated():
            pooled = self.engine.raw_connection()
            try:
                driver: Any = pooled.driver_connection
                if self.dialect == "sqlite":
                    return empty_wal(driver, SQLITE_BUSY_MS)
                return rewrite(driver, tables, xid)
            finally:
                pooled.close()

    def close(self) -> None:
        self.engine.dispose()
        self._writers.dispose()


def open_store(settings: Settings) -> Store:
    """Open the database of these settings and migrate it to the newest schema.

    Raises :class:`ConfigInvalid` for a URL that no driver understands or a database of a newer
    version, :class:`StorageFailed` when the database cannot be reached or written.
    """
    url = _url(settings)
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        private_file(Path(str(url.database)))
    engine = _engine(url)
    try:
        with _translated():
            migrate.upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    if url.get_backend_name() == "sqlite":
        return Store(engine)
    from guarded_gen.store.bounded import bound

    engine.dispose()  # a migration may take longer than anything else
    engine = _postgres(url)
    # A reader holds nobody up, and one that streams may rest as long as its client does.
    writers = _postgres(url, silent_options())
    for bounded in (engine, writers):
        bound(bounded, settings.database_timeout_s)
    return Store(engine, writers)


def private_file(path: Path) -> None:
    """Make an empty file for a SQLite database, and its folder, that nobody else may read; what is
    there stays as it is. SQLite gives the files beside it the same rights."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StorageFailed(f"cannot make the database: {error}", "check GUARDED_GEN_HOME") from (
            error
        )


def reading_engine(settings: Settings, within_s: float) -> Engine:
    """The database as it is, for looking only: nothing is made or migrated."""
    url = _url(settings)
    engine = _engine(url)
    if url.get_backend_name() != "sqlite":
        from guarded_gen.store.bounded import bound

        bound(engine, within_s)
    return engine


def silent_options() -> str:
    """PostgreSQL's options of a connection that writes, see :data:`POSTGRES_SILENT_MS`."""
    return f"-c idle_in_transaction_session_timeout={POSTGRES_SILENT_MS}"


def _url(settings: Settings) -> URL:
    try:
        url = make_url(settings.sqlalchemy_url)
    except ArgumentError as error:
        raise ConfigInvalid(f"database_url: {error}", "write a SQLAlchemy URL") from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigInvalid(
            f"database_url: {url.drivername} is not supported", "use sqlite or postgresql"
        )
    return url


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, pool_size=8, max_overflow=24)
            event.listen(engine, "connect", _tune_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        return _postgres(url)
    except ModuleNotFoundError:
        raise  # told with the extra that has it
    except (NoSuchModuleError, ImportError) as error:
        raise ConfigInvalid(f"database_url: {error}", "use sqlite or postgresql") from error


def _postgres(url: URL, options: str = "") -> Engine:
    if options:
        given = url.query.get("options", "")
        given = given if isinstance(given, str) else " ".join(given)
        url = url.update_query_dict({"options": f"{given} {options}".strip()})
    # The connection that was used last has its statements prepared: a fifth off each request.
    return create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
    )


def _tune_sqlite(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # transactions are ours to begin, see _begin_sqlite
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={SQLITE_BUSY_MS}",
        f"page_size={SQLITE_PAGE_BYTES}",  # before the WAL: ignored where a database exists
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{SQLITE_CACHE_KIB}",
        f"wal_autocheckpoint={SQLITE_WAL_PAGES}",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later cannot wait for the lock: SQLite
    # answers "busy" at once. So writers take the lock at the beginning.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the driver's "cannot reach, cannot write" into :class:`StorageFailed`."""
    try:
        yield
    except DBAPIError as error:
        # DatabaseError itself, not a subclass: sqlite3's "file is not a database". PostgreSQL
        # ends a silent session with an InternalError.
        refused = isinstance(error, OperationalError) or type(error) is DatabaseError
        if refused or error.connection_invalidated:
            raise storage_failed(error) from error
        raise


def storage_failed(error: DBAPIError) -> StorageFailed:
    """The typed error of a database that refuses."""
    reason = str(error.orig).strip().splitlines()
    return StorageFailed(
        f"the database refused: {reason[0] if reason else type(error).__name__}",
        "check the database's path or URL, its rights and the free space",
    )
