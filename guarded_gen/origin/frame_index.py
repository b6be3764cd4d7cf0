"""Indices of fingerprints that grow while they are searched: hashes of frames, codes of files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.frame.hamming import PdqIndex
from media.hashing import BYTES as PDQ_BYTES
from media.hashing import MATCH_DISTANCE, distance

ANCHORS = 8
"""Hashes of one file that are indexed, evenly spread: a search compares every frame of the asked
file with them, so the whole file is found by each of them, and a part by those in the part."""

BLOCK = 20_000
"""Hashes that are compared one by one before they become a block of their own."""

ENOUGH_HITS = 3
"""A search for one file stops when one was hit so often: frames of different files lie 100 bits
and more apart."""


class FrameIndex:
    """Which files have a frame like this one? Not for sharing between threads.

    Hashes lie in blocks with multi-index hashing (:class:`PdqIndex`), each at least twice as
    large as the next, and in a short tail that is scanned. Everything within 31 bits is found,
    and 99 of 100 hashes at 40 bits. Memory: 96 bytes a hash. Adding is cheap but for the calls
    that merge blocks (about 2 s for a million hashes).
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[int, PdqIndex]] = []
        self._tail = np.zeros((BLOCK, PDQ_BYTES), np.uint8)
        self._used = 0
        self._owner: list[int] = []
        self._place: list[int] = []
        self._names: list[str] = []
        self._sizes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._owner)

    def add(self, owner: str, frames: NDArray[np.uint8]) -> None:
        """Add a file with its frames ``uint8 [N, 32]``, of which some are kept as anchors."""
        self.add_many([owner], np.ascontiguousarray(frames)[anchor_places(len(frames))][None])

    def add_many(self, owners: Sequence[str], anchors: NDArray[np.uint8]) -> None:
        """Add files with the same number of anchors each, ``uint8 [files, N, 32]``."""
        each = anchors.shape[1]
        first = len(self._names)
        self._names.extend(owners)
        self._sizes.update((owner, each) for owner in owners)
        self._owner.extend(np.repeat(np.arange(first, first + len(owners)), each).tolist())
        self._place.extend(list(range(each)) * len(owners))
        flat = anchors.reshape(-1, PDQ_BYTES)
        while len(flat):
            if not self._used and len(flat) >= BLOCK:
                self._settle(flat)
                return
            fits = min(len(flat), BLOCK - self._used)
            self._tail[self._used : self._used + fits] = flat[:fits]
            self._used += fits
            flat = flat[fits:]
            if self._used == BLOCK:
                self._used = 0
                self._settle(self._tail.copy())

    def _settle(self, hashes: NDArray[np.uint8]) -> None:
        """Make a block; smaller neighbours become part of it."""
        start = self._blocks[-1][0] + len(self._blocks[-1][1].hashes) if self._blocks else 0
        while self._blocks and len(self._blocks[-1][1].hashes) < 2 * len(hashes):
            start, before = self._blocks.pop()
            hashes = np.concatenate([before.hashes, hashes])
        self._blocks.append((start, PdqIndex(hashes)))

    def within(self, digest: NDArray[np.uint8], bits: int = MATCH_DISTANCE) -> list[int]:
        """Positions of all hashes within ``bits`` of ``uint8 [32]``."""
        found: list[int] = []
        for start, block in self._blocks:
            found.extend((block.query(digest, bits) + start).tolist())
        tail = self._tail[: self._used]
        start = len(self._owner) - self._used
        found.extend((np.flatnonzero(distance(tail, digest) <= bits) + start).tolist())
        return found

    def anchors(self, owner: str) -> int:
        """How many frames of this file are in the index."""
        return self._sizes.get(owner, 0)

    def look_up(self, hashes: NDArray[np.uint8]) -> dict[str, set[int]]:
        """Matches of any of ``uint8 [N, 32]`` within 31 bits: file to its anchors that match."""
        found: dict[str, set[int]] = {}
        for digest in hashes:
            for position in self.within(digest):
                owner = self._names[self._owner[position]]
                found.setdefault(owner, set()).add(self._place[position])
        return found

    def nearest(self, frames: NDArray[np.uint8], most: int, bits: int = 40) -> list[str]:
        """Files with the most frames within ``bits`` of any of ``uint8 [N, 32]``, best first.

        First those frames are asked that would be anchors of this file, for they are a copy's;
        then the others, spread over the file, and no further than needed.
        """
        hits: dict[int, int] = {}
        first = anchor_places(len(frames))
        others = [k for k in spread(len(frames)) if k not in set(first)]
        for k in [*(first[j] for j in spread(len(first))), *others]:
            owners = {self._owner[position] for position in self.within(frames[k], bits)}
            for owner in owners:
                hits[owner] = hits.get(owner, 0) + 1
            if max(hits.values(), default=0) >= ENOUGH_HITS:
                break
        best = sorted(hits, key=lambda owner: -hits[owner])[:most]
        return [self._names[owner] for owner in best]


class CodeTable:
    """One code a file, of the same length each; a search compares them all (about 12 ms a million
    of 256 bits). Not for sharing between threads. ``size`` in bytes is a multiple of 8."""

    def __init__(self, size: int) -> None:
        self._words = np.zeros((size // 8, 1024), np.uint64)
        self._names: list[str] = []

    def add(self, owner: str, code: bytes) -> None:
        if len(self._names) == self._words.shape[1]:
            self._words = np.concatenate([self._words, np.zeros_like(self._words)], axis=1)
        self._words[:, len(self._names)] = np.frombuffer(code, np.uint64)
        self._names.append(owner)

    def nearest(self, code: bytes, most: int) -> list[tuple[str, int]]:
        """(file, differing bits), nearest first, at most ``most``.

        A shorter code is compared with the beginnings, as ISCC units are made for.
        """
        bits = np.zeros(len(self._names), np.uint16)
        for column, word in zip(self._words, np.frombuffer(code, np.uint64), strict=False):
            bits += np.bitwise_count(column[: len(bits)] ^ word)
        most = min(most, len(bits))
        if not most:
            return []
        near = np.argpartition(bits, most - 1)[:most]
        order = near[np.lexsort((near, bits[near]))]
        return [(self._names[k], int(bits[k])) for k in order]


def anchor_places(count: int) -> list[int]:
    """Which of ``count`` frames are anchors."""
    return np.linspace(0, count - 1, min(ANCHORS, count)).round().astype(int).tolist()


def spread(count: int) -> list[int]:
    """0 to ``count`` - 1, each new number far from those before (van der Corput's order)."""
    width = max(1, (count - 1).bit_length())
    order = (int(f"{k:0{width}b}"[::-1], 2) for k in range(1 << width))
    return [k for k in order if k < count]
