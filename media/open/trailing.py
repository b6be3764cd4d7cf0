"""How many bytes lie behind the end of a file's own format: nobody looks at them.

Harmless in most files (makers' notes), and a second picture or video in some: motion photos, and
files that are two things at once. Only structures are walked; cost: a few reads.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from media.open.formats import Still

MOST_PARTS = 100_000
_CHUNK = 1 << 20


def trailing_bytes(path: Path, still: Still | None) -> int:
    """Bytes behind the last part of a file; 0 for formats that have no end of their own.

    ``still`` is its picture format, None for a video. Never raises for what is in the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        match still:
            case Still.PNG:
                end = _png(file, size)
            case Still.JPEG:
                end = _jpeg(file, size)
            case Still.WEBP:
                file.seek(4)
                length = struct.unpack("<I", file.read(4).ljust(4, b"\0"))[0]
                end = 8 + length + (length & 1)
            case Still.GIF:
                end = _gif(file, size)
            case Still.BMP | Still.TIFF:
                return 0
            case _:
                end = _boxes(file, size)
    return max(0, size - end)


def _boxes(file: BinaryIO, size: int) -> int:
    """Where the last whole box ends that says so itself (ISO/IEC 14496-12)."""
    offset = 0
    for _ in range(MOST_PARTS):
        file.seek(offset)
        head = file.read(16)
        if len(head) < 8:
            return offset if offset else size
        length, kind = struct.unpack(">I4s", head[:8])
        if offset == 0 and kind not in _OPENERS:
            return size
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        elif length == 0:
            return size
        if length < 8 or offset + length > size or not all(32 <= b < 127 or b > 160 for b in kind):
            # A media box that is cut off is damage, which the decoder tells.
            return size if kind in _OPENERS else offset
        offset += length
    return size


_OPENERS = (
    b"ftyp",
    b"styp",
    b"moov",
    b"moof",
    b"sidx",
    b"mdat",
    b"wide",
    b"free",
    b"skip",
    b"pnot",
    b"meta",
    b"uuid",
    b"mfra",
)


def _png(file: BinaryIO, size: int) -> int:
    offset = 8
    for _ in range(MOST_PARTS):
        file.seek(offset)
        head = file.read(8)
        if len(head) < 8:
            return size
        length, kind = struct.unpack(">I4s", head)
        offset += 12 + length
        if kind == b"IEND":
            return offset
    return size


def _jpeg(file: BinaryIO, size: int) -> int:
    """The end of the first picture: coded data holds no FF D9 (ITU-T T.81, B.1.1.2)."""
    offset = 2
    for _ in range(MOST_PARTS):
        file.seek(offset)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return size
        if head[1] == 0xFF:
            offset += 1
            continue
        if head[1] == 0xD9:
            return offset + 2
        if head[1] == 0xDA:
            return _find(file, offset + 4, b"\xff\xd9", size)
        offset += 2 + struct.unpack(">H", head[2:])[0]
    return size


def _find(file: BinaryIO, start: int, mark: bytes, size: int) -> int:
    file.seek(start)
    at, kept = start, b""
    while chunk := file.read(_CHUNK):
        found = (kept + chunk).find(mark)
        if found >= 0:
            return at - len(kept) + found + len(mark)
        at += len(chunk)
        kept = chunk[-(len(mark) - 1) :]
    return size


def _gif(file: BinaryIO, size: int) -> int:
    """GIF89a: header, then blocks up to the trailer."""
    file.seek(10)
    flags = (file.read(1) or b"\0")[0]
    offset = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    for _ in range(MOST_PARTS):
        file.seek(offset)
        head = file.read(10)
        if not head:
            return size
        if head[0] == 0x3B:
            return offset + 1
        if head[0] == 0x21:
            offset = _sub_blocks(file, offset + 2, size)
        elif head[0] == 0x2C and len(head) == 10:
            local = 3 << ((head[9] & 7) + 1) if head[9] & 0x80 else 0
            offset = _sub_blocks(file, offset + 11 + local, size)
        else:
            return size
    return size


def _sub_blocks(file: BinaryIO, offset: int, size: int) -> int:
    while offset < size:
        file.seek(offset)
        length = (file.read(1) or b"\0")[0]
        offset += 1 + length
        if length == 0:
            break
    return offset
