"""Crops that a container asks of players: ``clap`` of MP4 and MOV, ``PixelCrop`` of Matroska.

Some players cut the picture so (QuickTime, mpv, VLC), browsers do not: both are shown. FFmpeg's
library reads them and leaves the cutting to its callers. Sources: ISO/IEC 14496-12, 12.1.4; RFC
9559, 5.1.4.1.28.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from media.open.heif import clean_aperture

Crop = tuple[int, int, int, int]
"""Left, upper, right, lower, in stored pixels."""

_MOST = 20_000
"""Boxes and elements of one file that are looked at."""

_LARGEST = 64 * 1024**2
"""Bytes of the longest header that is read."""

_SEGMENT, _TRACKS, _ENTRY, _TYPE, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0xE0
_WIDTH, _HEIGHT = 0xB0, 0xBA
_BOTTOM, _TOP, _LEFT, _RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD
_SAMPLE_ENTRY = 78
"""Bytes of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3)."""


def crops_of(path: Path, form: str) -> list[Crop | None]:
    """The crop of each video track, in the order of the file; fewer where a header is damaged.

    ``form`` is FFmpeg's name of the container. Never raises for what is in the file.
    """
    found: list[Crop | None] = []
    try:
        with path.open("rb") as file:
            if "mov" in form:
                found += _of_mp4(file)
            elif "matroska" in form:
                found += _of_matroska(file)
    except (OSError, ValueError, struct.error, IndexError):
        pass
    return found


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        start = 8
        if length == 1:
            length, start = struct.unpack(">Q", data[at + 8 : at + 16])[0], 16
        if length < start:
            return
        yield kind, data[at + start : at + length]
        at += length


def _inside(data: bytes, *names: bytes) -> bytes:
    for name in names:
        data = next((body for kind, body in _boxes(data) if kind == name), b"")
    return data


def _of_mp4(file: BinaryIO) -> Iterator[Crop | None]:
    for kind, body in _boxes(_moov(file)):
        if kind != b"trak" or _inside(body, b"mdia", b"hdlr")[8:12] != b"vide":
            continue
        entries = _inside(body, b"mdia", b"minf", b"stbl", b"stsd")[8:]
        entry = next((inner for _, inner in _boxes(entries)), b"")
        width, height = struct.unpack(">HH", entry[24:28])
        yield clean_aperture(_inside(entry[_SAMPLE_ENTRY:], b"clap"), width, height)


def _moov(file: BinaryIO) -> bytes:
    at = 0
    for _ in range(_MOST):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head[:8])
        start = 8
        if length == 1 and len(head) == 16:
            length, start = struct.unpack(">Q", head[8:])[0], 16
        if length < start:
            break
        if kind == b"moov":
            file.seek(at + start)
            return file.read(min(length - start, _LARGEST))
        at += length
    return b""


def _number(file: BinaryIO, *, marked: bool) -> int | None:
    """An EBML number of one to eight bytes; ``marked`` keeps the bit that tells the length."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    return value if marked else value & ~(1 << 7 * length)


def _elements(file: BinaryIO, end: int) -> Iterator[tuple[int, int, int]]:
    """Id, begin and end of each element from here to ``end``."""
    for _ in range(_MOST):
        if file.tell() >= end:
            return
        name, size = _number(file, marked=True), _number(file, marked=False)
        if name is None or size is None:
            return
        begin = file.tell()
        yield name, begin, min(begin + size, end)
        file.seek(begin + size)


def _of_matroska(file: BinaryIO) -> Iterator[Crop | None]:
    end = file.seek(0, 2)
    file.seek(0)
    segment = next((place for place in _elements(file, end) if place[0] == _SEGMENT), None)
    if segment is None:
        return
    file.seek(segment[1])
    # A live stream's segment has no length: it goes on to the end.
    tracks = next((place for place in _elements(file, end) if place[0] == _TRACKS), None)
    if tracks is None:
        return
    file.seek(tracks[1])
    for name, begin, stop in list(_elements(file, tracks[2])):
        if name != _ENTRY:
            continue
        file.seek(begin)
        parts = {part: (first, last) for part, first, last in _elements(file, stop)}
        if _unsigned(file, parts.get(_TYPE)) == 1 and _VIDEO in parts:
            yield _pixel_crop(file, *parts[_VIDEO])


def _unsigned(file: BinaryIO, place: tuple[int, int] | None) -> int:
    if place is None:
        return 0
    file.seek(place[0])
    return int.from_bytes(file.read(min(8, place[1] - place[0])), "big")


def _pixel_crop(file: BinaryIO, begin: int, end: int) -> Crop | None:
    file.seek(begin)
    places = {name: (first, last) for name, first, last in _elements(file, end)}
    value = {name: _unsigned(file, place) for name, place in places.items()}
    width, height = value.get(_WIDTH, 0), value.get(_HEIGHT, 0)
    crop = (
        value.get(_LEFT, 0),
        value.get(_TOP, 0),
        width - value.get(_RIGHT, 0),
        height - value.get(_BOTTOM, 0),
    )
    whole = (0, 0, width, height)
    return crop if crop != whole and crop[0] < crop[2] and crop[1] < crop[3] else None
