"""Where a manifest store lies in a file, and which bytes belong to nobody: BMFF, and the way in.

Walks only the outermost structure, never the media. Cost: a few reads per top-level box;
memory is bounded by the manifest store. Other formats are in :mod:`provenance.chunks`.

Sources: ISO/IEC 14496-12 (boxes), C2PA 2.4 appendix A.5 (BMFF).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from provenance.chunks import READERS
from provenance.formats import FileKind
from provenance.jumbf import StoreBroken, join_stores
from provenance.limits import ProvenanceLimits
from provenance.outline import (
    Box,
    Container,
    ContainerBroken,
    ContainerTooComplex,
    Place,
    Uncovered,
    remote_in,
)

__all__ = [
    "C2PA_UUID",
    "XMP_UUID",
    "Box",
    "Container",
    "ContainerBroken",
    "ContainerTooComplex",
    "Place",
    "Uncovered",
    "boxes_within",
    "is_blank",
    "iterate_boxes",
    "read_container",
    "signed_before_break",
]

C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_PURPOSES = (b"manifest", b"original", b"update")
_PADDING_PROBE = 64 * 1024
_TOP_LEVEL = frozenset(
    b"ftyp styp moov moof mdat mfra free skip wide uuid meta sidx ssix prft emsg pdin udta "
    b"pnot imda idat mpod jumb iods".split()
)
"""Types of outermost boxes: whatever else stands behind a whole film is no box that was cut."""
_FULL_BOXES = frozenset({b"meta"})


def iterate_boxes(
    file: BinaryIO, size: int, limits: ProvenanceLimits, start: int = 0
) -> Iterator[Box]:
    """The boxes in a row from ``start`` to ``size``; raises :class:`ContainerBroken`."""
    offset = start
    for _ in range(limits.max_boxes):
        if offset >= size:
            return
        file.seek(offset)
        head = file.read(16)
        if len(head) < 8:
            raise ContainerBroken(f"{size - offset} stray bytes at the end")
        length, kind = struct.unpack(">I4s", head[:8])
        header = 8
        if length == 1:
            if len(head) < 16:
                raise ContainerBroken(f"a box at {offset} is cut off")
            length = struct.unpack(">Q", head[8:])[0]
            header = 16
        elif length == 0:
            length = size - offset
        if length < header or offset + length > size:
            raise ContainerBroken(f"the box at byte {offset} says {length} bytes, which is wrong")
        yield Box(kind, offset, length, header)
        offset += length
    if offset < size:
        raise ContainerTooComplex(f"more than {limits.max_boxes} boxes")


def boxes_within(file: BinaryIO, outer: Box, limits: ProvenanceLimits) -> list[Box]:
    """The boxes inside a box; none where its content is something else."""
    start = outer.offset + outer.header + (4 if outer.kind in _FULL_BOXES else 0)
    try:
        return list(iterate_boxes(file, outer.offset + outer.size, limits, start))
    except ContainerTooComplex:
        raise
    except ContainerBroken:
        return []


def _walk(file: BinaryIO, size: int, limits: ProvenanceLimits) -> tuple[list[Box], Place | None]:
    """The outermost boxes, and what stands behind them without being one."""
    boxes: list[Box] = []
    try:
        for box in iterate_boxes(file, size, limits):
            boxes.append(box)
    except ContainerTooComplex:
        raise
    except ContainerBroken:
        end = boxes[-1].offset + boxes[-1].size if boxes else 0
        file.seek(end)
        kind = file.read(8)[4:8]
        kinds = {b.kind for b in boxes}
        if b"moov" in kinds and kinds & {b"mdat", b"moof"} and kind not in _TOP_LEVEL:
            return boxes, Place(end, size - end)
        if b"meta" in kinds and kind not in _TOP_LEVEL:
            return boxes, Place(end, size - end)
        raise
    return boxes, None


def is_blank(file: BinaryIO, offset: int, size: int) -> bool:
    """Whether a range holds zeros only."""
    file.seek(offset)
    left = size
    while left > 0:
        chunk = file.read(min(left, _PADDING_PROBE))
        if not chunk or chunk.strip(b"\0"):
            return False
        left -= len(chunk)
    return True


def _store_in(file: BinaryIO, box: Box, limits: ProvenanceLimits) -> tuple[bytes, bytes] | None:
    """Purpose and manifest store of a C2PA box (A.5: user type, version, purpose, offset)."""
    length = box.size - box.header
    if length > limits.max_store_bytes:
        raise ContainerTooComplex(f"a metadata box has {length} bytes")
    file.seek(box.offset + box.header)
    purpose, _, rest = file.read(length)[20:].partition(b"\0")
    return (purpose, rest[8:]) if purpose in _PURPOSES else None


def _user_type(file: BinaryIO, box: Box) -> bytes:
    file.seek(box.offset + box.header)
    return file.read(16)


def signed_before_break(path: Path, limits: ProvenanceLimits) -> bool:
    """Whether a broken BMFF file holds a whole manifest store before it breaks."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            for box in iterate_boxes(file, size, limits):
                if box.kind == b"uuid" and _user_type(file, box) == C2PA_UUID:
                    return _store_in(file, box, limits) is not None
        except ContainerBroken:
            return False
    return False


def _as_one(stores: list[tuple[bytes, bytes]], *, last: bool) -> tuple[bytes, ...]:
    """The stores; an original and the updates in the ``last`` box of the file are one (A.5.3)."""
    if last and [purpose for purpose, _ in stores] == [b"original", b"update"]:
        with suppress(StoreBroken):
            return (join_stores(stores[0][1], stores[1][1]),)
    return tuple(data for _, data in stores)


def read_bmff(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    boxes, trailing = _walk(file, size, limits)
    stores: list[tuple[bytes, bytes]] = []
    places: list[Place] = []
    foreign: list[Place] = []
    remote: str | None = None
    for box in boxes:
        if box.kind != b"uuid":
            continue
        user_type = _user_type(file, box)
        if user_type == C2PA_UUID:
            store = _store_in(file, box, limits)
            if store is None:
                foreign.append(Place(box.offset, box.size))
            else:
                stores.append(store)
                places.append(Place(box.offset, box.size))
        elif user_type == XMP_UUID and remote is None:
            remote = remote_in(file.read(min(box.size, limits.max_xmp_bytes)))
    kinds = {box.kind for box in boxes}
    return Container(
        _as_one(stores, last=bool(places and boxes[-1].offset == places[-1].start)),
        remote,
        boxes=tuple(boxes),
        fragmented=bool(kinds & {b"moof", b"sidx"}),
        store_places=tuple(places),
        foreign=tuple(foreign),
        trailing=trailing,
    )


def read_container(path: Path, kind: FileKind, limits: ProvenanceLimits) -> Container:
    """What the outermost structure of ``path`` shows.

    Raises :class:`ContainerBroken`, :class:`ContainerTooComplex` or ``OSError``.
    """
    reader = read_bmff if kind.bmff else READERS.get(kind.mime)
    if reader is None:
        return Container()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            return reader(file, size, limits)
        except (struct.error, IndexError) as error:
            raise ContainerBroken("the file's structure is cut off") from error
