"""Which kind of file this is, by its first bytes; names and extensions are not believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HEAD_BYTES = 64


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
WEBM = FileKind("video/webm", embeds=False)
MATROSKA = FileKind("video/x-matroska", embeds=False)
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
_RIFF = {b"WEBP": WEBP, b"WAVE": WAV, b"AVI ": AVI}
_EBML = b"\x1a\x45\xdf\xa3"
_BMFF_OPENERS = (b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"mdat", b"wide")


def detect(head: bytes) -> FileKind | None:
    """The kind of a file from its first :data:`HEAD_BYTES` bytes, ``None`` when unknown."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head.startswith(_EBML):
        return WEBM if b"webm" in head else MATROSKA
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], MP4)
    if head[4:8] in _BMFF_OPENERS:
        return MP4
    if head[4:8] == b"jumb":
        return C2PA
    return None


def detect_file(path: Path) -> FileKind | None:
    """:func:`detect` for a file; raises ``OSError``."""
    with path.open("rb") as file:
        return detect(file.read(HEAD_BYTES))
