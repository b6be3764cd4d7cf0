from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import running


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real PostgreSQL server of this test run."""
    with running(lambda: tmp_path_factory.mktemp("pg")) as url:
        yield url
