"""The general box hash: the boxes of a file by their names, each run of them with its hash.

The signed list names every box of the file in order. A box that it does not name was added, or
the list does not fit this file; a run whose hash does not fit was changed.

Read here: JPEG, PNG, GIF and RIFF. Source: C2PA 2.4, sections 15.12.3 and 18.7; ISO 10918-1,
table B.1.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from provenance.limits import ProvenanceLimits
from provenance.outline import Place
from provenance.ranges import (
    Range,
    Unknown,
    Wrong,
    apart,
    digest_without,
    hash_name,
    listed,
    number,
)

BOXES = "c2pa.hash.boxes"
STORE, AFTER = "C2PA", "c2pa.after"
_ALONE = {0xD8: "SOI", 0xD9: "EOI", 0x01: "TEM"}
_MARKERS = {
    0xC4: "DHT",
    0xC8: "JPG",
    0xCC: "DAC",
    0xDA: "SOS",
    0xDB: "DQT",
    0xDC: "DNL",
    0xDD: "DRI",
    0xDE: "DHP",
    0xDF: "EXP",
    0xFE: "COM",
}
_STEP = 1024 * 1024


@dataclass(frozen=True, slots=True)
class NamedBox:
    """A box of a file as the box hash names it."""

    name: str
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


class _Changed(Exception):
    """What the file holds is not what was signed."""


Lister = Callable[[BinaryIO, int, ProvenanceLimits], Iterator[NamedBox]]


def check_boxes(
    file: BinaryIO,
    mime: str,
    said: Mapping[str, Any],
    claim: Mapping[str, Any],
    stores: Sequence[Place],
    limits: ProvenanceLimits,
) -> tuple[str, tuple[Range, ...]]:
    """What is wrong with the file by a box hash (empty: nothing), and what it leaves out.

    ``stores`` are the places of the credentials. Raises :class:`Unknown` for formats that are
    not read here, :class:`Wrong` for an assertion that is not well-formed.
    """
    lister = _LISTERS.get(mime)
    if lister is None:
        raise Unknown("the boxes of this format")
    size = file.seek(0, 2)
    entries = [(entry, _names(entry)) for entry in listed(said.get("boxes"), "the boxes")]
    try:
        found = _joined(lister(file, size, limits), stores)
    except (struct.error, IndexError) as error:
        raise Unknown("the file's boxes could not be told apart") from error
    problem, excluded = _walk(file, entries, (said, claim), found)
    if problem and any(b.name.startswith("RST") for b in found):
        # the C2PA library hashes a scan with its restart intervals as one box
        whole = [(e, [n for n in names if not n.startswith("RST")]) for e, names in entries]
        other, left_out = _walk(
            file,
            [(e, names) for e, names in whole if names],
            (said, claim),
            _without_restarts(found),
        )
        if not other:
            return "", left_out
    return problem, excluded


def _walk(
    file: BinaryIO,
    entries: Sequence[tuple[Mapping[str, Any], list[str]]],
    algs: Sequence[Mapping[str, Any]],
    found: Sequence[NamedBox],
) -> tuple[str, tuple[Range, ...]]:
    """The signed entries against the boxes that are there, in order."""
    size = file.seek(0, 2)
    excluded: list[Range] = []
    at = 0
    try:
        for entry, names in entries:
            if names == [AFTER]:
                begin = found[-1].end if found else 0
                _compare(file, entry, algs, [NamedBox(AFTER, begin, size - begin)], excluded)
                return "", tuple(excluded)
            run = found[at : at + len(names)]
            if [b.name for b in run] != names:
                raise _Changed(_difference(names, run))
            at += len(names)
            if names == [STORE]:
                excluded += [Range(b.start, b.size) for b in run]
            else:
                _compare(file, entry, algs, run, excluded)
        if at < len(found):
            raise _Changed(f"the box {found[at].name} is not in the signed list")
    except _Changed as change:
        return str(change), tuple(excluded)
    excluded += _gaps(found, size)
    return "", tuple(sorted(set(excluded), key=lambda r: r.start))


def _without_restarts(found: Sequence[NamedBox]) -> list[NamedBox]:
    """Scans with their restart intervals as one box."""
    joined: list[NamedBox] = []
    for box in found:
        last = joined[-1] if joined else None
        if box.name.startswith("RST") and last is not None and last.name == "SOS":
            joined[-1] = NamedBox("SOS", last.start, box.end - last.start)
        else:
            joined.append(box)
    return joined


def _names(entry: Any) -> list[str]:
    if not isinstance(entry, Mapping):
        raise Wrong("an entry of the boxes is no map")
    names = [str(n) for n in listed(entry.get("names"), "the names of boxes")]
    if not names:
        raise Wrong("an entry names no box")
    return names


def _difference(names: Sequence[str], run: Sequence[NamedBox]) -> str:
    there = [b.name for b in run]
    for name, seen in zip(names, there, strict=False):
        if name != seen:
            return f"where the signed list has the box {name}, the file has {seen}"
    return f"the file ends where the signed list has the box {names[len(there)]}"


def _compare(
    file: BinaryIO,
    entry: Mapping[str, Any],
    algs: Sequence[Mapping[str, Any]],
    run: Sequence[NamedBox],
    excluded: list[Range],
) -> None:
    begin, end = run[0].start, run[-1].end
    if entry.get("excluded") is True:
        excluded.append(Range(begin, end - begin))
        return
    left_out: list[Range] = []
    for item in listed(entry.get("exclusions"), "the exclusions"):
        if not isinstance(item, Mapping):
            raise Wrong("an exclusion is no range")
        index = number(item.get("boxIndex", 0))
        if index >= len(run):
            raise Wrong("an exclusion lies in no box")
        place = Range(run[index].start + number(item.get("start")), number(item.get("length")))
        if place.end > run[index].end:
            raise _Changed("an exclusion ends behind its box")
        left_out.append(place)
    excluded += left_out
    given = entry.get("hash")
    name = hash_name(entry, *algs)
    digest = digest_without(file, name, apart(left_out, end), end, start=begin)
    if not isinstance(given, bytes) or not hmac.compare_digest(digest, given):
        raise _Changed(f"the bytes of {', '.join(b.name for b in run)[:120]} are others")


def _joined(found: Iterator[NamedBox], stores: Sequence[Place]) -> list[NamedBox]:
    """The boxes, those that hold the credentials as one."""
    begin = min((p.start for p in stores), default=-1)
    end = max((p.end for p in stores), default=-1)
    joined: list[NamedBox] = []
    for box in found:
        if begin <= box.start and box.end <= end and begin >= 0:
            if joined and joined[-1].name == STORE:
                joined[-1] = NamedBox(STORE, joined[-1].start, box.end - joined[-1].start)
            else:
                joined.append(NamedBox(STORE, box.start, box.size))
        else:
            joined.append(box)
    return joined


def _gaps(found: Sequence[NamedBox], size: int) -> Iterator[Range]:
    """What stands behind or between boxes that were hashed one by one."""
    at = 0
    for box in found:
        if box.start > at:
            yield Range(at, box.start - at)
        at = max(at, box.end)
    if found and at < size:
        yield Range(at, size - at)


def _png(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Iterator[NamedBox]:
    yield NamedBox("PNGh", 0, 8)
    offset = 8
    for _ in range(limits.max_boxes):
        if offset >= size:
            return
        file.seek(offset)
        length, kind = struct.unpack(">I4s", file.read(8))
        yield NamedBox(kind.decode("latin-1"), offset, length + 12)
        offset += length + 12
        if kind == b"IEND":
            return
    raise Unknown("too many boxes")


def _jpeg(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Iterator[NamedBox]:
    offset = 0
    for _ in range(limits.max_boxes):
        if offset >= size:
            return
        file.seek(offset)
        head = file.read(4)
        if head[0] != 0xFF:
            return  # what follows is no segment; it is told as covered by nothing
        marker = head[1]
        if marker == 0xFF:
            offset += 1
            continue
        restart = 0xD0 <= marker <= 0xD7
        if marker in _ALONE:
            yield NamedBox(_ALONE[marker], offset, 2)
            offset += 2
            continue
        end = offset + 2 if restart else offset + 2 + struct.unpack(">H", head[2:])[0]
        if marker == 0xDA or restart:
            end = _scan_end(file, end, size)
        yield NamedBox(_marker_name(marker), offset, end - offset)
        offset = end
    raise Unknown("too many boxes")


def _marker_name(marker: int) -> str:
    if 0xE0 <= marker <= 0xEF:
        return f"APP{marker - 0xE0}"
    if 0xD0 <= marker <= 0xD7:
        return f"RST{marker - 0xD0}"
    if marker in _MARKERS:
        return _MARKERS[marker]
    if 0xC0 <= marker <= 0xCF:
        return f"SOF{marker - 0xC0}"
    return f"JPG{marker - 0xF0}" if 0xF0 <= marker <= 0xFD else f"{marker:02X}"


def _scan_end(file: BinaryIO, start: int, size: int) -> int:
    """Where the entropy-coded data from ``start`` end: at the next marker (B.1.1.5)."""
    at, before = start, b""
    file.seek(start)
    while at < size:
        chunk = file.read(_STEP)
        if not chunk:
            break
        data = before + chunk
        base = at - len(before)
        found = data.find(b"\xff")
        while 0 <= found < len(data) - 1:
            if data[found + 1] not in (0x00, 0xFF):
                return base + found
            found = data.find(b"\xff", found + 1)
        before = data[-1:] if data[-1:] == b"\xff" else b""
        at += len(chunk)
    return size


def _riff(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Iterator[NamedBox]:
    offset, end = 0, 0
    for _ in range(limits.max_boxes):
        if offset + 8 > size:
            return
        file.seek(offset)
        kind, length, form = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if offset >= end:
            if kind != b"RIFF":
                return
            yield NamedBox(form.decode("latin-1"), offset, 12)
            end = min(offset + 8 + length, size)
            offset += 12
            continue
        name = form if kind == b"LIST" else kind
        whole = 8 + length + (length & 1)
        yield NamedBox(name.decode("latin-1"), offset, whole)
        offset += whole
    raise Unknown("too many boxes")


def _gif(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Iterator[NamedBox]:
    file.seek(0)
    head = file.read(13)
    yield NamedBox(head[:6].decode("latin-1"), 0, 6)
    table = 3 << ((head[10] & 7) + 1) if head[10] & 0x80 else 0
    yield NamedBox("LSD", 6, 7 + table)
    offset = 13 + table
    for _ in range(limits.max_boxes):
        file.seek(offset)
        kind = file.read(2)
        if kind[:1] == b"\x3b":
            yield NamedBox("3B", offset, 1)
            return
        if kind[:1] == b"\x21":
            end = _blocks_end(file, offset + 2, size)
            yield NamedBox(kind.hex().upper(), offset, end - offset)
        elif kind[:1] == b"\x2c":
            file.seek(offset)
            flags = file.read(10)[9]
            local = 3 << ((flags & 7) + 1) if flags & 0x80 else 0
            yield NamedBox("2C", offset, 10 + local)
            offset += 10 + local
            end = _blocks_end(file, offset + 1, size)
            yield NamedBox("TBID", offset, end - offset)
        else:
            raise Unknown("a block of the GIF is of no known kind")
        offset = end
    raise Unknown("too many boxes")


def _blocks_end(file: BinaryIO, offset: int, size: int) -> int:
    while offset < size:
        file.seek(offset)
        length = file.read(1)[0]
        offset += 1 + length
        if not length:
            return offset
    raise Unknown("a block of the GIF is cut off")


_LISTERS: Mapping[str, Lister] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _riff,
    "audio/wav": _riff,
    "video/x-msvideo": _riff,
}
