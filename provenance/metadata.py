"""The texts that a file carries beside its picture: XMP, EXIF, PNG text, tags of containers.

Read from bytes, without decoding a picture, and bounded: at most so many texts of so many
characters. XMP is found where the formats put it, and else by scanning for its packets, as the
standard foresees for formats that one does not know.

Sources: ISO 16684-1 (XMP), XMP Specification Part 3; Exif 3.0; PNG (third edition), section 11.3.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from media.errors import MediaError
from provenance.containers import XMP_UUID

MOST_TEXTS = 256
MOST_TEXT_BYTES = 1024**2
"""Longest text or XMP packet, in bytes."""
MOST_SCANNED = 32 * 1024**2
"""Files up to this are scanned for XMP whole; of larger ones the beginning and the end."""
_END_SCANNED = 4 * 1024**2
_MOST_CHUNKS = 20_000

_XMP_BEGIN, _XMP_END = "<x:xmpmeta", "</x:xmpmeta>"
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_MORE = b"http://ns.adobe.com/xmp/extension/\0"
_EXIF_TEXTS = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x9286: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
_EXIF_XMP, _EXIF_SUB = 0x02BC, 0x8769
_EXIF_ERRORS = (
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    EOFError,
    OSError,
    struct.error,
)
"""What Pillow raises for directories that are wrong."""
_COMMENT_CODES = {
    b"UNICODE\0": "utf-16",
    b"ASCII\0\0\0": "latin-1",
    b"JIS\0\0\0\0\0": "iso2022_jp",
    b"\0" * 8: "utf-8",
}


@dataclass(frozen=True, slots=True)
class Text:
    """One text: where it stood (``xmp``, ``exif``, ``png``, ``container``), its key, itself."""

    place: str
    key: str
    text: str


def read_texts(path: Path) -> list[Text]:
    """At most :data:`MOST_TEXTS` texts of a file; never raises for what is in it."""
    found: list[Text] = []
    for source in (_structured, _scanned, _tags):
        with suppress(OSError, ValueError, struct.error, zlib.error, EOFError):
            for text in source(path):
                if text.text.strip("\0 \n") and text not in found:
                    found.append(text)
                if len(found) >= MOST_TEXTS:
                    return found
    return found


def _structured(path: Path) -> Iterator[Text]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:3] == b"\xff\xd8\xff":
            yield from _jpeg(data)
        elif data[:8] == b"\x89PNG\r\n\x1a\n":
            yield from _png(data)
        elif data[:4] == b"RIFF":
            yield from _riff(data)
        elif data[:4] in (b"II*\0", b"MM\0*"):
            yield from _exif(data[:MOST_TEXT_BYTES])
        elif data[4:8] in (b"ftyp", b"moov", b"free", b"wide", b"mdat", b"skip"):
            yield from _bmff(data)


def _jpeg(data: mmap.mmap) -> Iterator[Text]:
    offset, extended = 2, {}
    for _ in range(_MOST_CHUNKS):
        while data[offset : offset + 2] == b"\xff\xff":
            offset += 1  # fill bytes before a marker
        if offset + 4 > len(data) or data[offset] != 0xFF or data[offset + 1] == 0xDA:
            break
        marker, length = data[offset + 1], struct.unpack(">H", data[offset + 2 : offset + 4])[0]
        body = data[offset + 4 : offset + 2 + length]
        if marker == 0xE1 and body.startswith(_XMP_HEAD):
            yield Text("xmp", "", _decoded(body[len(_XMP_HEAD) :]))
        elif marker == 0xE1 and body.startswith(_XMP_MORE):
            rest = body[len(_XMP_MORE) :]
            extended[struct.unpack(">I", rest[36:40])[0]] = rest[40:]
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            yield from _exif(body)
        elif marker == 0xFE:
            yield Text("jpeg", "comment", _decoded(body))
        offset += 2 + length
    if extended:
        whole = b"".join(extended[at] for at in sorted(extended))
        yield Text("xmp", "extended", _decoded(whole[:MOST_TEXT_BYTES]))


def _png(data: mmap.mmap) -> Iterator[Text]:
    offset = 8
    for _ in range(_MOST_CHUNKS):
        if offset + 12 > len(data):
            return
        length, kind = struct.unpack(">I4s", data[offset : offset + 8])
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") and length <= MOST_TEXT_BYTES:
            body = data[offset + 8 : offset + 8 + length]
            if kind == b"eXIf":
                yield from _exif(body)
            else:
                with suppress(ValueError, zlib.error):
                    key, text = _png_text(kind, body)
                    yield Text("xmp" if key == "XML:com.adobe.xmp" else "png", key, text)
        offset += 12 + length
        if kind == b"IEND":
            return


def _png_text(kind: bytes, body: bytes) -> tuple[str, str]:
    key, _, rest = body.partition(b"\0")
    packed = kind == b"zTXt"
    if packed:
        rest = rest[1:]
    elif kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].split(b"\0", 2)[2]
    if packed:
        rest = zlib.decompressobj().decompress(rest, MOST_TEXT_BYTES)
    return key.decode("latin-1"), _decoded(rest)


def _riff(data: mmap.mmap) -> Iterator[Text]:
    offset = 12
    for _ in range(_MOST_CHUNKS):
        if offset + 8 > len(data):
            return
        kind, length = struct.unpack("<4sI", data[offset : offset + 8])
        if kind in (b"XMP ", b"_PMX", b"EXIF") and length <= MOST_TEXT_BYTES:
            body = data[offset + 8 : offset + 8 + length]
            if kind == b"EXIF":
                yield from _exif(body)
            else:
                yield Text("xmp", "", _decoded(body))
        offset += 8 + length + (length & 1)


def _bmff(data: mmap.mmap) -> Iterator[Text]:
    yield from _boxes(data, 0, len(data), 0)


def _boxes(data: mmap.mmap, offset: int, end: int, depth: int) -> Iterator[Text]:
    """XMP in ``uuid`` boxes and in QuickTime's ``XMP_``, at the top and below ``moov/udta``."""
    for _ in range(_MOST_CHUNKS):
        if offset + 8 > end:
            return
        size, kind = struct.unpack(">I4s", data[offset : offset + 8])
        header = 8
        if size == 1:
            size, header = struct.unpack(">Q", data[offset + 8 : offset + 16])[0], 16
        size = size or end - offset
        if size < header or offset + size > end:
            return
        start, stop = offset + header, min(offset + size, offset + header + MOST_TEXT_BYTES)
        if kind == b"uuid" and data[start : start + 16] == XMP_UUID:
            yield Text("xmp", "", _decoded(data[start + 16 : stop]))
        elif kind == b"XMP_":
            yield Text("xmp", "", _decoded(data[start:stop]))
        elif kind in (b"moov", b"udta", b"trak") and depth < 4:
            yield from _boxes(data, start, offset + size, depth + 1)
        offset += size


