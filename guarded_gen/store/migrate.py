"""Bring a database up to the newest schema; cheap when it already is.

Alembic is imported only when there is work: its import costs more than opening the database.
A revision's id is the number that its file name begins with (``0001_…py``), so the newest one is
known without importing it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from guarded_gen.errors import ConfigInvalid

LOCATION = "guarded_gen.store:migrations"
_ADVISORY_LOCK = 0x6767_6D69
"""PostgreSQL advisory lock under which one process at a time migrates."""


@cache
def revisions() -> tuple[str, ...]:
    """The ids of all revisions, oldest first."""
    folder = files("guarded_gen.store") / "migrations" / "versions"
    names = (item.name for item in folder.iterdir() if item.name.endswith(".py"))
    return tuple(sorted(name.split("_", 1)[0] for name in names if name[0].isdigit()))


def current(connection: Connection) -> str | None:
    """The revision that the database is at, None when it is empty."""
    try:
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    except DBAPIError:
        connection.rollback()
        return None
    return None if row is None else str(row[0])


def upgrade(engine: Engine) -> None:
    """Apply what is missing; raises :class:`ConfigInvalid` for a database of a newer version."""
    newest = revisions()[-1]
    with engine.connect() as connection:
        at = current(connection)
    if at == newest:
        return
    if at is not None and at not in revisions():
        raise ConfigInvalid(
            f"the database is at schema {at}, which this version does not know",
            "run the newer version of guarded-gen that made it",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", LOCATION)
    with engine.execution_options(guarded_gen_writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
