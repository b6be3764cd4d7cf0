"""Where a manifest store lies in a file, and which bytes no hash covers.

Walks only the outermost structure, never the media. Cost: a few reads per top-level box;
memory is bounded by the manifest store.

Sources: ISO/IEC 14496-12 (boxes), C2PA 2.4 appendix A.3 (JPEG), A.4 (PNG), A.5 (BMFF),
A.6 (RIFF).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from provenance.formats import FileKind
from provenance.limits import ProvenanceLimits

C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_UNCOVERED_TYPES = frozenset({b"free", b"skip", b"mfra"})
_PADDING_PROBE = 64 * 1024
_XMP_PROBE = 256 * 1024
_REMOTE = re.compile(rb"dcterms:provenance\s*(?:=\s*[\"']|>)\s*([^\"'<\s]{1,2000})")


class ContainerBroken(ValueError):
    """The outermost structure does not hold together."""


class ContainerTooComplex(ContainerBroken):
    """The outermost structure is past a limit."""


@dataclass(frozen=True, slots=True)
class Box:
    """A top-level box: type (four bytes), offset and size in bytes, size of its header."""

    kind: bytes
    offset: int
    size: int
    header: int


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Bytes that no hash of the manifest covers. ``blank`` means that they are all zero."""

    what: str
    offset: int
    size: int
    blank: bool
    appended: bool

    def to_json(self) -> dict[str, object]:
        return {
            "what": self.what,
            "offset": self.offset,
            "size": self.size,
            "blank": self.blank,
            "appended": self.appended,
        }


@dataclass(frozen=True, slots=True)
class Container:
    """What the outermost structure shows."""

    stores: tuple[bytes, ...] = ()
    remote_url: str | None = None
    uncovered: tuple[Uncovered, ...] = ()
    boxes: tuple[Box, ...] = field(default=(), repr=False)
    fragmented: bool = False


