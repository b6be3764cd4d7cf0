"""What every judge shares: verdicts, time-outs, and loading weights that cannot run code."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from classifiers.errors import ClassifierError, UnsafeWeightsFormat, WeightsMissing
from media.hashing import sha256_file
from policies.decision import Signal

T = TypeVar("T")
_REVISION = re.compile(r"^[0-9a-f]{40}$")


class JudgeFailed(ClassifierError):
    """A judge gave no usable verdict. ``code`` is the reason that the signal carries."""

    code = "judge_failed"

    def __init__(self, message: str, code: str = "judge_failed") -> None:
        super().__init__(message, "the prompt is held for review; look at the judge")
        self.code = code


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """``unsafe`` in [0, 1], and the degrees of the categories that the judge named."""

    unsafe: float
    categories: Mapping[str, float] = field(default_factory=dict)


class JudgeBase:
    """A prompt classifier around one ``verdicts`` method that may fail or hang.

    ``timeout`` is in seconds for one call of :meth:`classify`. A call that times out goes on in
    its thread until it ends by itself; until then further calls end as ``judge_busy``.
    """

    name = "judge"
    categories: tuple[str, ...] = ("unsafe",)
    weights: tuple[str, ...] = ()

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._busy = threading.Semaphore(1)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=self.name)

    def verdicts(self, prompts: Sequence[str]) -> list[JudgeVerdict]:
        """One verdict a prompt; raises :class:`JudgeFailed` or anything else."""
        raise NotImplementedError

    def classify(self, prompts: Sequence[str]) -> list[tuple[Signal, ...]]:
        """Signals for every prompt; ``failed`` for all of them when the judge fails."""
        if not prompts:
            return []
        try:
            found = self._within(lambda: self.verdicts(prompts))
            if len(found) != len(prompts):
                raise JudgeFailed("wrong number of verdicts", "judge_answer")
        except ClassifierError as error:
            return [self._failed(error.code)] * len(prompts)
        except Exception as error:  # noqa: BLE001
            # a judge is a foreign program: whatever it raises, the gate hears "failed"
            return [self._failed(f"error: {type(error).__name__}")] * len(prompts)
        return [self._signals(verdict) for verdict in found]

    def _within(self, work: Callable[[], T]) -> T:
        if not self._busy.acquire(blocking=False):
            raise JudgeFailed("the last call still runs", "judge_busy")

        def run() -> T:
            try:
                return work()
            finally:
                self._busy.release()

        try:
            return self._pool.submit(run).result(self._timeout)
        except FutureTimeout:
            raise JudgeFailed(f"no verdict within {self._timeout} s", "timeout") from None

    def _signals(self, verdict: JudgeVerdict) -> tuple[Signal, ...]:
        digest = self.weights[0] if self.weights else None
        named = {"unsafe": verdict.unsafe, **verdict.categories}
        return tuple(
            Signal.ran(self.name, category, min(max(score, 0.0), 1.0), weights=digest)
            for category, score in named.items()
        )

    def _failed(self, reason: str) -> tuple[Signal, ...]:
        return (Signal.failed(self.name, "unsafe", reason),)


def check_model(model: str, revision: str | None) -> tuple[str, str]:
    """``(path or hub id, digest of the weights or the revision)``; loads nothing.

    A local folder must hold safetensors and no other weights format; a hub id needs the full
    commit as revision, or what runs tomorrow is not what was tried today. Raises
    :class:`WeightsMissing` or :class:`UnsafeWeightsFormat`.
    """
    folder = Path(model)
    if not folder.is_dir():
        if revision is None or not _REVISION.match(revision):
            raise WeightsMissing(
                f"{model}: is no folder, and no revision is given",
                "give a local folder, or a hub id with its 40-digit commit",
            )
        return model, hashlib.sha256(f"{model}@{revision}".encode()).hexdigest()
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        found = any(folder.glob("*.bin")) or any(folder.glob("*.pt"))
        if found:
            raise UnsafeWeightsFormat(
                f"{model}: holds pickled weights only", "convert them to safetensors"
            )
        raise WeightsMissing(f"{model}: holds no safetensors", "fetch the model again")
    sums = "".join(sha256_file(file) for file in files)
    return model, hashlib.sha256(sums.encode()).hexdigest()
