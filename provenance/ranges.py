"""Ranges of a file that a hash leaves out, and hashing the rest: what every binding needs.

Source: C2PA 2.4, sections 13.1 (hash algorithms) and 15.4 (which one counts).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO, cast

from provenance.claims import DEFAULT_HASH, HASHES

_CHUNK = 1024 * 1024
MOST_RANGES = 10_000


class Wrong(ValueError):
    """The assertion contradicts itself or the file: a mistake of form, or a cut file."""


class Unknown(ValueError):
    """A kind of binding, of file or of hash that is not checked here."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes that the hash leaves out, and why."""

    start: int
    size: int
    what: str = ""

    @property
    def end(self) -> int:
        return self.start + self.size


class Window:
    """A part of a file, read as if it were a whole one: what a hash of one part covers."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        base = {0: 0, 1: self._at, 2: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        self._file.seek(self._start + self._at)
        data = self._file.read(left if count < 0 else min(count, left))
        self._at += len(data)
        return data


def window(file: BinaryIO, start: int, size: int) -> BinaryIO:
    """A :class:`Window`, for everybody who reads files by ``seek`` and ``read``."""
    return cast(BinaryIO, Window(file, start, size))


def hash_name(*said: Mapping[str, Any]) -> str:
    """The hash's name for :mod:`hashlib`: the nearest ``alg`` of ``said`` counts (15.4).

    Raises :class:`Unknown`.
    """
    name = next((s["alg"] for s in said if s.get("alg")), DEFAULT_HASH)
    if not isinstance(name, str) or name not in HASHES:
        raise Unknown(f"a hash of an unknown kind: {str(name)[:40]}")
    return HASHES[name]


def number(value: Any) -> int:
    """``value`` as a place or a size; raises :class:`Wrong`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wrong("a place in the file is no number")
    return value


def listed(value: Any, what: str) -> Sequence[Any]:
    """``value`` as a list that is not too long (absent: empty); raises :class:`Wrong`."""
    found = [] if value is None else value
    if not isinstance(found, list | tuple) or len(found) > MOST_RANGES:
        raise Wrong(f"{what} are no list")
    return found


def apart(ranges: Iterable[Range], size: int) -> tuple[Range, ...]:
    """Ranges in order; raises :class:`Wrong` when two overlap or one ends behind ``size``."""
    found = sorted(ranges, key=lambda r: r.start)
    for before, after in pairwise(found):
        if before.end > after.start:
            raise Wrong("exclusions overlap")
    if found and found[-1].end > size:
        raise Wrong("an exclusion ends behind the file")
    return tuple(found)


def digest_without(
    file: BinaryIO,
    name: str,
    excluded: Sequence[Range],
    size: int,
    *,
    start: int = 0,
    markers: Sequence[int] = (),
) -> bytes:
    """The hash from ``start`` to ``size`` over everything that is not excluded.

    Each of ``markers`` is an offset that is hashed itself, as eight bytes, before what lies
    there. Raises :class:`Wrong` when the file is shorter than it was.
    """
    digest = hashlib.new(name)
    position, index = start, 0
    for left_out in (*excluded, Range(size, 0)):
        while index < len(markers) and markers[index] <= left_out.start:
            position = _feed(file, digest, position, markers[index])
            digest.update(struct.pack(">Q", markers[index]))
            index += 1
        _feed(file, digest, position, left_out.start)
        position = left_out.end
        while index < len(markers) and markers[index] < position:
            index += 1
    return digest.digest()


def _feed(file: BinaryIO, digest: Any, start: int, stop: int) -> int:
    file.seek(start)
    left = stop - start
    while left > 0:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise Wrong("the file is shorter than it was")
        digest.update(chunk)
        left -= len(chunk)
    return stop
