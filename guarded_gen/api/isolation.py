"""What can hang has threads, time and a circuit breaker of its own.

A call to the object store or another service that never answers must not take the threads in
which every other request is served. Past its time the caller gets an answer, and after some such
calls in a row the next ones are refused at once until a single trial succeeds again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import anyio

from guarded_gen.api.problems import Problem

T = TypeVar("T")

FAILURES = 3
"""So many calls in a row that ran out of time open the circuit."""
COOL_S = 10.0
"""How long an open circuit refuses before it lets one call try."""


class Budget:
    """Threads and seconds for the calls to one dependency."""

    def __init__(self, name: str, threads: int, timeout_s: float) -> None:
        self._name = name
        self._threads = threads
        self._timeout_s = timeout_s
        self._limiter: anyio.CapacityLimiter | None = None
        self._failed = 0
        self._closed_until = 0.0
        self._trying = False

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """``work(*args)`` in a thread; raises :class:`Problem` (503) when it takes too long."""
        trial = self._failed >= FAILURES
        if trial and (self._trying or time.monotonic() < self._closed_until):
            raise self._unavailable()
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._threads)
        self._trying = trial
        try:
            with anyio.fail_after(self._timeout_s):
                result: T = await anyio.to_thread.run_sync(
                    partial(work, *args), abandon_on_cancel=True, limiter=self._limiter
                )
        except TimeoutError as error:
            self._failed += 1
            self._closed_until = time.monotonic() + COOL_S
            raise self._unavailable() from error
        finally:
            self._trying = False
        self._failed = 0
        return result

    async def stream(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The parts of an iterator, each within this budget."""
        while (part := await self.run(next, parts, None)) is not None:
            yield part

    def _unavailable(self) -> Problem:
        return Problem(
            503,
            f"{self._name}_unavailable",
            f"the {self._name} does not answer in time",
            remedy="try again later",
            headers={"retry-after": str(int(COOL_S))},
        )


class Readiness:
    """Runs named checks side by side, each in a thread of its own, and never waits long.

    A check that hangs is ``timeout`` and keeps its one thread until it ends.
    """

    def __init__(self, checks: Mapping[str, Callable[[], object]], within_s: float) -> None:
        self._checks = checks
        self._within_s = within_s
        self._running: dict[str, tuple[threading.Thread, list[str]]] = {}

    async def report(self) -> dict[str, str]:
        """Each check's name with ``ok``, an error's code, or ``timeout``."""
        asked = {name: self._begun(name, check) for name, check in self._checks.items()}
        end = time.monotonic() + self._within_s
        while time.monotonic() < end and not all(asked.values()):
            await anyio.sleep(0.005)
        return {name: found[0] if found else "timeout" for name, found in asked.items()}

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
