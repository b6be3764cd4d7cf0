"""Whether a prompt resembles one that was refused, without keeping the words.

A prompt is kept as 256 bits: each of its four-letter pieces votes, through a keyed hash, on every
bit (Charikar, "Similarity estimation techniques from rounding algorithms", 2002). Small changes
of a text change few bits. Without the key the bits say nothing, and with it they cannot be turned
back into words. Other words for the same thing are not found.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable

import numpy as np
from sqlalchemy.orm import Session

from guarded_gen.review.cases import Clock, now_ms
from guarded_gen.review.keyed_bits import BYTES, KeyedBits, state_of
from guarded_gen.store import Store
from guarded_gen.store.tables.review import RefusedSketch

NEAR = 64
"""Bits that may differ of 256; see ``docs/child-safety.md`` for what that finds."""
PIECE = 4
FEWEST_PIECES = 12
"""Shorter texts have too little to compare."""


class Resemblance:
    """Sketches prompts and compares them. ``secret`` is the key of the sketches."""

    def __init__(self, store: Store, secret: bytes, days: float, clock: Clock = now_ms) -> None:
        self.secret = secret
        self.clock = clock
        self._kept = KeyedBits(store, RefusedSketch, days, clock)

    def sketch(self, tenant: str, text: str) -> bytes | None:
        """The 32 bytes of a text; None when it is too short. A tenant's can be compared with its
        own only."""
        return sketch(self.secret, tenant, text)

    def near(self, tenant: str, sketched: bytes | None) -> bool:
        """Whether a refusal of this tenant that stands had nearly the same words."""
        if sketched is None:
            return False
        bits = np.frombuffer(sketched, np.uint8).reshape(1, BYTES)
        return self._kept.fewest_different(tenant, bits) <= NEAR


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
    if words is not None:
        session.add(
            RefusedSketch(
                decision=decision, tenant=tenant, bits=words, state=state_of(pending), at=clock()
            )
        )
