"""Which kind of file this is, by its first bytes; names and extensions are not believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class FileKind:
    """A media type; ``embeds`` says whether C2PA stores can live inside such files."""

    mime: str
    embeds: bool = True
    bmff: bool = False


MP4 = FileKind("video/mp4", bmff=True)
QUICKTIME = FileKind("video/quicktime", bmff=True)
M4A = FileKind("audio/mp4", bmff=True)
HEIF = FileKind("image/heif", bmff=True)
HEIC = FileKind("image/heic", bmff=True)
AVIF = FileKind("image/avif", bmff=True)
JPEG = FileKind("image/jpeg")
PNG = FileKind("image/png")
WEBP = FileKind("image/webp")
WAV = FileKind("audio/wav")
AVI = FileKind("video/x-msvideo")
GIF = FileKind("image/gif")
TIFF = FileKind("image/tiff")
DNG = FileKind("image/x-adobe-dng")
SVG = FileKind("image/svg+xml")
JXL = FileKind("image/jxl")
PDF = FileKind("application/pdf")
MP3 = FileKind("audio/mpeg")
FLAC = FileKind("audio/flac")
FLV = FileKind("video/x-flv", embeds=False)
TS = FileKind("video/mp2t", embeds=False)
OGG = FileKind("application/ogg", embeds=False)
WEBM = FileKind("video/webm", embeds=False)
MATROSKA = FileKind("video/x-matroska", embeds=False)
MPEG = FileKind("video/mpeg", embeds=False)
ASF = FileKind("video/x-ms-asf", embeds=False)
IVF = FileKind("video/x-ivf", embeds=False)
RAW = FileKind("video/h264", embeds=False)
BMP = FileKind("image/bmp", embeds=False)
C2PA = FileKind("application/c2pa")

_BRANDS = {
    b"qt  ": QUICKTIME,
    b"M4A ": M4A,
    b"heic": HEIC,
    b"heix": HEIC,
    b"mif1": HEIF,
    b"avif": AVIF,
    b"avis": AVIF,
}
_STARTS = (
    (b"FLV\x01", FLV),
    (b"OggS", OGG),
    (b"\0\0\x01\xba", MPEG),
    (b"\0\0\x01\xb3", MPEG),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", ASF),
    (b"DKIF", IVF),
    (b"\0\0\0\x01", RAW),
    (b"\0\0\x01", RAW),
    (b"BM", BMP),
)
"""Of formats that carry no manifest, in this order."""
_RIFF = {b"WEBP": WEBP, b"WAVE": WAV, b"AVI ": AVI}
_EBML = b"\x1a\x45\xdf\xa3"
_BMFF_OPENERS = (b"ftyp", b"styp", b"moof", b"sidx", b"emsg", b"prft", b"uuid")
_QUICKTIME_OPENERS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
"""Old QuickTime files have no ``ftyp`` and begin with any of these."""
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DNG_VERSION = {b"I": b"\x12\xc6\x01\x00", b"M": b"\xc6\x12\x00\x01"}
"""The directory entry of a digital negative: tag 50706, of type BYTE."""
_TS_PACKETS = (188, 192, 204)
_ID3 = b"ID3"


def detect(head: bytes) -> FileKind | None:
    """The kind of a file from its first :data:`HEAD_BYTES` bytes, ``None`` when unknown."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head.startswith(_EBML):
        return WEBM if b"webm" in head[:64] else MATROSKA
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], MP4)
    if head[4:8] in _BMFF_OPENERS:
        return MP4
    if head[4:8] in _QUICKTIME_OPENERS:
        return QUICKTIME
    if head[4:8] == b"jumb":
        return C2PA
    return _further(head)


def _further(head: bytes) -> FileKind | None:
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return GIF
    if head[:4] in _TIFF:
        return DNG if _DNG_VERSION[head[:1]] in head else TIFF
    if head.startswith((b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a")):
        return JXL
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"fLaC"):
        return FLAC
    if head.startswith(_ID3) or (len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return MP3
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if _is_transport_stream(head):
        return TS
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"<?xml", b"<svg", b"<!DOCTYPE svg", b"<!--")) and b"<svg" in head:
        return SVG
    return None


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes at a packet's distance; M2TS puts four bytes before each packet."""
    for size in _TS_PACKETS:
        start = 4 if size == 192 else 0
        places = range(start, len(head), size)
        if len(places) > 2 and all(head[i] == 0x47 for i in places):
            return True
    return False


def detect_file(path: Path) -> FileKind | None:
    """:func:`detect` for a file; raises ``OSError``."""
    with path.open("rb") as file:
        return detect(file.read(HEAD_BYTES))
