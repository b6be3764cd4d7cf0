"""What SQLite stored, beside what the schema says: its columns take a value of any type.

A row whose bytes became text compares as different in some places and stops a reader in others,
so the check of the log looks at the types first and names what is wrong.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Integer, LargeBinary, text

from guarded_gen.audit.errors import VERIFY_LOG, LogCorrupt
from guarded_gen.store.tables.base import Base

MOST_OF_A_COLUMN = 10
_AUDIT = "audit_"


def as_bytes(value: Any, where: str) -> bytes:
    """The bytes of a binary column; :class:`LogCorrupt` where something else is stored."""
    if isinstance(value, (bytes, memoryview, bytearray)):
        return bytes(value)
    raise LogCorrupt(
        f"{where} holds {type(value).__name__} where bytes belong",
        VERIFY_LOG,
    )


def raw(value: Any) -> bytes:
    """The same, whatever is stored: for a check that names the wrong type by itself."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return value if isinstance(value, bytes) else bytes(str(value), "ascii", "replace")


def wrong_types(connection: Connection) -> Iterator[tuple[str, str, str, str]]:
    """``(table, row, column, type)`` of what has another type than its column."""
    if connection.dialect.name != "sqlite":
        return  # PostgreSQL refuses such a value
    for name, table in sorted(Base.metadata.tables.items()):
        if not name.startswith(_AUDIT):
            continue
        keys = ", ".join(column.name for column in table.primary_key)
        for column in table.columns:
            wanted = "text"
            if isinstance(column.type, LargeBinary):
                wanted = "blob"
            elif isinstance(column.type, Integer):
                wanted = "integer"
            allowed = f"('{wanted}', 'null')" if column.nullable else f"('{wanted}')"
            rows = connection.execute(
                text(
                    f"SELECT typeof({column.name}), {keys} FROM {name}"  # noqa: S608 - our schema
                    f" WHERE typeof({column.name}) NOT IN {allowed} LIMIT {MOST_OF_A_COLUMN}"
                )
            )
            for found, *key in rows:
                yield name, " ".join(str(part) for part in key), column.name, found


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """Let SQLite give text that is no UTF-8 instead of stopping at it."""
    driver: Any = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        yield
        return
    before = driver.text_factory
    driver.text_factory = lambda value: value.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before
