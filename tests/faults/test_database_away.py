"""PostgreSQL is restarted under load: nothing is lost and nothing happens twice."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from guarded_gen import settings as config
from guarded_gen.audit import AuditLog, Event
from guarded_gen.errors import StorageFailed
from guarded_gen.store import open_store
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


def test_a_write_that_a_crash_took_back_is_told(tmp_path: Path) -> None:
    """Its own commit is not flushed; the round after the restart finds nothing of it."""
    with server_in(tmp_path / "pg") as server:
        url = fresh_database(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            connection.execute("SELECT pg_reload_conf()")
        settings = config.load(home=tmp_path / "home", database_url=url)
        store = open_store(settings)
        log = AuditLog.open(store, settings.keys_folder)
        kept = log.append(Event(kind="test.kept", tenant="t"))
        sequencer = log._sequencer
        assert sequencer is not None
        wait = sequencer.wait

        def crash(entry: str) -> None:
            postmaster = psutil.Process(server.get_pid())
            postmaster.send_signal(signal.SIGQUIT)
            until(lambda: not alive(postmaster), "the server's end")
            server.ensure_postgres_running()
            wait(entry)

        sequencer.wait = crash  # type: ignore[method-assign]
        with pytest.raises(StorageFailed, match="lost this transaction"):
            log.append(Event(kind="test.lost", tenant="t"))
        sequencer.wait = wait  # type: ignore[method-assign]
        again = log.append(Event(kind="test.again", tenant="t"))
        assert [entry.id for entry in log.entries()][::-1] == [kept, again]
        assert log.verify().ok
        log.close()
        store.close()


def ended(site: object) -> bool:
    from guarded_gen.errors import StorageFailed

    try:
        return bool(site.all_ended())  # type: ignore[attr-defined]
    except StorageFailed:
        return False
