"""Waiting times for whoever keeps presenting what is wrong; bounded in memory.

A right key is always let in, so nobody can lock another one's out by guessing beside it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

FREE = 10
"""So many failures cost nothing: a client that was set up wrongly is told so."""
LONGEST_S = 60.0
FORGET_S = 900.0
_MOST = 10_000


class Backoff:
    """Failures by name (an address, the beginning of a key); each after :data:`FREE` doubles the
    wait, up to :data:`LONGEST_S` seconds; forgotten :data:`FORGET_S` after the last one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def failed(self, *names: str) -> int:
        """Count one failure for each name; gives the whole seconds to wait, 0 for none."""
        now = self._clock()
        worst = 0
        with self._lock:
            for name in names:
                count, last = self._failures.pop(name, (0, now))
                count = 1 if now - last > FORGET_S else count + 1
                self._failures[name] = count, now
                worst = max(worst, count)
            while len(self._failures) > _MOST:
                self._failures.popitem(last=False)
        return math.ceil(min(LONGEST_S, 2.0 ** min(worst - FREE - 1, 10))) if worst > FREE else 0

    def __len__(self) -> int:
        return len(self._failures)