def iterate_boxes(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Iterator[Box]:
    """The top-level BMFF boxes, one by one; raises :class:`ContainerBroken` where they break."""
    offset = 0
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


def _payload(file: BinaryIO, box: Box, most: int) -> bytes:
    length = box.size - box.header
    if length > most:
        raise ContainerTooComplex(f"a metadata box has {length} bytes")
    file.seek(box.offset + box.header)
    return file.read(length)


def _blank(file: BinaryIO, offset: int, size: int) -> bool:
    file.seek(offset)
    left = size
    while left > 0:
        chunk = file.read(min(left, _PADDING_PROBE))
        if not chunk or chunk.strip(b"\0"):
            return False
        left -= len(chunk)
    return True


def _remote_in(xmp: bytes) -> str | None:
    match = _REMOTE.search(xmp)
    return match.group(1).decode("utf-8", "replace") if match else None


def _store_in(file: BinaryIO, box: Box, limits: ProvenanceLimits) -> bytes | None:
    """The manifest store of a C2PA box (appendix A.5: user type, version, purpose, offset)."""
    file.seek(box.offset + box.header)
    if file.read(16) != C2PA_UUID:
        return None
    purpose, _, rest = _payload(file, box, limits.max_store_bytes)[20:].partition(b"\0")
    return rest[8:] if purpose in (b"manifest", b"original", b"update") else None


def _remote_beside(file: BinaryIO, box: Box) -> str | None:
    file.seek(box.offset + box.header)
    if file.read(16) != XMP_UUID:
        return None
    return _remote_in(_payload(file, box, _XMP_PROBE)[16:])


def signed_before_break(path: Path, limits: ProvenanceLimits) -> bool:
    """Whether a broken BMFF file holds a whole manifest store before it breaks."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            for box in iterate_boxes(file, size, limits):
                if box.kind == b"uuid" and _store_in(file, box, limits) is not None:
                    return True
        except ContainerBroken:
            return False
    return False


def _read_bmff(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    boxes = list(iterate_boxes(file, size, limits))
    stores: list[bytes] = []
    remote: str | None = None
    uncovered: list[Uncovered] = []
    essential = [b.offset for b in boxes if b.kind in (b"moov", b"mdat", b"moof")]
    last = max(essential, default=-1)
    for box in boxes:
        if box.kind == b"uuid":
            store = _store_in(file, box, limits)
            if store is not None:
                stores.append(store)
            else:
                remote = remote or _remote_beside(file, box)
        elif box.kind in _UNCOVERED_TYPES:
            start, length = box.offset + box.header, box.size - box.header
            uncovered.append(
                Uncovered(
                    f"{box.kind.decode()} box",
                    box.offset,
                    box.size,
                    _blank(file, start, length),
                    box.offset > last >= 0,
                )
            )
    kinds = {box.kind for box in boxes}
    return Container(
        tuple(stores), remote, tuple(uncovered), tuple(boxes), bool(kinds & {b"moof", b"sidx"})
    )


def _read_png(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    stores: list[bytes] = []
    offset, remote = 8, None
    for _ in range(limits.max_boxes):
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            raise ContainerBroken("the PNG has no end")
        length, kind = struct.unpack(">I4s", head)
        if offset + 12 + length > size:
            raise ContainerBroken(f"the chunk at byte {offset} is cut off")
        if kind == b"caBX":
            if length > limits.max_store_bytes:
                raise ContainerTooComplex(f"the manifest store has {length} bytes")
            stores.append(file.read(length))
        elif kind == b"iTXt" and length <= _XMP_PROBE:
            remote = remote or _remote_in(file.read(length))
        offset += 12 + length
        if kind == b"IEND":
            return Container(tuple(stores), remote)
    raise ContainerTooComplex(f"more than {limits.max_boxes} chunks")


def _read_jpeg(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    offset, remote = 2, None
    parts: dict[int, list[tuple[int, bytes]]] = {}
    total = 0
    for _ in range(limits.max_boxes):
        file.seek(offset)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            raise ContainerBroken("the JPEG's segments do not hold together")
        marker, length = head[1], struct.unpack(">H", head[2:])[0]
        if marker == 0xDA:
            joined = []
            for group in parts.values():
                group.sort()
                # every further packet repeats the eight bytes of the superbox's header
                joined.append(b"".join(p if i == 0 else p[8:] for i, (_, p) in enumerate(group)))
            return Container(tuple(s for s in joined if s[4:8] == b"jumb"), remote)
        if offset + 2 + length > size or length < 2:
            raise ContainerBroken(f"the segment at byte {offset} is cut off")
        body = file.read(length - 2)
        if marker == 0xEB and body[:2] == b"JP" and len(body) > 16:
            instance, sequence = struct.unpack(">HI", body[2:8])
            parts.setdefault(instance, []).append((sequence, body[8:]))
            total += len(body)
            if total > limits.max_store_bytes:
                raise ContainerTooComplex(f"the manifest store has more than {total} bytes")
        elif marker == 0xE1:
            remote = remote or _remote_in(body)
        offset += 2 + length
    raise ContainerTooComplex(f"more than {limits.max_boxes} segments")


def _read_riff(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    stores: list[bytes] = []
    offset, remote = 12, None
    for _ in range(limits.max_boxes):
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            return Container(tuple(stores), remote)
        kind, length = struct.unpack("<4sI", head)
        if offset + 8 + length > size:
            raise ContainerBroken(f"the chunk at byte {offset} is cut off")
        if kind == b"C2PA":
            if length > limits.max_store_bytes:
                raise ContainerTooComplex(f"the manifest store has {length} bytes")
            stores.append(file.read(length))
        elif kind in (b"XMP ", b"_PMX") and length <= _XMP_PROBE:
            remote = remote or _remote_in(file.read(length))
        offset += 8 + length + (length & 1)
    raise ContainerTooComplex(f"more than {limits.max_boxes} chunks")


def read_container(path: Path, kind: FileKind, limits: ProvenanceLimits) -> Container:
    """What the outermost structure of ``path`` shows.

    Raises :class:`ContainerBroken`, :class:`ContainerTooComplex` or ``OSError``.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if kind.bmff:
            return _read_bmff(file, size, limits)
        if kind.mime == "image/png":
            return _read_png(file, size, limits)
        if kind.mime == "image/jpeg":
            return _read_jpeg(file, size, limits)
        if kind.mime in ("image/webp", "audio/wav", "video/x-msvideo"):
            return _read_riff(file, size, limits)
    return Container()
