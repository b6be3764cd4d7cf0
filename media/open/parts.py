"""Whole files inside a file: the video of a motion photo, further pictures behind a JPEG.

Phones show them (a long press, a gallery's list of takes), so they are looked at like files of
their own. Sources: Google's Motion Photo format 1.0, CIPA DC-007 (Multi-Picture Format).
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from media.open.formats import Still

MOST_PARTS = 16
"""Parts of one file that are told apart."""

_CHUNK = 1 << 20
_JPEG, _FTYP = b"\xff\xd8\xff", b"ftyp"
_LARGEST_FTYP = 256


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside a file: ``offset`` and ``length`` in bytes, and its usual ``ending``."""

    number: int
    offset: int
    length: int
    ending: str

    @property
    def name(self) -> str:
        """``inside 1`` …, for records and for people."""
        return f"inside {self.number}"

    @contextmanager
    def file(self, path: Path) -> Iterator[Path]:
        """The part of ``path`` as a file of its own, for as long as the context lasts."""
        with tempfile.TemporaryDirectory(prefix="guarded-gen-") as folder:
            out = Path(folder) / f"part{self.ending}"
            with path.open("rb") as source, out.open("wb") as target:
                source.seek(self.offset)
                left = self.length
                while left and (chunk := source.read(min(left, _CHUNK))):
                    target.write(chunk)
                    left -= len(chunk)
            yield out


def parts_of(path: Path, still: Still | None, end: int) -> tuple[Part, ...]:
    """Files behind ``end``, where the format's own data stop, and in a HEIF file's ``mpvd`` box.

    Never raises for what is in the file. Cost: the bytes behind the end are read once.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        found = [(at, length, ".mp4") for at, length in _motion_boxes(file, size, still)]
        if still is not None and end < size:
            found += _behind(file, end, size)
    return tuple(Part(n, *place) for n, place in enumerate(found[:MOST_PARTS], 1))


def _behind(file: BinaryIO, start: int, size: int) -> Iterator[tuple[int, int, str]]:
    """JPEGs one behind the other, then the first MP4; makers put words of their own between."""
    starts: list[tuple[int, str]] = []
    at, kept = start, b""
    file.seek(start)
    while len(starts) < MOST_PARTS and (chunk := file.read(_CHUNK)):
        data = kept + chunk
        base = at - len(kept)
        marks = [(base + n, ".jpg") for n in _all(data, _JPEG)]
        video = next((n for n in _all(data, _FTYP) if n >= 4 and _opens_mp4(data, n)), None)
        if video is not None:
            place = base + video - 4
            starts += [mark for mark in marks if mark[0] < place]
            # What looks like a JPEG inside a video is none.
            starts.append((place, ".mp4"))
            break
        starts += [mark for mark in marks if mark not in starts]
        at += len(chunk)
        kept = data[-12:]
    # A thumbnail lies inside its picture's own bytes: only what follows an end begins a picture.
    for n, (place, ending) in enumerate(starts):
        if ending == ".jpg" and n and not _after_end(file, place):
            continue
        following = (s for s, e in starts[n + 1 :] if e == ".mp4" or _after_end(file, s))
        yield place, next(following, size) - place, ending


def _all(data: bytes, mark: bytes) -> Iterator[int]:
    at = data.find(mark)
    while at >= 0:
        yield at
        at = data.find(mark, at + 1)


def _opens_mp4(data: bytes, at: int) -> bool:
    length = int.from_bytes(data[at - 4 : at], "big")
    return 16 <= length <= _LARGEST_FTYP and length % 4 == 0


def _after_end(file: BinaryIO, place: int) -> bool:
    file.seek(max(0, place - 64))
    before = file.read(min(64, place)).rstrip(b"\0")
    return before.endswith(b"\xff\xd9")


def _motion_boxes(file: BinaryIO, size: int, still: Still | None) -> Iterator[tuple[int, int]]:
    if still not in (Still.HEIC, Still.AVIF):
        return
    offset = 0
    while offset + 8 <= size:
        file.seek(offset)
        head = file.read(16)
        length, kind = struct.unpack(">I4s", head[:8])
        start = 8
        if length == 1 and len(head) == 16:
            length, start = struct.unpack(">Q", head[8:])[0], 16
        elif length == 0:
            length = size - offset
        if length < start:
            return
        if kind == b"mpvd":
            yield offset + start, min(length, size - offset) - start
        offset += length
