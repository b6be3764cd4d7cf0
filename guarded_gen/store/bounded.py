"""A connection to PostgreSQL that is never waited for without end.

A server that is stopped or cut off without a word answers nothing and closes nothing: its
clients would wait for good, and no setting of the server can help them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout
from sqlalchemy import Engine, event

CONNECT_S = 10


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up, and closes, when one statement has no answer within ``bound_s`` seconds.

    ``bound_s`` None: waits as long as it takes, for statements that rewrite tables.
    """

    bound_s: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None or self.bound_s is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.bound_s)
        except _WaitTimeout as error:
            self.close()
            raise psycopg.OperationalError(f"no answer within {self.bound_s:g} seconds") from error

    def notifies(self, **more: Any) -> Iterator[psycopg.Notify]:  # type: ignore[override]
        """Waiting for news is no silence."""
        self.bound_s = None
        return super().notifies(**more)


def bound(engine: Engine, seconds: float) -> None:
    """Let every connection of this engine give up after so much silence."""

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, record: Any, args: Any, options: dict[str, Any]) -> Any:
        opened = BoundedConnection.connect(*args, **{"connect_timeout": CONNECT_S, **options})
        opened.bound_s = seconds
        return opened
