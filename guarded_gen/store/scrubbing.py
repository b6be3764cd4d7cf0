"""Getting deleted rows out of the files, and saying so only when they are.

SQLite overwrites deleted rows where ``secure_delete`` was on, but copies of their pages stay in the
write-ahead log until a checkpoint empties it, which a reader with an old snapshot prevents. The
pragma reports that in its result and raises nothing (https://sqlite.org/pragma.html#pragma_wal_checkpoint).

PostgreSQL keeps deleted rows as long as any snapshot may see them, and a plain VACUUM leaves their
bytes in the freed space of the page. VACUUM FULL writes the table to a new file. What the server's
own write-ahead log, replicas and archives still hold is the operator's to erase.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

PATIENCE_MS = 2_000
"""How long a scrub waits for readers: writers wait as long as it does."""
REWRITE_BYTES = 2**30
"""Larger tables are not written anew, since nobody could write meanwhile. The subjects' keys stand
in a small table, and without its key a sealed payload is noise."""
KEYS = "audit_subject_key"

_HOLDERS = """
SELECT 'session ' || pid || ' (' || coalesce(nullif(application_name, ''), 'unnamed') || ')'
  FROM pg_stat_activity
 WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() AND age(backend_xmin) >= age(%(x)s::xid)
UNION ALL
SELECT 'replication slot ' || slot_name FROM pg_replication_slots
 WHERE xmin IS NOT NULL AND age(xmin) >= age(%(x)s::xid)
UNION ALL
SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts
 WHERE age(transaction) >= age(%(x)s::xid)
"""


def transaction_id(connection: Connection) -> int | None:
    """The id of the running transaction on PostgreSQL; None on SQLite, which has none."""
    if connection.dialect.name == "sqlite":
        return None
    found = connection.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one()
    return int(found)


def empty_wal(driver: sqlite3.Connection, busy_ms: int) -> str | None:
    """Copy SQLite's write-ahead log back and cut it to nothing; None, or what prevents it."""
    driver.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
    try:
        busy, frames, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) and "busy" not in str(error):
            raise
        busy, frames = 1, 0
    finally:
        driver.execute(f"PRAGMA busy_timeout={busy_ms}")
    if busy or frames > 0:
        return "a reader or writer holds the database's write-ahead log"
    return None


def rewrite(driver: Any, tables: Sequence[str], xid: int | None) -> str | None:
    """Write PostgreSQL's tables anew without their dead rows; None, or what prevents it.

    ``xid``: the transaction that deleted the rows. Its rows stay as long as a snapshot from before
    its end is in use.
    """
    from psycopg import errors

    driver.rollback()
    driver.autocommit = True
    bound, driver.bound_s = driver.bound_s, None
    try:
        if xid is not None:
            low = str(xid & 0xFFFF_FFFF)
            holders = [row[0] for row in driver.execute(_HOLDERS, {"x": low}).fetchall()]
            if holders:
                return f"an old snapshot is in use: {', '.join(holders[:3])}"
        driver.execute(f"SET lock_timeout = {PATIENCE_MS}")
        try:
            for table in tables:
                size = driver.execute(
                    "SELECT pg_total_relation_size(%s::regclass)", (table,)
                ).fetchone()[0]
                full = "FULL " if table == KEYS or size <= REWRITE_BYTES else ""
                driver.execute(f"VACUUM {full}{table}")
        except (errors.LockNotAvailable, errors.QueryCanceled):
            return "a transaction holds the table"
        finally:
            driver.execute("RESET lock_timeout")
        return None
    finally:
        driver.autocommit = False
        driver.bound_s = bound
