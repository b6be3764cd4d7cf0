"""A file in, batches of RGB frames out: a stream, whatever the length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from media.clip import Frames
from media.limits import MediaLimits
from media.open import open_media

_DEFAULT = MediaLimits()


def decode(path: Path, limits: MediaLimits = _DEFAULT) -> Iterator[Frames]:
    """Yield the frames that a player shows of ``path``: see :meth:`media.open.Media.frames`."""
    yield from open_media(path, limits).frames()
