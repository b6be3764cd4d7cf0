"""Ids that sort by the time of their making, and the clock behind them."""

from __future__ import annotations

import os
import re
import threading
import time
from datetime import UTC, datetime
from functools import lru_cache

ID = re.compile(r"[a-z]{2,8}_[0-9a-f]{32}")


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def iso(ms: int) -> str:
    """RFC 3339 with milliseconds, in UTC."""
    return f"{_iso_second(ms // 1000)}.{ms % 1000:03d}Z"


@lru_cache(maxsize=64)
def _iso_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def from_iso(text: str) -> int:
    """The inverse of :func:`iso`; takes any RFC 3339 time. Raises ``ValueError``."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


_DRAWN = 512


class Ids:
    """Makes ids ``<prefix>_<32 hex digits>``: 48 bits of milliseconds, 16 bits of a counter that
    keeps one maker's ids in order, 64 random bits. They rise even when the clock goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._chance: list[str] = []
        self._process = 0

    def new(self, prefix: str, ms: int) -> tuple[str, int]:
        """An id made at ``ms``, and the milliseconds that it carries: later ones when ids of
        that time or a later one were already given."""
        with self._lock:
            last = self._last = max(self._last + 1, ms << 16)
            if not self._chance or self._process != os.getpid():
                # drawn many at once: a system call for each would cost more than all the rest
                self._process = os.getpid()
                block = os.urandom(8 * _DRAWN).hex()
                self._chance = [block[at : at + 16] for at in range(0, len(block), 16)]
            chance = self._chance.pop()
        return f"{prefix}_{last:016x}{chance}", last >> 16


def time_of(id: str) -> int:
    """The milliseconds that an id carries; ``ValueError`` for anything else."""
    if not ID.fullmatch(id):
        raise ValueError(f"no id: {id[:60]!r}")
    return int(id.partition("_")[2][:16], 16) >> 16
