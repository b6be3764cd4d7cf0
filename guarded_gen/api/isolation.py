"""What can hang or takes long has threads, time and a circuit breaker of its own.

A call to the database, the object store or another service that never answers must not take the
threads in which every other request is served, and no tenant's calls those of another. Past its
time the caller gets an answer, and after some such calls in a row the next ones are refused at
once until a single trial succeeds again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio

from guarded_gen.api.problems import Problem

T = TypeVar("T")

FAILURES = 3
"""So many calls in a row that ran out of time open the circuit."""
COOL_S = 5.0
"""How long an open circuit refuses before it lets one call try."""

tenant_var: ContextVar[str] = ContextVar("tenant", default="")
"""Whose call this is: tenants take turns."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one tenant may have of a budget: threads at a time, and calls that wait for one."""

    threads: int
    waiting: int


class Budget:
    """Threads and seconds for the calls to one dependency, or of one kind.

    Tenants take turns where threads are scarce. A thread that hangs counts until it ends, so a
    dependency that hangs never takes more than ``threads``. For one event loop. ``timeout_s``
    None: as long as it takes; for work whose own parts have bounds.
    """

    def __init__(
        self, name: str, threads: int, timeout_s: float | None, share: Share | None = None
    ) -> None:
        self._name = name
        self._threads = threads
        self._timeout_s = timeout_s
        self._share = share or Share(threads, 1_000)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._failed = 0
        self._closed_until = 0.0
        self._trying = False

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """``work(*args)`` in a thread.

        Raises :class:`Problem`: 503 when it takes too long, 429 when its tenant has too much
        waiting already.
        """
        trial = self._failed >= FAILURES
        if trial and (self._trying or time.monotonic() < self._closed_until):
            raise self._unavailable()
        end = None if self._timeout_s is None else time.monotonic() + self._timeout_s
        if trial:
            self._trying = True
        try:
            tenant = tenant_var.get()
            await self._turn(tenant, end)
            result: T = await self._executed(tenant, end, work, *args)
        finally:
            if trial:
                self._trying = False
        return result

    async def stream(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The parts of an iterator, each within this budget."""
        while (part := await self.run(next, parts, None)) is not None:
            yield part

    async def _executed(
        self, tenant: str, end: float | None, work: Callable[..., T], *args: Any
    ) -> T:
        loop = asyncio.get_running_loop()
        running: Future[T] = self._pool.submit(copy_context().run, work, *args)

        def ended(_: Future[T]) -> None:
            try:
                loop.call_soon_threadsafe(self._release, tenant)
            except RuntimeError:  # the loop was closed while the thread hung
                return

        running.add_done_callback(ended)
        answer = asyncio.wrap_future(running)
        done, _ = await asyncio.wait({answer}, timeout=_left(end))
        if not done:
            answer.add_done_callback(_forgotten)
            self._late()
            raise self._unavailable()
        self._failed = 0  # an error of its own is an answer, too
        return answer.result()

    def _late(self) -> None:
        self._failed += 1
        self._closed_until = time.monotonic() + COOL_S
        if self._failed >= FAILURES:  # whoever waits for a thread would wait in vain
            for queue in self._waiting.values():
                for mine in queue:
                    mine.set_exception(self._unavailable())
            self._waiting.clear()

    # turns

    async def _turn(self, tenant: str, end: float | None) -> None:
        """Wait for a thread; whoever got one must give it back with :meth:`_release`."""
        if self._free(tenant):
            self._running[tenant] += 1
            return
        queue = self._waiting.setdefault(tenant, deque())
        if len(queue) >= self._share.waiting:
            raise Problem(
                429,
                "too_many_at_once",
                f"{len(queue)} calls of this tenant are waiting already",
                remedy="send fewer at a time; wait as long as retry-after says",
                headers={"retry-after": "1"},
            )
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            done, _ = await asyncio.wait({mine}, timeout=_left(end))
        except BaseException:
            self._leave(tenant, mine)
            raise
        if not done:
            self._leave(tenant, mine)
            raise self._unavailable()
        mine.result()

    def _free(self, tenant: str) -> bool:
        return self._running.total() < self._threads and self._running[tenant] < self._share.threads

    def _leave(self, tenant: str, mine: asyncio.Future[None]) -> None:
        """Give up waiting; a thread that was given in this very moment goes on to the next."""
        if mine.done():
            if mine.exception() is None:
                self._release(tenant)
            return
        queue = self._waiting[tenant]
        queue.remove(mine)
        if not queue:
            del self._waiting[tenant]

    def _release(self, tenant: str) -> None:
        self._running[tenant] -= 1
        if not self._running[tenant]:
            del self._running[tenant]
        for name in list(self._waiting):
            if not self._free(name):
                continue
            queue = self._waiting[name]
            self._running[name] += 1
            queue.popleft().set_result(None)
            if queue:
                self._waiting.move_to_end(name)
            else:
                del self._waiting[name]
            return

    def _unavailable(self) -> Problem:
        return Problem(
            503,
            f"{self._name}_unavailable",
            f"the {self._name} does not answer in time",
            remedy="try again later",
            headers={"retry-after": str(int(COOL_S))},
        )


def _left(end: float | None) -> float | None:
    return None if end is None else max(0.0, end - time.monotonic())


def _forgotten(answer: asyncio.Future[Any]) -> None:
    """Nobody waits for this any more: its error is no news."""
    if not answer.cancelled():
        answer.exception()


class Readiness:
    """Runs named checks side by side, each in a thread of its own, and never waits long.

    A check that hangs is ``timeout`` and keeps its one thread until it ends. Those named in
    ``told`` are told and no more: without them the service still serves.
    """

    def __init__(
        self,
        checks: Mapping[str, Callable[[], object]],
        within_s: float,
        told: Collection[str] = (),
    ) -> None:
        self._checks = checks
        self._within_s = within_s
        self._told = told
        self._running: dict[str, tuple[threading.Thread, list[str]]] = {}

    async def report(self) -> dict[str, str]:
        """Each check's name with ``ok``, an error's code, or ``timeout``."""
        asked = {name: self._begun(name, check) for name, check in self._checks.items()}
        end = time.monotonic() + self._within_s
        while time.monotonic() < end and not all(asked.values()):
            await anyio.sleep(0.005)
        return {name: found[0] if found else "timeout" for name, found in asked.items()}

    def good(self, report: Mapping[str, str]) -> bool:
        """Whether all is well that must be."""
        return all(found == "ok" for name, found in report.items() if name not in self._told)

    def _begun(self, name: str, check: Callable[[], object]) -> list[str]:
        """Where the result of the check's present run will stand."""
        if name in self._running and self._running[name][0].is_alive():
            return self._running[name][1]
        found: list[str] = []

        def run() -> None:
            try:
                check()
                found.append("ok")
            except Exception as error:  # noqa: BLE001 - the answer is the report
                found.append(str(getattr(error, "code", type(error).__name__)))

        thread = threading.Thread(target=run, name=f"ready-{name}", daemon=True)
        self._running[name] = thread, found
        thread.start()
        return found
