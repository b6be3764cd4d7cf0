"""The formats that are read, one list for every door; told by first bytes, never by a name."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

DEMUXERS = frozenset(
    {
        *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "m4v", "matroska", "webm", "avi", "mpegts"),
        *("mpeg", "mpegvideo", "flv", "ogg", "asf", "h264", "hevc", "av1", "obu", "ivf"),
    }
)
"""Demuxers of FFmpeg for moving pictures. Those that may open other files or URLs named inside a
file are left out: an upload must not make us read a path or reach a host of its author's choice."""

VIDEOS = ("mp4", "mov", "m4v", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "flv", "ogv", "wmv")
PICTURES = (
    "png",
    "apng",
    "jpg",
    "jpeg",
    "webp",
    "gif",
    "avif",
    "heic",
    "heif",
    "bmp",
    "tif",
    "tiff",
)
SUFFIXES = frozenset(f".{ending}" for ending in VIDEOS + PICTURES)
"""Endings of the files that are read when a folder is given."""

WANTED = "give an MP4, MOV, WebM, MKV, AVI, TS, GIF, PNG, JPEG, WebP, AVIF or HEIC file"
"""The remedy for everything else."""

HEAD_BYTES = 64


class Still(StrEnum):
    """Formats of pictures and of sequences of pictures."""

    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    WEBP = "webp"
    AVIF = "avif"
    HEIC = "heic"
    BMP = "bmp"
    TIFF = "tiff"


_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


def still_of(head: bytes) -> Still | None:
    """The picture format of a file's first :data:`HEAD_BYTES` bytes; None for anything else."""
    for start, kind in (
        (b"\x89PNG\r\n\x1a\n", Still.PNG),
        (b"\xff\xd8\xff", Still.JPEG),
        (b"GIF87a", Still.GIF),
        (b"GIF89a", Still.GIF),
        (b"II*\0", Still.TIFF),
        (b"MM\0*", Still.TIFF),
        (b"BM", Still.BMP),
    ):
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Still.WEBP
    if head[4:8] == b"ftyp":
        # mif1 and msf1 name no codec: the compatible brands do.
        end = min(len(head), int.from_bytes(head[:4], "big"))
        brands = [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]
        if brands[0] in _AVIF or (brands[0] in {b"mif1", b"msf1"} and _AVIF & set(brands)):
            return Still.AVIF
        if brands[0] in _HEIC:
            return Still.HEIC
    return None


def head_of(path: Path) -> bytes:
    """The first bytes of a file; raises ``OSError``."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


_ENDINGS = {
    "matroska": ".mkv",
    "webm": ".mkv",
    "avi": ".avi",
    "mpegts": ".ts",
    "flv": ".flv",
    "mpeg": ".mpg",
    "ogg": ".ogv",
    "asf": ".wmv",
}


def ending_of(container: str) -> str:
    """The usual ending for a container as :class:`~media.open.media.VideoInfo` names it."""
    names = container.split(",")
    if names[0] in {still.value for still in Still}:
        return ".jpg" if names[0] == Still.JPEG else f".{names[0]}"
    return next((_ENDINGS[name] for name in names if name in _ENDINGS), ".mp4")
