"""What wakes a worker that has nothing to do: a commit in the queue's database.

DBOS asks the database for work several times a second, whether there is any or not. Here its
threads sleep as long as nothing changes, and ask as often as before for :data:`LINGER_S` seconds
after a change. On PostgreSQL a trigger notifies (``LISTEN``); on SQLite ``PRAGMA data_version``
tells without reading a page that somebody committed. Whatever is missed is found by a look every
:data:`IDLE_S` seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from dbos import _dbos

_log = logging.getLogger(__name__)
LINGER_S = 2.0
IDLE_S = 5.0
_CHANNEL = "guarded_gen_work"
_RING = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = 'guarded_gen_ring') THEN
        CREATE OR REPLACE FUNCTION dbos.guarded_gen_ring() RETURNS trigger LANGUAGE plpgsql AS
        $ring$ BEGIN NOTIFY guarded_gen_work; RETURN NULL; END $ring$;
        CREATE TRIGGER guarded_gen_ring AFTER INSERT OR UPDATE OF status
        ON dbos.workflow_status FOR EACH ROW WHEN (NEW.status = 'ENQUEUED')
        EXECUTE FUNCTION dbos.guarded_gen_ring();
    END IF;
EXCEPTION WHEN duplicate_object OR duplicate_function OR unique_violation THEN NULL;
END $$
"""


def hang(engine: sa.Engine) -> None:
    """Make the trigger that rings, on PostgreSQL; elsewhere nothing is needed."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql(_RING)


class Bell:
    """Rings when the queue's database changes; :meth:`start` begins to listen.

    ``look_s``: how often SQLite is asked for a change.
    """

    def __init__(self, engine: sa.Engine, look_s: float) -> None:
        self._engine = engine
        self._look_s = look_s
        self._changed = threading.Condition()
        self._busy_until = time.monotonic() + LINGER_S
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="bell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        """Wake whoever sleeps; for a while nobody sleeps."""
        with self._changed:
            self._busy_until = time.monotonic() + LINGER_S
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody sleeps from now on."""
        self._closed.set()
        self.ring()

    def busy(self) -> bool:
        return self._closed.is_set() or time.monotonic() < self._busy_until

    def sleep(self, seconds: float) -> None:
        """Until it rings, at most so long."""
        with self._changed:
            self._changed.wait_for(self.busy, seconds)

    def _listen(self) -> None:
        listen = self._notified if self._engine.dialect.name == "postgresql" else self._counted
        while not self._closed.is_set():
            try:
                listen()
            except Exception as error:  # noqa: BLE001 - the database may come back
                _log.debug("the bell is deaf", exc_info=error)
                self.ring()  # while nothing can be heard, look
                self._closed.wait(1.0)

    def _counted(self) -> None:
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            known = None
            while not self._closed.wait(self._look_s):
                cursor.execute("PRAGMA data_version")
                version = cursor.fetchone()
                if version != known:
                    known = version
                    self.ring()
        finally:
            connection.close()

    def _notified(self) -> None:
        connection = self._engine.raw_connection()
        driver: Any = connection.driver_connection  # a detached connection names none
        connection.detach()
        try:
            driver.rollback()
            driver.autocommit = True
            driver.execute(f"LISTEN {_CHANNEL}")
            self.ring()  # for what came before somebody listened
            while not self._closed.is_set():
                for _ in driver.notifies(timeout=1.0):
                    self.ring()
        finally:
            with suppress(Exception):
                driver.close()


class _SleepingEvent:
    """DBOS's signal to stop, whose waiting lasts as long as there is nothing to do."""

    def __init__(self, stop: threading.Event, bell: Bell) -> None:
        self._stop = stop
        self._bell = bell

    def is_set(self) -> bool:
        return self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None or self._bell.busy():
            return self._stop.wait(timeout)
        self._bell.sleep(max(timeout, IDLE_S))
        return self._stop.is_set()


def patient(bell: Bell) -> Callable[[], None]:
    """Let the queues' threads that DBOS starts from now on wait for the bell.

    Returns what undoes it. DBOS has no setting for this.
    """
    starts: Any = _dbos
    plain = starts.queue_thread

    def queue_thread(stop: threading.Event, dbos: Any) -> None:
        plain(_SleepingEvent(stop, bell), dbos)

    starts.queue_thread = queue_thread

    def undo() -> None:
        starts.queue_thread = plain

    return undo
