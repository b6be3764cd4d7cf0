"""Whether a picture or clip resembles one that was refused, without keeping the picture.

A few frames are kept as PDQ hashes whose bits are shuffled and inverted by a key of the tenant's.
As many bits differ between two of them as between the hashes, so they are compared as PDQ is;
without the key they are no hashes of any picture, and none can be looked up in another's list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from guarded_gen.review.cases import Clock, now_ms
from guarded_gen.review.keyed_bits import BYTES, KeyedBits, state_of
from guarded_gen.store import Store
from guarded_gen.store.tables.review import RefusedLook
from media.hashing import MATCH_DISTANCE, MIN_QUALITY, variants
from media.limits import MediaLimits

PER_SECOND = 1.0
MOST_FRAMES = 12
"""Frames of a clip that are hashed: one a second, spread over longer clips."""


class RefusedLooks:
    """Compares pictures with those that were refused. ``secret`` is the key of the bits."""

    def __init__(self, store: Store, secret: bytes, days: float, clock: Clock = now_ms) -> None:
        self.secret = secret
        self._kept = KeyedBits(store, RefusedLook, days, clock)

    def any(self, tenant: str) -> bool:
        """Whether there is anything to compare with: without it no file need be decoded."""
        return len(self._kept.rows(tenant)) > 0

    def of(self, tenant: str, path: Path, limits: MediaLimits) -> bytes | None:
        """The bits of a file's frames, 32 bytes each; None when all of them are too plain.

        Cost: one decode of the file. Raises :class:`media.errors.MediaError`.
        """
        hashes = hashes_of(path, limits)
        return keyed(self.secret, tenant, hashes).tobytes() if len(hashes) else None

    def near(self, tenant: str, looks: bytes | None) -> bool:
        """Whether any frame is nearly one of a refusal of this tenant's that stands."""
        if looks is None:
            return False
        bits = np.frombuffer(looks, np.uint8).reshape(-1, BYTES)
        return self._kept.fewest_different(tenant, bits) <= MATCH_DISTANCE


def hashes_of(path: Path, limits: MediaLimits) -> NDArray[np.uint8]:
    """PDQ hashes of some frames of a file and of their mirror images, ``uint8 [N, 32]``."""
    from media.decode import decode

    found: list[NDArray[np.uint8]] = []
    due, step = 0.0, 1 / PER_SECOND
    for batch in decode(path, limits):
        for number, time in enumerate(batch.times.tolist()):
            if time < due:
                continue
            due = time + step
            hashes, quality = variants(batch.pixels[number])
            if quality >= MIN_QUALITY:
                found.append(hashes[:2])
            if len(found) == MOST_FRAMES:  # every second one, and half as many from here on
                found, step = found[::2], step * 2
    return np.concatenate(found) if found else np.zeros((0, BYTES), np.uint8)


def keyed(secret: bytes, tenant: str, hashes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``uint8 [N, 32]`` shuffled and inverted by the tenant's key; distances stay."""
    order, flipped = _key(secret, tenant)
    bits = np.unpackbits(hashes, axis=1)[:, order] ^ flipped
    return np.packbits(bits, axis=1)


@lru_cache(256)
def _key(secret: bytes, tenant: str) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    shake = hashlib.shake_256(secret + b"\0looks\0" + tenant.encode("utf-8", "surrogatepass"))
    stream = np.frombuffer(shake.digest(8 * 8 * BYTES + BYTES), np.uint8)
    order = np.argsort(stream[BYTES:].view(np.uint64), kind="stable")
    return order, np.unpackbits(stream[:BYTES])


def note(
    session: Session,
    decision: str,
    tenant: str,
    looks: bytes | None,
    *,
    pending: bool,
    clock: Callable[[], int] = now_ms,
) -> None:
    """Keep a refusal's frames in its transaction; ``pending`` ones wait for a person's word."""
    if looks is not None:
        session.add(
            RefusedLook(
                decision=decision, tenant=tenant, bits=looks, state=state_of(pending), at=clock()
            )
        )
