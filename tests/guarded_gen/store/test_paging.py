"""Pages behind a row: all rows once, in order, whatever their times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from guarded_gen.settings import load
from guarded_gen.store import Store, open_store
from guarded_gen.store.paging import page_of
from guarded_gen.store.tables.jobs import StoredFile


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("paging")
    made = open_store(load(home=folder))
    yield made
    made.close()


@given(
    times=st.lists(st.integers(0, 3), max_size=12),
    limit=st.integers(1, 5),
    ascending=st.booleans(),
)
def test_pages_hold_every_row_once_in_order(
    store: Store, times: list[int], limit: int, ascending: bool
) -> None:
    rows = [
        {
            "id": f"file_{number}", "tenant": "t", "filename": "n", "purpose": "user_data",
            "bytes": 0, "storage_key": "k", "created_at": at,
        }
        for number, at in enumerate(times)
    ]  # fmt: skip
    with store.write() as session:
        session.execute(delete(StoredFile))
        session.add_all(StoredFile(**row) for row in rows)
    seen: list[str] = []
    after, more = None, True
    with store.read() as session:
        while more:
            found, more = page_of(
                session, select(StoredFile), StoredFile,
                after=after, limit=limit, ascending=ascending,
            )  # fmt: skip
            assert len(found) <= limit
            seen += [row.id for row in found]
            after = found[-1] if found else None
    order = sorted(rows, key=lambda row: (row["created_at"], row["id"]), reverse=not ascending)
    assert seen == [row["id"] for row in order]
