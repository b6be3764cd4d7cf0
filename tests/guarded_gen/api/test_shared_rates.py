"""Rates that several processes share, on a real PostgreSQL server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guarded_gen.api.ratelimit import SharedRateLimiter
from guarded_gen.settings import Settings
from guarded_gen.store import Store, open_store
from tests.postgres import fresh_database
from tests.waiting import until


@pytest.fixture(scope="module")
def stores(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    """Two stores on one database, as two processes have them."""
    home: Path = tmp_path_factory.mktemp("rates")
    settings = Settings(home=home, database_url=fresh_database(postgres_server))
    stores = [open_store(settings) for _ in range(2)]
    yield stores
    for store in stores:
        store.close()


def test_two_processes_share_one_bucket(stores: list[Store]) -> None:
    limiters = [SharedRateLimiter(store) for store in stores]
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda n: limiters[n % 2].spend("key", 20), range(40)))
    allowed = sum(verdict.allowed for verdict in verdicts)
    back = (time.monotonic() - began) / 3  # a token comes back every three seconds
    assert 20 <= allowed <= 21 + back
    refused = next(verdict for verdict in verdicts if not verdict.allowed)
    assert int(refused.headers()["retry-after"]) >= 1
    assert limiters[0].spend("another", 20).allowed, "every name has its own"


def test_the_bucket_refills(stores: list[Store]) -> None:
    first, second = (SharedRateLimiter(store) for store in stores)
    assert first.spend("fast", 60).remaining == 59
    while second.spend("fast", 60).allowed:
        pass
    until(lambda: first.spend("fast", 60).allowed, "a token")