def _exif(body: bytes) -> Iterator[Text]:
    from PIL import Image

    exif = Image.Exif()
    try:
        exif.load(body)
        entries = dict(exif) | dict(exif.get_ifd(_EXIF_SUB))
    except _EXIF_ERRORS:
        return
    for tag, value in entries.items():
        if tag == _EXIF_XMP:
            raw = value if isinstance(value, bytes) else bytes(value)
            yield Text("xmp", "", _decoded(raw[:MOST_TEXT_BYTES]))
        elif tag in _EXIF_TEXTS:
            yield Text("exif", _EXIF_TEXTS[tag], _exif_text(tag, value)[:MOST_TEXT_BYTES])


def _exif_text(tag: int, value: object) -> str:
    if isinstance(value, tuple):
        value = bytes(v & 0xFF for v in value if isinstance(v, int))
    if not isinstance(value, bytes):
        return str(value)
    if tag >= 0x9C9B:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    code = _COMMENT_CODES.get(value[:8]) if tag == 0x9286 else None
    if code is None:
        return _decoded(value)
    if code == "utf-16":
        return _utf16(value[8:])
    return value[8:].decode(code, "replace").rstrip("\0")


def _utf16(raw: bytes) -> str:
    """UTF-16 without a mark of its order: the order in which most units are plain letters."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace").rstrip("\0")
    big = sum(1 for b in raw[0:400:2] if b == 0) >= sum(1 for b in raw[1:400:2] if b == 0)
    return raw.decode("utf-16-be" if big else "utf-16-le", "replace").rstrip("\0")


def _decoded(raw: bytes) -> str:
    raw = raw[:MOST_TEXT_BYTES]
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if b"\0" in raw[:64].rstrip(b"\0"):
        return _utf16(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _scanned(path: Path) -> Iterator[Text]:
    """XMP packets anywhere in a file (XMP Part 3, section 1.1), in UTF-8 and UTF-16."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        size = len(data)
        parts = [(0, size)]
        if size > MOST_SCANNED:
            parts = [(0, _END_SCANNED), (size - _END_SCANNED, size)]
        for code in ("ascii", "utf-16-le", "utf-16-be"):
            begin, end = _XMP_BEGIN.encode(code), _XMP_END.encode(code)
            for start, stop in parts:
                at = data.find(begin, start, stop)
                while at >= 0:
                    close = data.find(end, at, min(at + MOST_TEXT_BYTES, size))
                    if close < 0:
                        break
                    packet = data[at : close + len(end)]
                    yield Text(
                        "xmp", "", packet.decode("utf-8" if code == "ascii" else code, "replace")
                    )
                    at = data.find(begin, close, stop)


def _tags(path: Path) -> Iterator[Text]:
    """The tags of a container."""
    from media.open import open_media

    with suppress(MediaError):
        for key, value in open_media(path).metadata.items():
            yield Text("container", key, value[:MOST_TEXT_BYTES])
