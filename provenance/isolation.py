"""A child process that reads hostile files, and can be lost without harm.

The child has an address-space limit, may not write files or dump core, opens no network where
the kernel lets it give up its own, and is killed when an answer is late. It is a fresh
interpreter and no fork: a forked child cannot use the C2PA library's contexts.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.errors import VerifierUnavailable

START_SECONDS = 60.0
"""A cold start imports the libraries; a busy machine may need long for that."""
LOOK_EVERY = 0.05
"""How often the processor time of a child is looked at, in seconds."""
MOST_RUNS = 500
"""A child is replaced after so many files, so that nothing a file did stays around."""
WARM_BEFORE = 50
"""So many files before its end a child's successor is started, so that no caller waits for it."""
_MOST_ANSWER_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class SandboxOutcome:
    """An answer, or the reason why there is none (``limit.time``, ``limit.memory``)."""

    answer: Mapping[str, Any] | None
    code: str = ""
    message: str = ""


class _Child:
    def __init__(self, memory_bytes: int, module: str) -> None:
        paths = os.pathsep.join(p for p in (os.getcwd(), *sys.path) if p)  # noqa: PTH109
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": paths,
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
        }
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, str(memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise VerifierUnavailable(f"the verifier's process did not start: {error}") from error
        self.runs = 0
        if self._line(START_SECONDS) != b"ready":
            self.stop()
            raise VerifierUnavailable(
                "the verifier's process did not start", "check memory and the installation"
            )

    def ask(
        self, request: Mapping[str, Any], seconds: float, cpu_seconds: float | None
    ) -> bytes | None:
        """The answer's line; ``None`` when it is late; empty when the child died."""
        self.runs += 1
        most = None if cpu_seconds is None else self._worked() + cpu_seconds
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            return b""
        return self._line(seconds, most)

    def _worked(self) -> float:
        """Processor time of the child in seconds; 0 where the system does not tell."""
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_bytes()
        except OSError:
            return 0.0
        user, system = stat.rpartition(b")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _line(self, seconds: float, most: float | None = None) -> bytes | None:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        end = time.monotonic() + seconds
        parts: list[bytes] = []
        total = 0
        while True:
            left = end - time.monotonic()
            if left <= 0 or (most is not None and self._worked() > most):
                return None
            if not select.select([descriptor], [], [], min(left, LOOK_EVERY))[0]:
                continue
            chunk = os.read(descriptor, 1 << 20)
            total += len(chunk)
            if not chunk or total > _MOST_ANSWER_BYTES:
                return b""
            parts.append(chunk)
            if chunk.endswith(b"\n"):
                return b"".join(parts)[:-1]

    def stop(self) -> None:
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.process.wait()


class Sandbox:
    """Up to ``workers`` warm children; safe to share between threads; close it when done.

    ``module`` is run in the child; it calls :func:`provenance.isolated.serve`.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        memory_bytes: int = 1024**3,
        module: str = "provenance.isolated",
    ) -> None:
        self._memory = memory_bytes
        self._module = module
        self._idle: list[_Child] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(workers)
        self._closed = False
        self._starting = False

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.stop()

    def call(
        self, request: Mapping[str, Any], seconds: float, cpu_seconds: float | None = None
    ) -> SandboxOutcome:
        """Ask one child and wait; raises :class:`VerifierUnavailable` when none can be started.

        After ``seconds``, or when it has worked for ``cpu_seconds`` of processor time, the child
        is killed: a busy machine does not fail good files, a hostile one is stopped on time.
        """
        with self._slots:
            child = self._take()
            line: bytes | None = b""
            try:
                line = child.ask(request, seconds, cpu_seconds)
            finally:
                self._give_back(child, healthy=bool(line))
        if line is None:
            told = seconds if cpu_seconds is None else min(seconds, cpu_seconds)
            return SandboxOutcome(None, "limit.time", f"no answer after {told:.1f} s")
        if not line:
            return SandboxOutcome(None, "limit.memory", "the file exhausted the verifier's memory")
        answer = json.loads(line)
        if "error" in answer:
            return SandboxOutcome(
                None, str(answer["error"]), "the file broke the verifier's process"
            )
        return SandboxOutcome(answer)

    def _take(self) -> _Child:
        with self._lock:
            if self._closed:
                raise VerifierUnavailable("the verifier is closed")
            if self._idle:
                return self._idle.pop()
        return _Child(self._memory, self._module)

    def _give_back(self, child: _Child, *, healthy: bool) -> None:
        with self._lock:
            # it serves on while its successor is being started, but not for ever
            most = 2 * MOST_RUNS if self._starting else MOST_RUNS
            if healthy and child.runs < most and not self._closed:
                # the last one is taken first: a successor waits below until its turn
                self._idle.append(child)
                ageing = child.runs >= MOST_RUNS - WARM_BEFORE and len(self._idle) == 1
                if not ageing or self._starting:
                    return
                self._starting = True
                threading.Thread(target=self._start_successor, daemon=True).start()
                return
        child.stop()

    def _start_successor(self) -> None:
        successor: _Child | None = None
        with suppress(VerifierUnavailable):  # then the next caller tries, and is told
            successor = _Child(self._memory, self._module)
        with self._lock:
            self._starting = False
            if successor is not None and not self._closed:
                self._idle.insert(0, successor)
                return
        if successor is not None:
            successor.stop()
