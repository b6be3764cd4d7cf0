"""A PostgreSQL server of this test session's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import fresh_database, running


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server's database ``postgres``."""
    with running(lambda: tmp_path_factory.mktemp("pg")) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of a fresh database."""
    return fresh_database(postgres_server)
