"""What a media file says of itself, read without decoding more than its headers."""

from __future__ import annotations

from pathlib import Path

from media.limits import MediaLimits
from media.open import VideoInfo, open_media

_DEFAULT = MediaLimits()


def probe(path: Path, limits: MediaLimits = _DEFAULT) -> VideoInfo:
    """The picture that a player shows of ``path``; raises as :func:`media.open.open_media`."""
    return open_media(path, limits).info
