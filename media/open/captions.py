"""Subtitles and captions as plain text with times."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av.error
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from media.errors import MediaLimitExceeded, UnreadableMedia
from media.limits import MediaLimits
from media.open.container import opened

_OVERRIDE = re.compile(r"\{\\[^}]*\}")
"""Styles inside a line, as FFmpeg writes those of every format (Advanced SubStation Alpha)."""


@dataclass(frozen=True, slots=True)
class TimedText:
    """A line and when it is shown, in seconds of the container's clock."""

    at: float
    text: str


def captions(path: Path, number: int, limits: MediaLimits) -> Iterator[TimedText]:
    """The lines of one track: mov_text, WebVTT, SubRip, ASS.

    Raises :class:`UnreadableMedia` for a track of pictures (PGS, DVD) or one that does not decode,
    and :class:`MediaLimitExceeded` past ``limits.max_caption_letters``.
    """
    letters = 0
    with opened(path, limits) as container:
        stream = container.streams[number]
        if not isinstance(stream, SubtitleStream) or stream.codec_context is None:
            raise UnreadableMedia(f"{path.name}: stream {number} is no text")
        try:
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                at = float((packet.pts or 0) * (packet.time_base or 0))
                for shown in packet.decode():
                    if not isinstance(shown, AssSubtitle):
                        raise UnreadableMedia(f"{path.name}: its subtitles are pictures")
                    text = plain(shown.dialogue.decode("utf-8", "replace"))
                    letters += len(text)
                    if letters > limits.max_caption_letters:
                        raise MediaLimitExceeded(
                            f"the subtitles of {path.name} have more than "
                            f"{limits.max_caption_letters} letters",
                            "cut them, or raise limits.media.max_caption_letters",
                        )
                    if text:
                        yield TimedText(at, text)
        except (av.error.FFmpegError, ValueError) as error:
            raise UnreadableMedia(
                f"the subtitles of {path.name} break off", "get an undamaged copy"
            ) from error


def plain(line: str) -> str:
    """A line without its styles and breaks."""
    text = _OVERRIDE.sub("", line).replace("\\N", " ").replace("\\n", " ").replace("\\h", " ")
    return " ".join(text.split())
