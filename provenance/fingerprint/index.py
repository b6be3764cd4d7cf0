"""Nearest binary codes, exactly or fast."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PART_BITS = 16


class CodeIndex:
    """Nearest binary codes by Hamming distance.

    Exact compares every code. Approximate (``fast=True``) hashes each 16-bit part of a code
    (multi-index hashing, Norouzi 2012) and looks at parts that differ in at most one bit: it
    finds every code within ``sure`` bits of the query, and most of those a little beyond.
    Codes are ``uint8 [N, bits / 8]``, ``bits`` a multiple of 16. Not for sharing between threads.
    """

    def __init__(self, bits: int, *, fast: bool = False) -> None:
        import faiss

        parts = bits // PART_BITS
        self.bits = bits
        self.sure = 2 * parts - 1 if fast else bits
        self._index: Any = faiss.IndexBinaryFlat(bits)
        if fast:
            self._index = faiss.IndexBinaryMultiHash(bits, parts, PART_BITS)
            self._index.nflip = 1

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, codes: NDArray[np.uint8]) -> None:
        """Append codes; they are numbered from 0 in the order of adding."""
        self._index.add(np.ascontiguousarray(codes))

    def nearest(
        self, queries: NDArray[np.uint8], most: int = 1
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(distances in bits, numbers), each ``[Q, most]``, nearest first.

        The number is -1 where there is none."""
        distances, numbers = self._index.search(np.ascontiguousarray(queries), most)
        return np.asarray(distances, dtype=np.int32), np.asarray(numbers, dtype=np.int64)
