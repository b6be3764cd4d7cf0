"""Texts of requests that arrive together are classified together.

A text alone costs the classifiers about twice what it costs in a batch. Nothing waits for
company: while one batch is being judged, the next gathers. The classifier gathers calls of
threads by itself; one thread for all of them costs a tenth less than a thread a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from guarded_gen.api.isolation import Budget

MOST = 32


class Gatherer:
    """Runs ``work`` over lists of texts in a thread, one list at a time. For one event loop."""

    def __init__(self, work: Callable[[Sequence[str]], list[Any]]) -> None:
        self._work = work
        self._budget = Budget("classifiers", 1, None)
        self._waiting: list[tuple[str, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, text: str) -> Any:
        """What ``work`` says of ``text``; raises what it raised for the batch."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                answers = await self._budget.run(self._work, [text for text, _ in batch])
            except Exception as error:  # noqa: BLE001 - handed to everyone who waits
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
