"""Requests that arrive together are judged together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from classifiers.base import PromptClassifier
from classifiers.prompt.explain import WordEffect
from classifiers.prompt.rewrite import Explains, Suggestion
from policies.decision import Signal

WAIT_S = 0.002
"""How long the first of several callers waits for the others, in seconds."""
MAX_BATCH = 256
Signals = tuple[Signal, ...]


class BatchingClassifier:
    """Joins concurrent calls of ``classify`` into one call of the classifier inside.

    A caller who is alone is served at once; only when another call is under way do callers
    gather, for at most :data:`WAIT_S` or until :data:`MAX_BATCH` prompts wait. Errors of the
    inner classifier reach every caller of the batch. Thread-safe; starts no thread.
    """

    def __init__(self, inner: PromptClassifier) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._running = threading.Lock()
        self._waiting: list[tuple[Sequence[str], Future[list[Signals]]]] = []

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def categories(self) -> tuple[str, ...]:
        return self._inner.categories

    @property
    def weights(self) -> tuple[str, ...]:
        return self._inner.weights

    def explain(self, prompt: str, category: str = "unsafe") -> list[WordEffect]:
        """As the classifier inside; nothing where it cannot explain."""
        if isinstance(self._inner, Explains):
            return self._inner.explain(prompt, category)
        return []

    def suggest(self, prompt: str, passes: Callable[[str], bool]) -> Suggestion | None:
        """As the classifier inside; None where it cannot."""
        if isinstance(self._inner, Explains):
            return self._inner.suggest(prompt, passes)
        return None

    def classify(self, prompts: Sequence[str]) -> list[Signals]:
        """As :class:`classifiers.base.PromptClassifier`."""
        mine: Future[list[Signals]] = Future()
        with self._lock:
            self._waiting.append((prompts, mine))
            crowd = len(self._waiting) > 1 or self._running.locked()
        if crowd:
            time.sleep(WAIT_S)
        while not mine.done():
            with self._running:
                if not mine.done():
                    self._serve()
        return mine.result()

    def _serve(self) -> None:
        with self._lock:
            taken: list[tuple[Sequence[str], Future[list[Signals]]]] = []
            size = 0
            while self._waiting and (not taken or size + len(self._waiting[0][0]) <= MAX_BATCH):
                one = self._waiting.pop(0)
                taken.append(one)
                size += len(one[0])
        try:
            answers = self._inner.classify([text for texts, _ in taken for text in texts])
        except Exception as error:  # noqa: BLE001  (handed to every caller)
            for _, waiter in taken:
                waiter.set_exception(error)
            return
        start = 0
        for texts, waiter in taken:
            waiter.set_result(answers[start : start + len(texts)])
            start += len(texts)
