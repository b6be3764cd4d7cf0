"""Rate limits per key: a bucket that refills steadily.

On SQLite it is kept in the one process that serves. On PostgreSQL it stands in the database, so
that any number of processes share it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import text

if TYPE_CHECKING:
    from guarded_gen.store import Store

_MOST_BUCKETS = 50_000


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """``remaining`` requests may follow at once; ``reset_s`` until the bucket is full again."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float

    def headers(self) -> dict[str, str]:
        """IETF ``RateLimit`` fields (draft 10) and the ``x-ratelimit-*`` that SDKs know."""
        reset = math.ceil(self.reset_s)
        headers = {
            "ratelimit-policy": f'"default";q={self.limit};w=60',
            "ratelimit": f'"default";r={self.remaining};t={reset}',
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": f"{self.reset_s:.3f}s",
        }
        if not self.allowed:
            headers["retry-after"] = str(max(1, math.ceil(self.retry_after_s)))
        return headers


class Limiter(Protocol):
    """Takes tokens from buckets by name."""

    def spend(self, name: str, per_minute: int) -> RateVerdict: ...


class SharedRateLimiter:
    """Token buckets in PostgreSQL, one statement a request, by the database's clock.

    Cost: about half a millisecond; the table is not logged, so nothing waits for the disk.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def spend(self, name: str, per_minute: int) -> RateVerdict:
        """Take one token from the bucket ``name``; raises :class:`StorageFailed`."""
        with self._store.write() as session:
            tokens, allowed = session.execute(
                _SPEND, {"name": name[:200], "most": float(per_minute), "rate": per_minute / 60}
            ).one()
        return _verdict(allowed, per_minute, tokens)


_REFILLED = "least(:most, b.tokens + greatest(0, excluded.at - b.at) * :rate)"
_SPEND = text(
    "INSERT INTO rate_bucket AS b (name, tokens, at, allowed)"  # noqa: S608
    " VALUES (:name, :most - 1, extract(epoch FROM clock_timestamp()), true)"
    " ON CONFLICT (name) DO UPDATE SET at = greatest(b.at, excluded.at),"
    f" allowed = {_REFILLED} >= 1,"
    f" tokens = {_REFILLED} - CASE WHEN {_REFILLED} >= 1 THEN 1 ELSE 0 END"
    " RETURNING tokens, allowed"
)


def _verdict(allowed: bool, per_minute: int, tokens: float) -> RateVerdict:
    rate = per_minute / 60
    return RateVerdict(
        allowed, per_minute, int(tokens), (per_minute - tokens) / rate, (1 - tokens) / rate
    )


class RateLimiter:
    """Token buckets by name: ``per_minute`` tokens at most, refilled evenly."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, name: str, per_minute: int, now: float | None = None) -> RateVerdict:
        """Take one token from the bucket ``name``."""
        now = time.monotonic() if now is None else now
        rate = per_minute / 60
        with self._lock:
            tokens, seen = self._buckets.get(name, (float(per_minute), now))
            tokens = min(float(per_minute), tokens + (now - seen) * rate)
            allowed = tokens >= 1
            if allowed:
                tokens -= 1
            self._buckets[name] = (tokens, now)
            self._buckets.move_to_end(name)
            while len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        return _verdict(allowed, per_minute, tokens)
