"""Waiting for jobs without holding a thread: one query for all who wait."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import select

from guarded_gen.api.isolation import Budget
from guarded_gen.api.problems import Problem
from guarded_gen.errors import StorageFailed
from guarded_gen.store import Store
from guarded_gen.store.tables.jobs import OPEN, Job

EVERY_S = 0.1
_AT_ONCE = 500
_log = logging.getLogger("guarded_gen.api")


class Endings:
    """Tells when jobs have ended, or are held for a person. For one event loop."""

    def __init__(self, store: Store, answer_within_s: float) -> None:
        self._store = store
        self._budget = Budget("endings", 1, answer_within_s)
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._watching: asyncio.Task[None] | None = None

    async def wait(self, job_id: str, timeout_s: float) -> bool:
        """Return when the job has ended or is held; False when the time is up before."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, []).append(future)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return False
        finally:
            left = [f for f in self._waiting.pop(job_id, []) if f is not future]
            if left:
                self._waiting[job_id] = left
        return True

    async def _watch(self) -> None:
        while self._waiting:
            try:
                done = await self._budget.run(self._done, list(self._waiting))
            except (StorageFailed, Problem):
                _log.warning("waiting for the database", extra={"event": "endings_failed"})
                done = []
            for job_id in done:
                for future in self._waiting.get(job_id, []):
                    if not future.done():
                        future.set_result(None)
            await asyncio.sleep(EVERY_S)

    def _done(self, ids: list[str]) -> list[str]:
        found: list[str] = []
        with self._store.read() as session:
            for at in range(0, len(ids), _AT_ONCE):
                part = ids[at : at + _AT_ONCE]
                rows = session.execute(
                    select(Job.id, Job.status, Job.review).where(Job.id.in_(part))
                )
                seen = {id: status not in OPEN or held == "pending" for id, status, held in rows}
                found += [id for id in part if seen.get(id, True)]
        return found
