"""What was refused, as keyed bits: kept by tenant, compared by how many of them differ.

What the bits stand for is said where they are made: :mod:`guarded_gen.review.resemblance` for
words, :mod:`guarded_gen.review.looks` for pictures.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.review.cases import Clock, now_ms
from guarded_gen.review.strikes import DAY_MS, PENDING, REVERSED, STANDS
from guarded_gen.store import Store
from guarded_gen.store.tables.review import RefusedLook, RefusedSketch

BYTES = 32
_MOST = 5_000
"""The latest refusals of a tenant that are compared."""
_FRESH_MS = 2_000
"""How old a tenant's list in memory may be."""
_TENANTS = 256

Table = type[RefusedSketch] | type[RefusedLook]


@dataclass(frozen=True, slots=True)
class _List:
    at: int
    rows: NDArray[np.uint8]  # [N, 32]


@dataclass(frozen=True, slots=True)
class KeyedBits:
    """The refusals in one table; those count that stand and are younger than ``days``."""

    store: Store
    table: Table
    days: float
    clock: Clock = now_ms
    _lists: dict[str, _List] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fewest_different(self, tenant: str, bits: NDArray[np.uint8]) -> int:
        """The smallest number of bits in which any of ``uint8 [N, 32]`` differs from any refusal of
        this tenant; 256 when there is none."""
        rows = self.rows(tenant)
        if not len(rows) or not len(bits):
            return 8 * BYTES
        return min(int(np.bitwise_count(rows ^ one).sum(1).min()) for one in bits)

    def rows(self, tenant: str) -> NDArray[np.uint8]:
        """What is compared, ``uint8 [N, 32]``; up to two seconds old."""
        now = self.clock()
        with self._lock:
            found = self._lists.get(tenant)
        if found is not None and now - found.at < _FRESH_MS:
            return found.rows
        table = self.table
        query = (
            select(table.bits)
            .where(
                table.tenant == tenant,
                table.state == STANDS,
                table.at > now - int(self.days * DAY_MS),
            )
            .order_by(table.at.desc())
            .limit(_MOST)
        )
        with self.store.read() as session:
            data = b"".join(session.scalars(query))
        rows = np.frombuffer(data, np.uint8).reshape(-1, BYTES)
        with self._lock:
            if len(self._lists) >= _TENANTS:
                self._lists.clear()
            self._lists[tenant] = _List(now, rows)
        return rows


def settle(session: Session, decision: str, stands: bool) -> None:
    """A person's word on a refusal, or on the appeal against it; without effect on others."""
    kept = (session.get(RefusedSketch, decision), session.get(RefusedLook, decision))
    for row in kept:
        if row is not None:
            row.state = STANDS if stands else REVERSED


def state_of(pending: bool) -> str:
    """The state in which a refusal is kept; a pending one waits for a person's word."""
    return PENDING if pending else STANDS
