"""Where a manifest store lies in stills, sound and documents: everything but BMFF.

Walks only the outermost structure. Cost: a few reads per segment; memory is bounded by the store.

Source: C2PA 2.4, appendix A.3 (JPEG, PNG, GIF, TIFF, RIFF, SVG, PDF), A.4 (ID3).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable
from typing import BinaryIO

from provenance.limits import ProvenanceLimits
from provenance.outline import (
    Container,
    ContainerBroken,
    ContainerTooComplex,
    Place,
    remote_in,
)

Reader = Callable[[BinaryIO, int, ProvenanceLimits], Container]
_STORE = re.compile(
    rb"(.{4})jumb.{4}jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x008\x9bq\x03c2pa\x00", re.DOTALL
)
"""The beginning of a manifest store: a superbox of the C2PA type, with the label ``c2pa``."""
_SVG = re.compile(rb"<c2pa:manifest[^>]*>([A-Za-z0-9+/=\s]*)</c2pa:manifest\s*>")
_TIFF_STORE, _TIFF_XMP = 0xCD41, 700
_GIF_STORE, _GIF_XMP = b"C2PA_GIF", b"XMP Data"


def _bounded(length: int, limits: ProvenanceLimits) -> int:
    if length > limits.max_store_bytes:
        raise ContainerTooComplex(f"the manifest store has {length} bytes")
    return length


def _xmp(file: BinaryIO, length: int, limits: ProvenanceLimits) -> str | None:
    """The server that ``length`` bytes of XMP from here name; longer XMP is read in part."""
    return remote_in(file.read(min(length, limits.max_xmp_bytes)))


def read_png(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    stores: list[bytes] = []
    places: list[Place] = []
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
            stores.append(file.read(_bounded(length, limits)))
            places.append(Place(offset, length + 12))
        elif kind == b"iTXt":
            remote = remote or _xmp(file, length, limits)
        offset += 12 + length
        if kind == b"IEND":
            return Container(
                tuple(stores), remote, store_places=tuple(places), trailing=_rest(offset, size)
            )
    raise ContainerTooComplex(f"more than {limits.max_boxes} chunks")


def _rest(offset: int, size: int) -> Place | None:
    return Place(offset, size - offset) if offset < size else None


def read_jpeg(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    offset, remote = 2, None
    parts: dict[int, list[tuple[int, bytes, Place]]] = {}
    total = 0
    for _ in range(limits.max_boxes):
        file.seek(offset)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            raise ContainerBroken("the JPEG's segments do not hold together")
        if head[1] == 0xFF:  # any marker may be preceded by fill bytes (ISO 10918-1, B.1.1.2)
            offset += 1
            continue
        marker, length = head[1], struct.unpack(">H", head[2:])[0]
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers that stand alone
            offset += 2
            continue
        if marker in (0xDA, 0xD9):
            stores: list[bytes] = []
            places: list[Place] = []
            for group in parts.values():
                group.sort(key=lambda part: part[0])
                # every further packet repeats the eight bytes of the superbox's header
                data = b"".join(p if i == 0 else p[8:] for i, (_, p, _) in enumerate(group))
                # other standards keep their own superboxes in the same kind of segment
                if data[4:8] == b"jumb" and b"c2pa" in data[:48]:
                    stores.append(data)
                    places += [place for _, _, place in group]
            return Container(tuple(stores), remote, store_places=tuple(places))
        if offset + 2 + length > size or length < 2:
            raise ContainerBroken(f"the segment at byte {offset} is cut off")
        body = file.read(length - 2)
        if marker == 0xEB and body[:2] == b"JP" and len(body) > 16:
            instance, sequence = struct.unpack(">HI", body[2:8])
            place = Place(offset, length + 2)
            parts.setdefault(instance, []).append((sequence, body[8:], place))
            total += _bounded(total + len(body), limits) - total
        elif marker == 0xE1:
            remote = remote or remote_in(body)
        offset += 2 + length
    raise ContainerTooComplex(f"more than {limits.max_boxes} segments")


def read_riff(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    stores: list[bytes] = []
    places: list[Place] = []
    offset, remote = 12, None
    file.seek(4)
    declared = struct.unpack("<I", file.read(4).ljust(4, b"\0"))[0] + 8
    for _ in range(limits.max_boxes):
        if offset >= min(declared, size):
            return Container(
                tuple(stores), remote, store_places=tuple(places), trailing=_rest(offset, size)
            )
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            return Container(tuple(stores), remote, store_places=tuple(places))
        kind, length = struct.unpack("<4sI", head)
        if offset + 8 + length > size:
            raise ContainerBroken(f"the chunk at byte {offset} is cut off")
        if kind == b"C2PA":
            stores.append(file.read(_bounded(length, limits)))
            places.append(Place(offset, length + 8 + (length & 1)))
        elif kind in (b"XMP ", b"_PMX"):
            remote = remote or _xmp(file, length, limits)
        offset += 8 + length + (length & 1)
    raise ContainerTooComplex(f"more than {limits.max_boxes} chunks")


def _sub_blocks(file: BinaryIO, limits: ProvenanceLimits, keep: bool) -> bytes:
    """Data in sub-blocks up to the empty one; what is not kept is passed over."""
    kept = bytearray()
    for _ in range(limits.max_file_bytes):
        length = file.read(1)
        if not length:
            raise ContainerBroken("a block of the GIF is cut off")
        if length == b"\0":
            return bytes(kept)
        if keep:
            kept += file.read(length[0])
            _bounded(len(kept), limits)
        else:
            file.seek(length[0], 1)
    raise ContainerTooComplex("too many blocks")


def read_gif(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    file.seek(0)
    head = file.read(13)
    if len(head) < 13:
        raise ContainerBroken("the GIF is cut off")
    if head[10] & 0x80:
        file.seek(3 << ((head[10] & 7) + 1), 1)
    stores: list[bytes] = []
    places: list[Place] = []
    remote: str | None = None
    for _ in range(limits.max_boxes):
        offset = file.tell()
        kind = file.read(1)
        if kind == b"\x3b":
            return Container(
                tuple(stores),
                remote,
                store_places=tuple(places),
                trailing=_rest(file.tell(), size),
            )
        if kind == b"\x2c":
            descriptor = file.read(9)
            if len(descriptor) < 9:
                raise ContainerBroken("a picture of the GIF is cut off")
            if descriptor[8] & 0x80:
                file.seek(3 << ((descriptor[8] & 7) + 1), 1)
            file.seek(1, 1)
            _sub_blocks(file, limits, keep=False)
        elif kind == b"\x21":
            label = file.read(1)
            name = file.read(12)[1:9] if label == b"\xff" else b""
            if label != b"\xff":
                _sub_blocks(file, limits, keep=False)
                continue
            body = _sub_blocks(file, limits, keep=name in (_GIF_STORE, _GIF_XMP))
            if name == _GIF_STORE:
                stores.append(body)
                places.append(Place(offset, file.tell() - offset))
            elif name == _GIF_XMP:
                remote = remote or remote_in(body)
        else:
            raise ContainerBroken(f"the block at byte {offset} is of no known kind")
    raise ContainerTooComplex(f"more than {limits.max_boxes} blocks")


def read_tiff(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    file.seek(0)
    head = file.read(16).ljust(16, b"\0")
    order = "<" if head[:2] == b"II" else ">"
    big = struct.unpack(order + "H", head[2:4])[0] == 43
    word, entry, count_format = ("Q", 20, "Q") if big else ("I", 12, "H")
    start = struct.unpack_from(order + word, head, 8 if big else 4)[0]
    width, count_width = struct.calcsize(word), struct.calcsize(count_format)
    stores: list[bytes] = []
    places: list[Place] = []
    remote: str | None = None
    seen: set[int] = set()
    for _ in range(limits.max_manifests):
        if not start:
            return Container(tuple(stores), remote, store_places=tuple(places))
        if start in seen or start + count_width > size:
            raise ContainerBroken("the TIFF's directories do not hold together")
        seen.add(start)
        file.seek(start)
        count = struct.unpack(order + count_format, file.read(count_width))[0]
        table = file.read(min(count, limits.max_boxes) * entry + width)
        if len(table) < count * entry + width:
            raise ContainerBroken("a directory of the TIFF is cut off")
        for index in range(count):
            tag, kind = struct.unpack_from(order + "HH", table, index * entry)
            length, place = struct.unpack_from(order + word * 2, table, index * entry + 4)
            if tag not in (_TIFF_STORE, _TIFF_XMP) or kind not in (1, 7) or length <= width:
                continue
            if place + length > size:
                raise ContainerBroken("a field of the TIFF is cut off")
            file.seek(place)
            if tag == _TIFF_STORE:
                stores.append(file.read(_bounded(length, limits)))
                # its length in the directory belongs to it (18.5.5)
                said = start + count_width + index * entry + 4
                places += [Place(said, width), Place(place, length)]
            else:
                remote = remote or _xmp(file, length, limits)
        start = struct.unpack_from(order + word, table, count * entry)[0]
    raise ContainerTooComplex("too many directories")


def _syncsafe(data: bytes) -> int:
    return sum((b & 0x7F) << (7 * (3 - i)) for i, b in enumerate(data))


def read_id3(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return Container()
    version, end = head[3], min(10 + _syncsafe(head[6:10]), size)
    stores: list[bytes] = []
    places: list[Place] = []
    remote: str | None = None
    offset = 10
    for _ in range(limits.max_boxes):
        file.seek(offset)
        frame = file.read(10)
        if offset + 10 > end or frame[:1] == b"\0":
            return Container(tuple(stores), remote, store_places=tuple(places))
        length = _syncsafe(frame[4:8]) if version >= 4 else struct.unpack(">I", frame[4:8])[0]
        if offset + 10 + length > end:
            raise ContainerBroken(f"the frame at byte {offset} is cut off")
        if frame[:4] in (b"GEOB", b"PRIV"):
            body = file.read(_bounded(length, limits))
            found = _STORE.search(body) if frame[:4] == b"GEOB" else None
            if found is not None:
                begin = found.start()
                stores.append(body[begin : begin + struct.unpack(">I", found.group(1))[0]])
                places.append(Place(offset, length + 10))
            elif body.startswith(b"XMP\0"):
                remote = remote or remote_in(body)
        offset += 10 + length
    raise ContainerTooComplex(f"more than {limits.max_boxes} frames")


def read_svg(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    if size > 2 * limits.max_store_bytes:
        raise ContainerTooComplex(f"the drawing has {size} bytes")
    file.seek(0)
    data = file.read(size)
    stores: list[bytes] = []
    places: list[Place] = []
    for found in _SVG.finditer(data):
        try:
            stores.append(base64.b64decode(b"".join(found.group(1).split()), validate=True))
        except binascii.Error as error:
            raise ContainerBroken("the manifest in the drawing is no base64") from error
        places.append(Place(found.start(1), found.end(1) - found.start(1)))
    return Container(tuple(s for s in stores if s), remote_in(data), store_places=tuple(places))


def read_scanned(file: BinaryIO, size: int, limits: ProvenanceLimits) -> Container:
    """Formats without a walk of our own (PDF, JPEG XL, FLAC): stores are found by their beginning.

    Only stores that lie in the file as they are; the last one counts, as in a PDF's updates.
    """
    if size > 8 * limits.max_store_bytes:
        raise ContainerTooComplex(f"the file has {size} bytes")
    file.seek(0)
    data = file.read(size)
    found = [
        Place(m.start(), struct.unpack(">I", m.group(1))[0])
        for m in _STORE.finditer(data)
        if m.start() + struct.unpack(">I", m.group(1))[0] <= size
    ]
    last = found[-1:]
    stores = tuple(data[p.start : p.end] for p in last if p.size <= limits.max_store_bytes)
    return Container(stores, remote_in(data), store_places=tuple(last))


READERS: dict[str, Reader] = {
    "image/png": read_png,
    "image/jpeg": read_jpeg,
    "image/webp": read_riff,
    "audio/wav": read_riff,
    "video/x-msvideo": read_riff,
    "image/gif": read_gif,
    "image/tiff": read_tiff,
    "image/x-adobe-dng": read_tiff,
    "audio/mpeg": read_id3,
    "image/svg+xml": read_svg,
    "application/pdf": read_scanned,
    "image/jxl": read_scanned,
    "audio/flac": read_scanned,
}
