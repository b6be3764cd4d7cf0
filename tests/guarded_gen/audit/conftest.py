"""Logs on real databases: a SQLite file, and a PostgreSQL server of this test session's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from guarded_gen.audit import AuditLog
from guarded_gen.settings import Settings
from guarded_gen.store import open_store

OpenLog = Callable[..., AuditLog]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Empty for SQLite below the home, else a fresh PostgreSQL database."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[OpenLog]:
    """Open a log; all are closed at the end of the test."""
    opened: list[AuditLog] = []

    def open_(url: str = "", home: Path = tmp_path, origin: str = "example.com/log") -> AuditLog:
        settings = Settings(home=home, database_url=url)
        log = AuditLog.open(open_store(settings), settings.keys_folder, origin)
        opened.append(log)
        return log

    yield open_
    for log in opened:
        log.close()
        log.store.close()


@pytest.fixture
def log(open_log: OpenLog) -> AuditLog:
    """A log on SQLite."""
    return open_log()


@pytest.fixture
def any_log(open_log: OpenLog, database_url: str) -> AuditLog:
    """A log on each database in turn."""
    return open_log(database_url)
