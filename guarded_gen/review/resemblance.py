"""Whether a prompt resembles one that was refused, without keeping the words.

A prompt is kept as 256 bits: each of its four-letter pieces votes, through a keyed hash, on every
bit (Charikar, "Similarity estimation techniques from rounding algorithms", 2002). Small changes
of a text change few bits. Without the key the bits say nothing, and with it they cannot be turned
back into words. Other words for the same thing are not found.
"""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from guarded_gen.review.cases import Clock, now_ms
from guarded_gen.review.strikes import DAY_MS, PENDING, REVERSED, STANDS
from guarded_gen.store import Store
from guarded_gen.store.tables.review import RefusedSketch

BYTES = 32
NEAR = 64
"""Bits that may differ of 256; see ``docs/child-safety.md`` for what that finds."""
PIECE = 4
FEWEST_PIECES = 12
"""Shorter texts have too little to compare."""
_MOST = 5_000
"""The latest refusals of a tenant that are compared."""
_FRESH_MS = 2_000
"""How old a tenant's list in memory may be."""
_TENANTS = 256


@dataclass(frozen=True, slots=True)
class _List:
    at: int
    rows: np.ndarray  # uint8 [N, 32]


@dataclass(frozen=True, slots=True)
class Resemblance:
    """Sketches prompts and compares them. ``secret`` is the key of the sketches."""

    store: Store
    secret: bytes
    days: float
    clock: Clock = now_ms
    _lists: dict[str, _List] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def sketch(self, tenant: str, text: str) -> bytes | None:
        """The 32 bytes of a text; None when it is too short. A tenant's can be compared with its
        own only."""
        return sketch(self.secret, tenant, text)

    def near(self, tenant: str, sketched: bytes | None) -> bool:
        """Whether a refusal of this tenant that stands had nearly the same words."""
        if sketched is None:
            return False
        rows = self._rows(tenant)
        if not len(rows):
            return False
        differ = np.bitwise_count(rows ^ np.frombuffer(sketched, np.uint8)).sum(1)
        return bool(differ.min() <= NEAR)

    def _rows(self, tenant: str) -> np.ndarray:
        now = self.clock()
        with self._lock:
            found = self._lists.get(tenant)
        if found is not None and now - found.at < _FRESH_MS:
            return found.rows
        query = (
            select(RefusedSketch.words)
            .where(
                RefusedSketch.tenant == tenant,
                RefusedSketch.state == STANDS,
                RefusedSketch.at > now - int(self.days * DAY_MS),
            )
            .order_by(RefusedSketch.at.desc())
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


def sketch(secret: bytes, tenant: str, text: str) -> bytes | None:
    """See :meth:`Resemblance.sketch`."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = " ".join("".join(c if c.isalnum() else " " for c in plain).split())
    pieces = {plain[n : n + PIECE] for n in range(len(plain) - PIECE + 1)}
    if len(pieces) < FEWEST_PIECES:
        return None
    key = hashlib.blake2b(tenant.encode("utf-8", "surrogatepass"), key=secret, digest_size=32)
    keyed = key.digest()
    hashed = b"".join(
        hashlib.blake2b(piece.encode("utf-8", "surrogatepass"), key=keyed, digest_size=32).digest()
        for piece in pieces
    )
    bits = np.unpackbits(np.frombuffer(hashed, np.uint8).reshape(-1, BYTES), axis=1)
    return np.packbits(bits.sum(0, dtype=np.int64) * 2 > len(pieces)).tobytes()


def note(
    session: Session,
    decision: str,
    tenant: str,
    words: bytes | None,
    *,
    pending: bool,
    clock: Callable[[], int] = now_ms,
) -> None:
    """Keep a refusal's sketch in its transaction; a ``pending`` one waits for a person's word."""
    if words is None:
        return
    state = PENDING if pending else STANDS
    session.add(
        RefusedSketch(decision=decision, tenant=tenant, words=words, state=state, at=clock())
    )


def settle(session: Session, decision: str, stands: bool) -> None:
    """A person's word on the refusal, or on the appeal against it; without effect on others."""
    kept = session.get(RefusedSketch, decision)
    if kept is not None:
        kept.state = STANDS if stands else REVERSED
