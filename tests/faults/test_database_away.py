"""PostgreSQL is restarted under load: nothing is lost and nothing happens twice."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.postgres import fresh_database, server_in
from tests.waiting import until

from .test_kills import assert_once, endpoint, site_at

pytestmark = pytest.mark.faults


def test_postgresql_restarted_under_load(tmp_path: Path) -> None:
    with (
        server_in(tmp_path / "pg") as server,
        site_at(tmp_path / "home", fresh_database(server.get_uri())) as site,
    ):
        endpoint(site)
        site.start(seconds=0.3)
        ids = site.submit(8)
        until(lambda: sum(site.jobs.book.open_counts().values()) < 8, "the first job's end")
        postmaster = psutil.Process(server.get_pid())
        postmaster.send_signal(signal.SIGQUIT)  # an immediate shutdown: a crash, in effect
        # As a child of whoever adopts orphans it may stay a zombie for a while after its end.
        until(lambda: not alive(postmaster), "the server's end")
        time.sleep(1)  # the site works on without its database for a moment
        server.ensure_postgres_running()
        until(lambda: ended(site), "the end of all jobs")
        assert_once(site, ids)


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def ended(site: object) -> bool:
    from guarded_gen.errors import StorageFailed

    try:
        return bool(site.all_ended())  # type: ignore[attr-defined]
    except StorageFailed:
        return False
