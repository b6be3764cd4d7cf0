"""Opening a file with FFmpeg so that only this file is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.container
import av.error

from media.errors import MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.open.formats import DEMUXERS, WANTED


def check_file(path: Path, limits: MediaLimits) -> int:
    """The size of a file in bytes; raises :class:`UnreadableMedia` for what is no file and
    :class:`MediaLimitExceeded` for one that is too large."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableMedia(f"{path}: {error.strerror}", "check the path") from error
    if not path.is_file():
        raise UnreadableMedia(f"{path} is not a file", "give the path of a video or image file")
    if size > limits.max_bytes:
        raise MediaLimitExceeded(
            f"{path.name} has {size} bytes, more than {limits.max_bytes}",
            "shorten the video or raise limits.media.max_bytes",
        )
    return size


def unreadable(path: Path) -> UnreadableMedia:
    return UnreadableMedia(f"{path.name} is not a video or image that can be read", WANTED)


@contextmanager
def opened(
    path: Path, limits: MediaLimits, also: frozenset[str] = frozenset()
) -> Iterator[av.container.InputContainer]:
    """Open ``path`` for reading, or raise :class:`UnreadableMedia` / :class:`MediaLimitExceeded`.

    Nested protocols and playlist formats are refused. ``also`` are further demuxers.
    """
    check_file(path, limits)
    options = {"protocol_whitelist": "file", "enable_drefs": "0", "use_absolute_path": "0"}
    try:
        container = av.open(str(path), mode="r", options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise unreadable(path) from error
    try:
        if not (DEMUXERS | also).intersection(container.format.name.split(",")):
            raise UnreadableMedia(
                f"{path.name}: the format {container.format.name} is not read",
                "convert it to MP4",
            )
        yield container
    finally:
        container.close()


def check_size(width: int, height: int, limits: MediaLimits, name: str) -> None:
    """Raise :class:`MediaLimitExceeded` when a frame is smaller or larger than the limits."""
    too_small = min(width, height) < limits.min_side
    too_large = max(width, height) > limits.max_side or width * height > limits.max_pixels
    if too_small or too_large:
        raise MediaLimitExceeded(
            f"{name}: frames of {width}x{height} are outside {limits.min_side} to "
            f"{limits.max_side} pixels a side",
            "scale the video, or change limits.media",
        )
